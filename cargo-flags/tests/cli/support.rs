//! Support: runs the command with an environment that holds nothing by accident.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flags_workspace_tests::redis::RedisServer;
use serde_json::Value;

use crate::fixture::fixture;

/// The command, without any word yet, in a folder that is no package.
pub(crate) fn cargo_flags() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-flags"));
    command.env_clear().current_dir(env::temp_dir()).stdin(Stdio::null());
    for kept in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SYSTEMROOT", "TMPDIR"] {
        if let Some(value) = env::var_os(kept) {
            command.env(kept, value);
        }
    }
    // Fixtures use what the workspace itself was built from, and no test depends on a network or on today.
    command
        .env("CARGO_NET_OFFLINE", "true")
        .env("FLAGS_TODAY", "2026-11-01")
        .env("USER", "ada")
        .env("HOSTNAME", "desk");
    command
}

/// The command against a server, outside of any package.
pub(crate) fn at(server: &RedisServer, words: &[&str]) -> Command {
    let mut command = cargo_flags();
    command.args(words).args(["--redis", &server.url()]);
    command
}

/// The same with the program of the fixture to check names against.
pub(crate) fn checked(server: &RedisServer, words: &[&str]) -> Said {
    run(at(server, words).arg("--artifact").arg(fixture().program()))
}

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The answer, of a command that must have done it.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// The answer as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.done();
        assert_eq!(text.lines().count(), 1, "one line: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The error of a command that must have failed so, and have answered nothing.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, &*self.stdout), (Some(code), ""), "{self:#?}");
        assert!(self.stderr.contains("error: "), "{self:#?}");
        self.stderr
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    run_with(command, b"")
}

/// Runs a command to its end with an input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Said {
    let (code, stdout, stderr) = run_bytes(command, input);
    Said { code, stdout: String::from_utf8(stdout).unwrap(), stderr }
}

fn run_bytes(command: &mut Command, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // Beside reading: both pipes are smaller than what goes through them.
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    });
    (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// Writes a file of a package that is built; one that has this text already keeps its time, so that nothing is built anew.
pub(crate) fn write_changed(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A Python program of the repository.
pub(crate) fn python(program: &str) -> Command {
    let mut command = Command::new("python3");
    // Without caches beside the sources.
    command.arg("-B").arg(repository("tests/python").join(program));
    command
}
