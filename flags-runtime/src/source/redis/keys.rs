//! Keys: the name of every key of ours in Redis, made from one checked prefix.
//!
//! The Python reader loads `KEYS <prefix>*`, so only documents begin with the prefix; every other key of ours begins
//! with the prefix without its colon and goes on with `-`.

use crate::source::SourceError;

/// The longest key of a document in bytes, without prefix: a flag's name, or the `key` of its declaration.
pub const MAX_KEY_BYTES: usize = 256;

/// What every document's key begins with; `ff:` unless configured.
///
/// It ends in `:` and holds no glob characters, so that a pattern made from it matches what it says.
///
/// ```
/// use flags_runtime::source::redis::Prefix;
///
/// let prefix = Prefix::new("shop:ff:")?;
/// assert_eq!(prefix.document("new_checkout"), "shop:ff:new_checkout");
/// assert_eq!(prefix.audit(), "shop:ff-audit");
/// # Ok::<(), flags_runtime::source::SourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Checks a prefix.
    ///
    /// # Errors
    ///
    /// A configuration error if it does not end in `:`, has nothing before it, or holds one of `* ? [ ] \` or a control
    /// character.
    pub fn new(prefix: &str) -> Result<Self, SourceError> {
        let wrong = |what: &str| {
            Err(SourceError::configuration(format!("the redis key prefix {prefix:?} {what}; write for example `ff:`")))
        };
        if !prefix.ends_with(':') {
            return wrong("does not end in `:`");
        }
        if prefix == ":" {
            return wrong("has nothing before its `:`");
        }
        if let Some(glob) = prefix.chars().find(|c| matches!(c, '*' | '?' | '[' | ']' | '\\')) {
            return wrong(&format!("holds `{glob}`, which redis reads as a pattern"));
        }
        if prefix.chars().any(char::is_control) {
            return wrong("holds a control character");
        }
        Ok(Self(prefix.to_owned()))
    }

    /// The prefix as it was given, with its colon.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of a flag's document.
    pub fn document(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// The flag whose document has this key; none for keys of others and for bytes that are not UTF-8.
    pub fn name_of<'a>(&self, key: &'a [u8]) -> Option<&'a str> {
        std::str::from_utf8(key.strip_prefix(self.0.as_bytes())?).ok()
    }

    /// The sorted set of the processes that left dark-launch results of a flag.
    pub fn shadow(&self, name: &str) -> String {
        format!("{}-shadow:{name}", self.without_colon())
    }

    /// What one of these processes left.
    pub fn shadow_of(&self, name: &str, instance: &str) -> String {
        format!("{}:{instance}", self.shadow(name))
    }

    /// The sorted set of the processes that send heartbeats.
    pub fn instances(&self) -> String {
        self.meta("instances")
    }

    /// The heartbeat of one of these processes.
    pub fn instance(&self, instance: &str) -> String {
        self.meta(&format!("instance:{instance}"))
    }

    /// The sorted set of the builds that were started.
    pub fn builds(&self) -> String {
        self.meta("builds")
    }

    /// The flag records of one of these builds.
    pub fn build(&self, build: &str) -> String {
        self.meta(&format!("build:{build}"))
    }

    /// The sorted set of flags, by when they were last evaluated.
    pub fn seen(&self) -> String {
        self.meta("seen")
    }

    /// The sorted set of documents, by when the first process went by them.
    pub fn since(&self) -> String {
        self.meta("since")
    }

    /// The stream of all writes.
    pub fn audit(&self) -> String {
        format!("{}-audit", self.without_colon())
    }

    /// The stream of the writes to one document, where a script may touch one slot only: in a cluster.
    pub fn audit_of(&self, name: &str) -> String {
        format!("{}:{{{}}}", self.audit(), self.document(name))
    }

    /// A pattern of all of these streams, and of nothing else of ours.
    #[cfg(feature = "admin")]
    pub(super) fn audits(&self) -> String {
        // A checked prefix holds nothing that a pattern reads as more than itself.
        format!("{}:{{*", self.audit())
    }

    fn meta(&self, what: &str) -> String {
        format!("{}-meta:{what}", self.without_colon())
    }

    /// What keys of ours that are no documents begin with.
    pub(super) fn without_colon(&self) -> &str {
        // A checked prefix ends in a colon.
        &self.0[..self.0.len() - 1]
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("ff:".to_owned())
    }
}

/// Says what is wrong with a flag's name as a part of a key; names are any UTF-8 without control characters.
#[cfg(feature = "admin")]
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a flag's name must not be empty".to_owned());
    }
    if name.len() > MAX_KEY_BYTES {
        return Err(format!("the flag's name has {} bytes; at most {MAX_KEY_BYTES} are allowed", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the flag's name {name:?} holds a control character"));
    }
    Ok(())
}
