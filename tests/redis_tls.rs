//! Redis over TLS: whom we trust, who we are, and what is said when that fails. Real servers, certificates of the test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flags_runtime::source::redis::RedisSource;
use flags_runtime::source::redis::admin::{Admin, AuditNote};
use flags_runtime::source::{Mode, Source, SourceError, SourceErrorKind};
use flags_workspace_tests::change::{keys, next_change};
use flags_workspace_tests::eventually;
use flags_workspace_tests::redis::{RedisServer, free_port};
use flags_workspace_tests::wire::Dripping;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// An authority and what it has signed, as files.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = named("an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// Writes `NAME.pem` and `NAME.key` for this host.
    fn sign(&self, name: &str, host: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = named(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// A server that speaks TLS on a second port, with `server.pem`.
    fn server(&self, asks_for_certificates: bool) -> (RedisServer, u16) {
        let port = free_port();
        let answer = if asks_for_certificates { "yes" } else { "no" };
        let server = RedisServer::with_config(&[
            &format!("tls-port {port}"),
            &format!("tls-cert-file {}", self.path("server.pem")),
            &format!("tls-key-file {}", self.path("server.key")),
            &format!("tls-ca-cert-file {}", self.path("ca.pem")),
            &format!("tls-auth-clients {answer}"),
        ]);
        (server, port)
    }
}

/// A name of its own: OpenSSL takes a certificate for its own issuer if both have one name.
fn named(name: &str) -> DistinguishedName {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, format!("{name} {}", NAMES.fetch_add(1, Ordering::Relaxed)));
    distinguished
}

fn told(error: &SourceError) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

fn refused(url: &str) -> (SourceErrorKind, String) {
    let error = match RedisSource::new(url) {
        Ok(mut source) => source.fetch(&["a"]).unwrap_err(),
        Err(error) => error,
    };
    (error.kind(), told(&error))
}

#[test]
fn documents_are_read_pushed_and_written_over_tls() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    let (server, port) = authority.server(false);
    let url = format!("rediss://127.0.0.1:{port}?cacert={}", authority.path("ca.pem"));
    let mut source = RedisSource::new(&url).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    assert_eq!(source.mode(), Mode::Push);
    server.cli(&["SET", "ff:a", "1"]);
    assert_eq!(next_change(&mut source), keys(&["a"]));
    Admin::connect(&url, "ff:").unwrap().disable("b", &AuditNote::new("a test")).unwrap();
    assert_eq!(next_change(&mut source), keys(&["b"]));
    // More than one record of TLS, and more than one packet.
    server.cli(&["SETRANGE", "ff:big", "3000000", "x"]);
    assert_eq!(source.fetch(&["big"]).unwrap()[0].as_ref().map(Vec::len), Some(3_000_001));
}

#[test]
fn a_link_over_tls_notices_a_kill_and_a_hang() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    let (mut server, port) = authority.server(false);
    let url = format!("rediss://127.0.0.1:{port}?cacert={}", authority.path("ca.pem"));
    let mut source = RedisSource::new(&url).unwrap();
    source.fetch(&["a"]).unwrap();
    server.stop_process();
    let lost = |source: &mut RedisSource| {
        assert!(eventually(Duration::from_secs(10), || source.wait(Duration::from_millis(250)).is_err()));
    };
    lost(&mut source);
    server.continue_process();
    assert!(eventually(Duration::from_secs(10), || source.fetch(&["a"]).is_ok()));
    server.kill();
    lost(&mut source);
    server.restart();
    assert!(eventually(Duration::from_secs(10), || source.fetch(&["a"]).is_ok()));
}

#[test]
fn a_server_that_nobody_trusts_is_refused() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    let (_server, port) = authority.server(false);
    let other = Authority::new();
    let (kind, said) = refused(&format!("rediss://127.0.0.1:{port}?cacert={}", other.path("ca.pem")));
    assert_eq!(kind, SourceErrorKind::Configuration, "{said}");
    assert!(said.contains("TLS handshake failed") && said.contains("UnknownIssuer"), "{said}");
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    authority.sign("server", "example.org");
    let (_server, port) = authority.server(false);
    let (kind, said) = refused(&format!("rediss://127.0.0.1:{port}?cacert={}", authority.path("ca.pem")));
    assert_eq!(kind, SourceErrorKind::Configuration, "{said}");
    assert!(said.contains("not valid for"), "{said}");
}

#[test]
fn a_client_certificate_lets_us_in_and_its_absence_is_told() {
    let authority = Authority::new();
    authority.sign("server", "127.0.0.1");
    authority.sign("client", "client");
    let (_server, port) = authority.server(true);
    let url = format!("rediss://127.0.0.1:{port}?cacert={}", authority.path("ca.pem"));
    let (kind, said) = refused(&url);
    assert_eq!(kind, SourceErrorKind::Configuration, "{said}");
    let files = format!("&cert={}&key={}", authority.path("client.pem"), authority.path("client.key"));
    let mut source = RedisSource::new(&format!("{url}{files}")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    // A certificate that is renewed is used at the next connect; one that is gone is told.
    fs::remove_file(authority.file("client.pem")).unwrap();
    assert_eq!(source.fetch(&["a"]).unwrap(), [None]);
    let (_, said) = refused(&format!("{url}{files}"));
    assert!(said.contains("`cert=") && said.contains("client.pem"), "{said}");
}

#[test]
fn wrong_files_and_halves_are_named_when_the_url_is_read() {
    let authority = Authority::new();
    authority.sign("client", "client");
    fs::write(authority.file("empty.pem"), "").unwrap();
    let (ca, client) = (authority.path("ca.pem"), authority.path("client.pem"));
    for (settings, part) in [
        (format!("cacert={ca}&cert={client}"), "only one of `cert=` and `key=`"),
        (format!("cacert={}", authority.path("empty.pem")), "holds no certificates"),
        (format!("cacert={ca}&cert={client}&key={ca}"), "holds no private key"),
        ("cacert=/nowhere".to_owned(), "`cacert=/nowhere`"),
        (format!("cacrt={ca}"), "no setting here"),
    ] {
        let error = RedisSource::new(&format!("rediss://u:hunter2@127.0.0.1:1?{settings}")).unwrap_err();
        let said = told(&error);
        assert!(said.contains(part) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_server_without_tls_and_one_that_drips_are_left() {
    let authority = Authority::new();
    let plain = RedisServer::start();
    let ca = authority.path("ca.pem");
    let (kind, said) = refused(&format!("rediss://127.0.0.1:{}?cacert={ca}", plain.port()));
    assert!(said.contains("TLS"), "{kind:?} {said}");
    let dripping = Dripping::start(b"\x16\x03\x03\x40\x00");
    let (kind, said) = refused(&format!("{}?cacert={ca}", dripping.url().replace("redis:", "rediss:")));
    assert_eq!(kind, SourceErrorKind::Unreachable, "{said}");
    assert!(said.contains("handshake was not finished"), "{said}");
}
