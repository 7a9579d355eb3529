//! Handshake: what is said on a new link before the first document is read, and how refusals are told.
//!
//! In this order: protocol and login, database, tracking. A refusal that only costs pushes is no error. Nothing that
//! the server says about a login is repeated, because servers quote the arguments of a command that they do not know.
//! Errors do not say which server it is: whoever tells them puts the source's description before them.

use redis::{ServerError, Value};

use super::endpoint::{Credentials, Endpoint};
use super::keys::Prefix;
use super::link::Link;
use crate::source::SourceError;

/// What `CLIENT LIST` shows for connections of ours.
const CLIENT_NAME: &str = "flags-runtime";

/// Logs in and chooses the database. Ok holds why there can be no pushes on this link, if so.
pub(super) fn log_in(link: &mut Link, endpoint: &Endpoint) -> Result<Option<String>, SourceError> {
    let no_pushes = match say_hello(link, endpoint)? {
        Hello::Resp3 => None,
        Hello::Resp2(why) => Some(why),
        Hello::Refused(why) => {
            if let Some(credentials) = &endpoint.credentials {
                authenticate(link, endpoint, credentials)?;
            }
            Some(why)
        }
    };
    if endpoint.database != 0 {
        let reply = link.call(redis::cmd("SELECT").arg(endpoint.database))?;
        expect_no_refusal(endpoint, "SELECT", &reply)?;
    }
    Ok(no_pushes)
}

/// Asks for pushes of all changes below the prefix. Ok holds why there are none, if so.
pub(super) fn track(link: &mut Link, prefix: &Prefix) -> Result<Option<String>, SourceError> {
    let mut command = redis::cmd("CLIENT");
    command.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(prefix.as_str());
    Ok(match link.call(&command)? {
        Value::ServerError(refused) => Some(format!("CLIENT TRACKING was refused: {}", said(&refused))),
        _ => None,
    })
}

enum Hello {
    Resp3,
    /// The login is done, in the old protocol.
    Resp2(String),
    /// Nothing is done.
    Refused(String),
}

fn say_hello(link: &mut Link, endpoint: &Endpoint) -> Result<Hello, SourceError> {
    let mut command = redis::cmd("HELLO");
    command.arg(3);
    if let Some(Credentials { username, password }) = &endpoint.credentials {
        command.arg("AUTH").arg(username.as_deref().unwrap_or("default")).arg(password);
    }
    command.arg("SETNAME").arg(CLIENT_NAME);
    match link.call(&command)? {
        Value::ServerError(refused) => match refused.code() {
            "WRONGPASS" | "NOAUTH" => Err(login_refused(endpoint, &refused)),
            // It cannot serve anybody now; the older protocol would not help.
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => Err(refusal(endpoint, "HELLO", &refused)),
            _ if said(&refused).contains("max number of clients") => Err(refusal(endpoint, "HELLO", &refused)),
            code => Ok(Hello::Refused(format!("HELLO 3 was refused ({code}): the server or its ACL has no RESP3"))),
        },
        // An old server in between answers OK to tracking on a RESP2 link and never delivers, so its word is needed.
        reply if protocol(&reply) == Some(3) => Ok(Hello::Resp3),
        _ => Ok(Hello::Resp2("the server answered HELLO 3 with another protocol".to_owned())),
    }
}

/// The `proto` of HELLO's answer: a map in RESP3, a flat array in RESP2.
fn protocol(reply: &Value) -> Option<i64> {
    let Value::Map(entries) = reply else { return None };
    entries.iter().find_map(|(key, value)| match (key, value) {
        (Value::BulkString(key), Value::Int(version)) if key == b"proto" => Some(*version),
        (Value::SimpleString(key), Value::Int(version)) if key == "proto" => Some(*version),
        _ => None,
    })
}

fn authenticate(link: &mut Link, endpoint: &Endpoint, credentials: &Credentials) -> Result<(), SourceError> {
    let mut command = redis::cmd("AUTH");
    if let Some(username) = &credentials.username {
        command.arg(username);
    }
    command.arg(&credentials.password);
    match link.call(&command)? {
        Value::ServerError(refused) => Err(login_refused(endpoint, &refused)),
        _ => Ok(()),
    }
}

fn login_refused(endpoint: &Endpoint, refused: &ServerError) -> SourceError {
    SourceError::configuration(match (refused.code(), &endpoint.credentials) {
        ("NOAUTH", None) => "the server wants a password: put `user:password@` into the URL".to_owned(),
        // Somebody may have put the password where the user belongs: it is not repeated.
        (code, Some(Credentials { password, .. })) if password.is_empty() => format!(
            "the server refuses the login ({code}), and the URL has a user without a password: write \
             `redis://user:password@host`, or `redis://:password@host` for a password alone"
        ),
        (code, Some(Credentials { username: Some(username), .. })) => {
            format!("the server refuses the login of user `{username}` ({code}): check user and password of the URL")
        }
        (code, _) => format!("the server refuses the login ({code}): check the password of the URL"),
    })
    .of_login()
}

/// Turns an error reply into an error.
pub(super) fn expect_no_refusal(endpoint: &Endpoint, command: &str, reply: &Value) -> Result<(), SourceError> {
    match reply {
        Value::ServerError(refused) => Err(refusal(endpoint, command, refused)),
        _ => Ok(()),
    }
}

/// What a refusal means for somebody who reads documents.
pub(super) fn refusal(endpoint: &Endpoint, command: &str, refused: &ServerError) -> SourceError {
    let said = said(refused);
    match refused.code() {
        "NOPERM" => SourceError::configuration(format!(
            "the server does not let this user run {command} ({said}): extend the user's ACL"
        )),
        "NOAUTH" | "WRONGPASS" => login_refused(endpoint, refused),
        "MOVED" | "ASK" | "CROSSSLOT" => SourceError::configuration(format!(
            "the server is a node of a cluster ({said}): begin the URL with `redis+cluster://`"
        )),
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" => {
            SourceError::unreachable(format!("the server cannot answer {command} now ({said})"))
        }
        _ if command == "SELECT" => {
            SourceError::configuration(format!("the database of the URL cannot be selected ({said})"))
        }
        // Not a data error, which is asked again at a steady pace: a server in trouble is left alone for longer each time.
        _ => SourceError::unreachable(format!("the server refuses {command} ({said})")),
    }
}

/// The server's own words.
pub(super) fn said(refused: &ServerError) -> String {
    match refused.details() {
        Some(details) => format!("{} {details}", refused.code()),
        None => refused.code().to_owned(),
    }
}
