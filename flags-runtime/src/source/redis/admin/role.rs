//! Role: what a Redis user needs, command by command and key by key.

use crate::source::redis::keys::Prefix;

/// What somebody does with the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A service that reads documents.
    Reader,
    /// A service that also leaves what it knows: heartbeats, dark-launch results.
    Reporter,
    /// Somebody who writes documents, with `cargo flags` or [`Admin`](super::Admin).
    Writer,
}

impl Role {
    /// The rules of `ACL SETUSER` for this role below a prefix, without a user and a password. `keys` limits a writer to
    /// these documents (without prefix); others read all documents.
    ///
    /// ```
    /// use flags_runtime::source::redis::Prefix;
    /// use flags_runtime::source::redis::admin::Role;
    ///
    /// let rules = Role::Reader.rules(&Prefix::default(), None);
    /// assert!(rules.contains(&"%R~ff:*".to_owned()) && rules.contains(&"+client|tracking".to_owned()));
    /// ```
    pub fn rules(self, prefix: &Prefix, keys: Option<&[String]>) -> Vec<String> {
        let ours = |kind: &str| format!("{}-{kind}:*", prefix.without_colon());
        let documents = format!("{}*", prefix.as_str());
        let mut rules = vec!["resetkeys".to_owned(), "-@all".to_owned(), format!("%R~{documents}")];
        let commands: &[&str] = match self {
            Self::Reader => &[],
            Self::Reporter => {
                rules.extend([format!("~{}", ours("shadow")), format!("~{}", ours("meta"))]);
                &["set", "del", "zadd", "zrem", "zremrangebyscore", "expire"]
            }
            Self::Writer => {
                match keys {
                    None => rules.push(format!("~{documents}")),
                    Some(keys) => rules.extend(keys.iter().map(|key| format!("~{}", escaped(&prefix.document(key))))),
                }
                rules.extend([format!("~{}", prefix.audit()), format!("~{}", ours("audit"))]);
                rules.extend([format!("%R~{}", ours("shadow")), format!("%R~{}", ours("meta"))]);
                &[
                    "get",
                    "eval",
                    "set",
                    "del",
                    "xadd",
                    "xdel",
                    "xrevrange",
                    "time",
                    "wait",
                    "scan",
                    "zrange",
                    "acl|whoami",
                ]
            }
        };
        let reader = ["hello", "ping", "mget", "exists", "role", "client|tracking", "cluster|slots", "asking"];
        rules.extend(reader.iter().chain(commands).map(|command| format!("+{command}")));
        rules
    }
}

/// A key as a pattern that matches nothing else.
fn escaped(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len());
    for character in key.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
