//! Live: the documents in Redis, through the write path of the runtime.

use std::env;
use std::process::Command;
use std::time::Duration;

use flags_runtime::rules::Document;
use flags_runtime::source::redis::admin::{
    Admin, AdminError, AuditNote, Existing, Names, NewDocument, Spread, StoredDocument, Written,
};
use flags_runtime::source::redis::{Prefix, is_redis_url};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::{Server, Write};
use crate::command::fleet;
use crate::failure::{Failure, warn};
use crate::known::{self, Need, Target};
use crate::report::{self, Format, Rows, one_line, visible};

/// A connection, and what its keys begin with.
pub(crate) struct Live {
    pub(crate) admin: Admin,
    prefix: Prefix,
}

impl Live {
    /// Connects to the server that the options or the environment name, unless the flag's name cannot be one.
    pub(crate) fn connect(server: &Server, name: &str) -> Result<Self, Failure> {
        known::refuse_key(&prefix(server)?, name)?;
        Self::open(server)
    }

    /// Connects to the server that the options or the environment name.
    pub(crate) fn open(server: &Server) -> Result<Self, Failure> {
        let prefix = prefix(server)?;
        let admin = Admin::connect(&url(server)?, prefix.as_str())?;
        Ok(Self { admin, prefix })
    }

    /// The key of a document without the prefix; none for other keys.
    pub(crate) fn name_of(&self, key: &str) -> Option<String> {
        self.prefix.name_of(key.as_bytes()).map(str::to_owned)
    }

    /// The key of a document, with prefix.
    pub(crate) fn key(&self, key: &str) -> String {
        self.prefix.document(key)
    }
}

/// What keys of documents begin with, as the options or the environment say.
pub(crate) fn prefix(server: &Server) -> Result<Prefix, Failure> {
    let prefix = server.prefix.clone().or_else(|| variable("FLAGS_PREFIX")).unwrap_or_else(|| "ff:".to_owned());
    Prefix::new(&prefix).map_err(|error| Failure::wrong(error.to_string()))
}

/// The server's URL. Nothing is assumed: a kill that reaches some other Redis looks like one that worked.
pub(crate) fn url(server: &Server) -> Result<String, Failure> {
    let source = variable("FLAGS_SOURCE");
    server
        .redis
        .clone()
        .or_else(|| source.clone().filter(|source| is_redis_url(source)))
        .or_else(|| variable("REDIS_URL"))
        .ok_or_else(|| Failure::wrong(no_server(source.as_deref())))
}

fn no_server(source: Option<&str>) -> String {
    let Some(source) = source else {
        return "no server is named: give --redis URL, or set FLAGS_SOURCE or REDIS_URL to one".to_owned();
    };
    // Anything longer than a host and a port may hold a password.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let is_local = source == "memory" || source.starts_with("file:");
    if is_local {
        "FLAGS_SOURCE is set but names no Redis, and REDIS_URL is not set: give --redis URL".to_owned()
    } else if source.chars().all(is_plain) {
        format!(
            "FLAGS_SOURCE is set but names no Redis: `{source}` is no URL; if it is the server, write `redis://{source}`"
        )
    } else {
        "FLAGS_SOURCE is set but names no Redis: write `redis://host:6379` or `unix:/path/to/socket`".to_owned()
    }
}

/// One document that is about to change.
pub(crate) struct Edit<'a> {
    options: &'a Write,
    live: Live,
    pub(crate) target: Target,
}

impl<'a> Edit<'a> {
    /// Connects, and finds the flag of the name.
    pub(crate) fn open(options: &'a Write, need: Need) -> Result<Self, Failure> {
        let mut live = Live::connect(&options.server, &options.name)?;
        let target = known::target(&mut live.admin, &options.check.artifact, &options.name, need, options.force)?;
        // A kill that changes nothing looks like one that worked.
        if let Some(provider) = target.declared.as_ref().and_then(|flag| flag.provider.as_deref()) {
            warn(format_args!(
                "{provider} decides `{}`: what is written holds where that does not know the flag; change it there, or by an override \
                 file",
                target.name
            ));
        }
        Ok(Self { options, live, target })
    }

    /// Whether there is a document now.
    pub(crate) fn has_document(&mut self) -> Result<bool, Failure> {
        Ok(self.live.admin.get(&self.target.key)?.is_some())
    }

    /// Writes the change, and an entry of the audit trail with it.
    pub(crate) fn write(
        &mut self,
        change: impl FnMut(NewDocument) -> Result<NewDocument, AdminError>,
    ) -> Result<Written, Failure> {
        let (note, existing) = (self.note(), self.existing());
        let written = self.live.admin.edit(&self.target.key, existing, &note, change);
        written.map_err(|error| self.told(error))
    }

    /// Puts names on the lists; gives back those that were there already.
    pub(crate) fn allow(&mut self, names: &Names) -> Result<(Written, Names), Failure> {
        let (note, existing) = (self.note(), self.existing());
        let written = self.live.admin.allow(&self.target.key, names, existing, &note);
        written.map_err(|error| self.told(error))
    }

    /// Takes names off the lists; gives back those that were not there.
    pub(crate) fn deny(&mut self, names: &Names) -> Result<(Written, Names), Failure> {
        let (note, existing) = (self.note(), self.existing());
        let written = self.live.admin.deny(&self.target.key, names, existing, &note);
        written.map_err(|error| self.told(error))
    }

    /// Deletes the document; an error if there is none.
    pub(crate) fn delete(&mut self) -> Result<Written, Failure> {
        let (key, note) = (&self.target.key, self.note());
        let Some(stored) = self.live.admin.get(key)? else {
            let name = &self.target.name;
            return Err(Failure::wrong(format!(
                "there is no document of `{name}`: the flag has its declared default already"
            )));
        };
        Ok(self.live.admin.delete(key, &stored, &note)?)
    }

    /// Puts the document back as it was.
    pub(crate) fn rollback(&mut self, to: Option<&str>) -> Result<Written, Failure> {
        let (note, existing) = (self.note(), self.existing());
        let written = self.live.admin.rollback(&self.target.key, to, existing, &note);
        written.map_err(|error| self.told(error))
    }

    fn note(&self) -> AuditNote {
        note(self.options.by.as_deref(), &self.options.why)
    }

    fn existing(&self) -> Existing {
        if self.options.force { Existing::MayBeLost } else { Existing::MustBeKept }
    }

    fn told(&self, error: AdminError) -> Failure {
        let name = &self.target.name;
        match error {
            AdminError::UnknownFields { fields, .. } => Failure::wrong(format!(
                "nothing was written: the document of `{name}` has fields that this version does not know and would \
                 drop: {} (use a newer version, or drop them by --force)",
                visible(&fields.join(", "))
            )),
            AdminError::Unreadable { source, .. } => Failure::because(
                format!(
                    "nothing was written: the document of `{name}` cannot be read, so nothing of it can be kept (mend \
                     it, or put a new one in its place by --force)"
                ),
                source,
            ),
            other => other.into(),
        }
    }

    /// Warns that a change which does not switch the flag on has no effect until somebody does.
    pub(crate) fn warn_if_disabled(&self, written: &Written) {
        let stored = StoredDocument::from(written.text.clone().unwrap_or_default());
        if stored.parse().is_ok_and(|document| !document.enabled) {
            let name = &self.target.name;
            warn(format_args!("`{name}` stays off for everybody: its document is disabled (`cargo flags on {name}`)"));
        }
    }

    /// Warns that a change which switches the flag on reaches nobody yet.
    pub(crate) fn warn_if_for_nobody(&self, written: &Written) {
        let stored = StoredDocument::from(written.text.clone().unwrap_or_default());
        let is_for_nobody = |document: Document<'_>| {
            let has_names = !document.allowed_users.is_empty() || !document.allowed_groups.is_empty();
            document.rollout_percentage <= 0.0 && !has_names
        };
        if stored.parse().is_ok_and(is_for_nobody) {
            let name = &self.target.name;
            warn(format_args!(
                "`{name}` is enabled and nobody gets it: its percentage is 0 and its lists are empty (`cargo flags rollout \
                 {name} PCT`)"
            ));
        }
    }

    /// Warns where a flag that is no bool was turned on without a value: everybody still gets the declared default.
    pub(crate) fn warn_if_without_value(&self, written: &Written) {
        let stored = StoredDocument::from(written.text.clone().unwrap_or_default());
        let has_no_value =
            stored.parse().is_ok_and(|document| document.value.is_none_or(|value| value.get() == "null"));
        let declared = self.target.declared.as_ref().filter(|declared| declared.value_type != "bool");
        if let (Some(declared), true) = (declared, has_no_value) {
            let (name, value_type) = (&self.target.name, &declared.value_type);
            let example = declared.variants.last().map_or_else(|| "VALUE".to_owned(), |last| format!("'\"{last}\"'"));
            warn(format_args!(
                "`{name}` is `{value_type}`, and its document has no value: everybody still gets the declared default \
                 (`cargo flags set {name} {example}`)"
            ));
        }
    }

    /// Says what is there now, under which key and on which server: of several, a wrong one looks like success too.
    /// Then, where that is asked for, waits until every process has it.
    pub(crate) fn report(&mut self, written: &Written) -> Result<(), Failure> {
        let stored = StoredDocument::from(written.text.clone().unwrap_or_default());
        let text = stored.text();
        let key = self.live.key(&self.target.key);
        if written.replicas_known != Some(0) && written.replicas_acknowledged == Some(0) {
            warn("no replica has the write yet: a failover now would lose it");
        }
        let mut rows = Rows::new(&["field", "value"]);
        rows.push(vec!["flag".to_owned(), self.target.name.clone()]);
        if let Some(doubt) = self.target.doubt {
            rows.push(vec!["name".to_owned(), format!("not verified: {doubt}")]);
        }
        rows.push(vec!["key".to_owned(), key.clone()]);
        rows.push(vec!["server".to_owned(), self.live.admin.server()]);
        if written.text.is_none() {
            rows.push(vec!["document".to_owned(), "none: the flag has its declared default".to_owned()]);
        } else if let Ok(document) = stored.parse() {
            push_document(&mut rows, &document);
        }
        rows.push(vec!["written at".to_owned(), written.at.clone()]);
        rows.push(vec!["replicas".to_owned(), replicas(written)]);
        let format = self.options.format;
        if format != Format::Json {
            // Before the wait: that it is written is the news.
            report::print(format.into(), &rows, &())?;
        }
        let spread = self.options.wait.map(|patience| self.spread(patience)).transpose()?;
        if let Some(spread) = spread.as_ref().filter(|_| format != Format::Json) {
            report::print_last(format, &visible(&fleet::summary(&self.target.key, spread)))?;
        }
        let json = WrittenJson {
            name: &self.target.name,
            key: &key,
            verified: self.target.doubt.is_none(),
            document: serde_json::from_str(&text).ok(),
            at: &written.at,
            replicas_known: written.replicas_known,
            replicas_acknowledged: written.replicas_acknowledged,
            fleet: spread.as_ref().map(|spread| fleet::as_json(&self.target.key, spread)),
        };
        if format == Format::Json {
            report::print(format.into(), &rows, &json)?;
        }
        match spread.zip(self.options.wait) {
            Some((spread, patience)) => {
                fleet::expect_everywhere(&self.target.name, &self.target.key, &spread, patience)
            }
            None => Ok(()),
        }
    }

    /// Who has what was written, once all have or the time is up.
    fn spread(&mut self, patience: Duration) -> Result<Spread, Failure> {
        fleet::wait(&mut self.live.admin, &self.target.key, patience).map_err(|error| {
            let name = &self.target.name;
            Failure::from(error)
                .into_denied(format_args!("the write of `{name}` is done, but nobody can say who has it"))
        })
    }
}

/// A write as JSON.
#[derive(Serialize)]
struct WrittenJson<'a> {
    name: &'a str,
    key: &'a str,
    verified: bool,
    document: Option<&'a RawValue>,
    at: &'a str,
    replicas_known: Option<usize>,
    replicas_acknowledged: Option<usize>,
    /// With `--wait` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<serde_json::Value>,
}

fn replicas(written: &Written) -> String {
    match (written.replicas_known, written.replicas_acknowledged) {
        (Some(0), _) => "none".to_owned(),
        (Some(known), Some(acknowledged)) => format!("{acknowledged} of {known} have it"),
        (None, Some(acknowledged)) => format!("{acknowledged} have it"),
        (_, None) => "not known".to_owned(),
    }
}

/// A document's fields as they read.
pub(crate) fn push_document(rows: &mut Rows, document: &Document<'_>) {
    let text = |raw: Option<&RawValue>, missing: &str| match raw {
        Some(raw) if raw.get() != "null" => one_line(raw.get()),
        _ => missing.to_owned(),
    };
    let raw = &document.raw;
    let fields = [
        ("enabled", document.enabled.to_string()),
        ("rollout percentage", text(raw.rollout_percentage, "100")),
        ("allowed users", text(raw.allowed_users, "[]")),
        ("allowed groups", text(raw.allowed_groups, "[]")),
        ("value", text(raw.value, "null")),
    ];
    for (field, value) in fields {
        rows.push(vec![field.to_owned(), value]);
    }
}

/// What the trail is to say of a write by this command.
pub(crate) fn note(by: Option<&str>, why: &str) -> AuditNote {
    let by = by.map_or_else(operator, str::to_owned);
    AuditNote::new(by).via(concat!("cargo-flags ", env!("CARGO_PKG_VERSION"))).why(why)
}

/// `user@host`, as far as this machine says.
fn operator() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable);
    let host = ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(variable).or_else(|| {
        let output = Command::new("hostname").output().ok().filter(|output| output.status.success())?;
        let name = String::from_utf8(output.stdout).ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    });
    format!("{}@{}", user.as_deref().unwrap_or("unknown"), host.as_deref().unwrap_or("unknown"))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
