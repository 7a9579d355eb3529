//! Deployment: one server, a primary that sentinels know, or a cluster; read from a URL.
//!
//! | URL | |
//! |---|---|
//! | `redis://[user:password@]host[:port][/database]` | one server; `rediss://` over TLS |
//! | `unix:/path`, `redis+unix:///path`, both with `?db=`, `user=`, `pass=` | one server |
//! | `redis+sentinel://[user:password@]host[:port],host[:port]/name[/database]` | whom these sentinels call the primary of `name` |
//! | `redis+cluster://[user:password@]host[:port],host[:port]` | the cluster that one of these nodes belongs to |
//!
//! `rediss+sentinel://` and `rediss+cluster://` speak TLS. With TLS `?cacert=`, `cert=` and `key=` name PEM files, as the
//! options of `redis-cli` do; sentinels with a login of their own get it by `?sentinel_user=` and `sentinel_password=`.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::percent_decode_str;

use super::endpoint::{Address, Credentials, Endpoint, in_database};
use super::tls::Tls;
use crate::source::{REDIS_SCHEMES, SourceError};

/// What a URL names. Shown without passwords, in `Debug` too.
#[derive(Clone)]
pub(super) enum Deployment {
    Single(Endpoint),
    Sentinel(Sentinels),
    Cluster(Seeds),
}

/// Who knows where the primary is.
#[derive(Clone)]
pub(super) struct Sentinels {
    pub(super) members: Vec<Endpoint>,
    /// What they call the primary and its replicas.
    pub(super) name: String,
    /// How the primary is talked to, wherever it is: its address is to be put in.
    pub(super) node: Endpoint,
}

/// Some nodes of a cluster; any of them knows the others.
#[derive(Clone)]
pub(super) struct Seeds(pub(super) Vec<Endpoint>);

const SENTINEL_PORT: u16 = 26379;
const SENTINEL_FORM: &str = "`redis+sentinel://user:password@host:26379,host:26379/name/0`";
const CLUSTER_FORM: &str = "`redis+cluster://user:password@host:6379,host:6379`";
const SINGLE_FORM: &str = "`redis://user:password@host:6379/database`";

impl Deployment {
    /// Reads a URL; the table is above.
    ///
    /// # Errors
    ///
    /// A configuration error that says which part is wrong. It does not repeat the URL: a password may be in it.
    pub(super) fn parse(url: &str) -> Result<Self, SourceError> {
        let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
        if url.contains('#') {
            return wrong("holds a `#`: in a user or password it is written `%23`");
        }
        match scheme.as_str() {
            "unix" | "redis+unix" => Endpoint::parse(url, None).map(Self::Single),
            "redis" | "rediss" => {
                let Parts { authority, path, mut settings } = Parts::of(url, SINGLE_FORM)?;
                let tls = Tls::from_settings(scheme == "rediss", &mut settings)?;
                refuse_others(&settings, SINGLE_FORM)?;
                Endpoint::parse(&format!("redis://{authority}{path}"), tls).map(Self::Single)
            }
            "redis+sentinel" | "rediss+sentinel" => {
                let Parts { authority, path, mut settings } = Parts::of(url, SENTINEL_FORM)?;
                let tls = Tls::from_settings(scheme == "rediss+sentinel", &mut settings)?;
                let login = (settings.remove("sentinel_user"), settings.remove("sentinel_password"));
                refuse_others(&settings, SENTINEL_FORM)?;
                sentinels(authority, path, tls.as_ref(), (login.0.as_deref(), login.1.as_deref())).map(Self::Sentinel)
            }
            "redis+cluster" | "rediss+cluster" => {
                let Parts { authority, path, mut settings } = Parts::of(url, CLUSTER_FORM)?;
                let tls = Tls::from_settings(scheme == "rediss+cluster", &mut settings)?;
                refuse_others(&settings, CLUSTER_FORM)?;
                if !matches!(path, "" | "/" | "/0") {
                    return wrong(
                        "names a database, and a cluster has one only: leave out what stands behind the hosts",
                    );
                }
                nodes(authority, "", tls.as_ref(), None).map(|seeds| Self::Cluster(Seeds(seeds)))
            }
            _ => wrong("does not begin with a known scheme: write `redis://host:6379` or `unix:/path/to/socket`"),
        }
    }

    /// Where it is, without a word about what it is: `127.0.0.1:6379, database 3`.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Single(endpoint) => endpoint.place(),
            Self::Sentinel(Sentinels { members, name, node }) => {
                in_database(&format!("primary `{name}` of the sentinels {}", addresses(members)), node.database)
            }
            Self::Cluster(Seeds(seeds)) => format!("cluster of {}", addresses(seeds)),
        }
    }

    /// Who asks, in the same way everywhere.
    pub(super) fn node(&self) -> Option<&Endpoint> {
        match self {
            Self::Single(endpoint) => Some(endpoint),
            Self::Sentinel(sentinels) => Some(&sentinels.node),
            Self::Cluster(Seeds(seeds)) => seeds.first(),
        }
    }
}

/// Whether a text names a Redis by its scheme, whatever stands behind it.
pub fn is_redis_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| REDIS_SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

fn addresses(endpoints: &[Endpoint]) -> String {
    endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect::<Vec<_>>().join(", ")
}

fn wrong<T>(what: &str) -> Result<T, SourceError> {
    Err(SourceError::configuration(format!("the redis URL {what}")))
}

/// A URL cut at its seams.
struct Parts<'a> {
    /// user, password, hosts and ports
    authority: &'a str,
    /// with its leading slash, or empty
    path: &'a str,
    settings: BTreeMap<String, String>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str, form: &str) -> Result<Self, SourceError> {
        let Some((_, rest)) = url.split_once("://") else { return wrong(&format!("has no `//`: write {form}")) };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let at_path = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at_path);
        if path.contains('@') {
            return wrong(&format!(
                "holds a `/` before its `@`: in a user or password it is written `%2F`; write {form}"
            ));
        }
        let mut settings = BTreeMap::new();
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            // What is no setting may be the end of a password with a `?`: it is not repeated.
            let Some((name, value)) = setting.split_once('=') else {
                return wrong(&format!(
                    "holds a `?` without `name=value`: in a password it is written `%3F`; write {form}"
                ));
            };
            let Ok(value) = percent_decode_str(value).decode_utf8() else {
                return wrong("has a setting that is not UTF-8 text");
            };
            settings.insert(name.to_owned(), value.into_owned());
        }
        Ok(Self { authority, path, settings })
    }
}

fn refuse_others(settings: &BTreeMap<String, String>, form: &str) -> Result<(), SourceError> {
    if settings.is_empty() {
        return Ok(());
    }
    // A name is not repeated either: it may be a part of a password that holds a `?`.
    wrong(&format!(
        "holds a `?` and behind it what is no setting here: in a user or password it is written `%3F`; write {form}, with \
         TLS (`rediss`) also `?cacert=`, `cert=` and `key=`, with sentinels `?sentinel_user=` and `sentinel_password=`"
    ))
}

/// The endpoints of a list of hosts, which share one login.
fn nodes(authority: &str, database: &str, tls: Option<&Tls>, port: Option<u16>) -> Result<Vec<Endpoint>, SourceError> {
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (format!("{login}@"), hosts),
        None => (String::new(), authority),
    };
    let endpoints = hosts.split(',').map(|host| {
        let host = host.trim();
        let has_port = host.rsplit_once(':').is_some_and(|(before, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && !before.is_empty()
        });
        let port = port.filter(|_| !has_port).map(|port| format!(":{port}")).unwrap_or_default();
        Endpoint::parse(&format!("redis://{login}{host}{port}{database}"), tls.cloned())
    });
    endpoints.collect()
}

fn sentinels(
    authority: &str,
    path: &str,
    tls: Option<&Tls>,
    login: (Option<&str>, Option<&str>),
) -> Result<Sentinels, SourceError> {
    let (name, database) = path.trim_start_matches('/').split_once('/').map_or_else(
        || (path.trim_start_matches('/'), String::new()),
        |(name, database)| (name, format!("/{database}")),
    );
    let name = percent_decode_str(name).decode_utf8().unwrap_or_default().into_owned();
    if name.is_empty() {
        return wrong(&format!("does not say what the sentinels call the primary: write {SENTINEL_FORM}"));
    }
    let nodes = nodes(authority, &database, tls, Some(SENTINEL_PORT))?;
    let Some(node) = nodes.first().cloned() else { return wrong("names no sentinel") };
    let members = nodes
        .into_iter()
        .map(|node| Endpoint { credentials: Credentials::given(login.0, login.1), database: 0, ..node })
        .collect();
    Ok(Sentinels { members, name, node: node.at(Address::Tcp { host: String::new(), port: 0 }) })
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(endpoint) => endpoint.fmt(f),
            Self::Sentinel(_) | Self::Cluster(_) => write!(f, "redis {}", self.place()),
        }
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deployment({self})")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Deployment::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn a_single_server_is_named_by_host_and_port_or_socket() {
        for (url, shown) in [
            ("redis://127.0.0.1", "redis at 127.0.0.1:6379"),
            ("redis://u:p@example.org:7000/3", "redis at example.org:7000, database 3"),
            ("redis://[::1]:7000", "redis at [::1]:7000"),
            ("unix:/run/redis.sock", "redis at unix:/run/redis.sock"),
        ] {
            assert_eq!(Deployment::parse(url).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn sentinels_have_a_port_of_their_own_and_hand_on_login_and_database() {
        let deployment = Deployment::parse("redis+sentinel://u:s%40cret@a,b:7000,[::1]/my%2Dprimary/2").unwrap();
        assert_eq!(
            deployment.to_string(),
            "redis primary `my-primary` of the sentinels a:26379, b:7000, [::1]:26379, database 2"
        );
        let Deployment::Sentinel(Sentinels { members, node, .. }) = deployment else { panic!("no sentinels") };
        assert_eq!(node.credentials.unwrap().password, "s@cret");
        assert!(members.iter().all(|sentinel| sentinel.credentials.is_none() && sentinel.database == 0));
    }

    #[test]
    fn sentinels_may_have_a_login_of_their_own() {
        let url = "redis+sentinel://a/x?sentinel_user=watcher&sentinel_password=p%26q";
        let Deployment::Sentinel(Sentinels { members, node, .. }) = Deployment::parse(url).unwrap() else {
            panic!("no sentinels")
        };
        assert!(node.credentials.is_none());
        let credentials = members[0].credentials.as_ref().unwrap();
        assert_eq!((credentials.username.as_deref(), credentials.password.as_str()), (Some("watcher"), "p&q"));
    }

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes() {
        let deployment = Deployment::parse("redis+cluster://u:p@a:7000,b/").unwrap();
        assert_eq!(deployment.to_string(), "redis cluster of a:7000, b:6379");
        assert!(refusal("redis+cluster://a/3").contains("has one only"));
    }

    #[test]
    fn what_is_wrong_is_named_and_never_repeated() {
        for (url, part) in [
            ("redis+sentinel://u:hunter2@a", "what the sentinels call the primary"),
            ("redis://u:hunter2?x@a", "`%3F`"),
            ("redis://u:p@a/?hunter2=1", "no setting here"),
            ("redis://u:p@a/?cacert=/x", "`rediss`"),
            ("redis://u:hunter2#@a", "`%23`"),
            ("redis+sentinel:a", "has no `//`"),
            ("redis+sentinel://u:1/hunter2@a", "`%2F`"),
            ("redis://u:1/hunter2@a", "`%2F`"),
            ("redis+cluster://u:hunter2@a:99999", "cannot be read"),
            ("redsi://u:hunter2@a", "known scheme"),
        ] {
            let said = refusal(url);
            assert!(said.contains(part) && !said.contains("hunter2"), "{url}: {said}");
        }
    }
}
