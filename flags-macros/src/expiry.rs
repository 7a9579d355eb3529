//! The surroundings of this build: its day, what that means for a flag's date, and what the binary is to carry.
//!
//! A flag is expired from 00:00 UTC of the day after its date. Being expired is a lint at the user's tokens and never
//! an answer of the flag.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::date::Date;

const TODAY: &str = "FLAGS_TODAY";
const POLICY: &str = "FLAGS_EXPIRED";
const EPOCH: &str = "SOURCE_DATE_EPOCH";
const EMBED: &str = "FLAGS_EMBED";
const PACKAGE: &str = "CARGO_PKG_NAME";
const VERSION: &str = "CARGO_PKG_VERSION";

/// What a build's surroundings say to the macros; a variable that is empty counts as not set.
pub(crate) struct Environment {
    pub(crate) flags_today: Option<String>,
    pub(crate) flags_expired: Option<String>,
    pub(crate) source_date_epoch: Option<String>,
    pub(crate) flags_embed: Option<String>,
    /// As cargo names them; empty without cargo.
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) clock: SystemTime,
}

/// How much a binary carries of its flags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Embed {
    None,
    Names,
    Full,
}

/// The environment once it has been understood.
#[derive(Debug, PartialEq)]
pub(crate) struct Calendar {
    today: Date,
    policy: Policy,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Warn,
    Allow,
    Deny,
}

/// A flag whose date has passed and is to be spoken of.
pub(crate) struct Expired {
    /// The note of the `#[deprecated]`.
    pub(crate) note: String,
    /// The date literal.
    pub(crate) at: Span,
    /// Whether the lint at the date is denied.
    pub(crate) is_denied: bool,
}

impl Environment {
    pub(crate) fn of_this_process() -> Self {
        // A value that is not Unicode stays wrong when it is read lossily, and is then reported.
        let variable = |name| {
            env::var_os(name).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
        };
        Self {
            flags_today: variable(TODAY),
            flags_expired: variable(POLICY),
            source_date_epoch: variable(EPOCH),
            flags_embed: variable(EMBED),
            package: variable(PACKAGE).unwrap_or_default(),
            version: variable(VERSION).unwrap_or_default(),
            clock: SystemTime::now(),
        }
    }

    /// Understands the variables; one sentence for each that is malformed.
    pub(crate) fn calendar(&self) -> Result<Calendar, Vec<String>> {
        match (self.today(), self.policy()) {
            (Ok(today), Ok(policy)) => Ok(Calendar { today, policy }),
            (today, policy) => Err(today.err().into_iter().chain(policy.err()).collect()),
        }
    }

    /// What a binary is to carry; all if the variable is malformed.
    pub(crate) fn embed(&self) -> Embed {
        match self.flags_embed.as_deref() {
            Some("none") => Embed::None,
            Some("names") => Embed::Names,
            _ => Embed::Full,
        }
    }

    /// What is wrong with the variable that says what a binary is to carry.
    pub(crate) fn embed_problem(&self) -> Option<String> {
        let embed = self.flags_embed.as_deref().filter(|embed| !["none", "names", "full"].contains(embed))?;
        Some(format!(
            "the environment variable `{EMBED}` is `{embed}`: set it to `none`, `names` or `full`, or unset it"
        ))
    }

    fn today(&self) -> Result<Date, String> {
        if let Some(text) = &self.flags_today {
            return Date::parse(text).map_err(|problem| {
                format!("the environment variable `{TODAY}` is `{text}`, {problem}: set it to a date or unset it")
            });
        }
        if let Some(text) = &self.source_date_epoch {
            return text.parse().ok().and_then(Date::from_unix_seconds).ok_or_else(|| {
                format!(
                    "the environment variable `{EPOCH}` is `{text}`, not a number of seconds since 1970: mend it, or \
                     set `{TODAY}`"
                )
            });
        }
        // A clock before 1970 is a machine without a clock: nothing has expired there.
        let seconds = self.clock.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Date::from_unix_seconds(seconds).ok_or_else(|| format!("the clock is past the year 9999: set `{TODAY}`"))
    }

    fn policy(&self) -> Result<Policy, String> {
        match self.flags_expired.as_deref() {
            None | Some("warn") => Ok(Policy::Warn),
            Some("allow") => Ok(Policy::Allow),
            Some("deny") => Ok(Policy::Deny),
            Some(other) => Err(format!(
                "the environment variable `{POLICY}` is `{other}`: set it to `warn`, `allow` or `deny`, or unset it"
            )),
        }
    }
}

impl Calendar {
    /// The verdict on the flag `name` with the date `date`, which is written at `at`.
    pub(crate) fn expired(&self, name: &str, owner: Option<&str>, date: Date, at: Span) -> Option<Expired> {
        if self.today <= date || self.policy == Policy::Allow {
            return None;
        }
        let owner = owner.map_or_else(|| "no owner".to_owned(), |owner| format!("owner: {owner}"));
        let note = format!(
            "feature flag `{name}` expired on {date} ({owner}): remove it and the code behind it, or move its date"
        );
        Some(Expired { note, at, is_denied: self.policy == Policy::Deny })
    }
}

/// The variables as expressions, which make cargo build again when one of them changes: it does not see what a macro reads.
/// Those of the date are followed only where there is one.
pub(crate) fn tracked(has_date: bool) -> TokenStream {
    let of_date = [TODAY, POLICY, EPOCH].into_iter().filter(|_| has_date);
    let variables = [EMBED, PACKAGE, VERSION].into_iter().chain(of_date);
    quote!(#(::core::option_env!(#variables)),*)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 2025-09-02, one second after midnight.
    const CLOCK: u64 = 1_756_771_201;

    fn environment() -> Environment {
        Environment {
            flags_today: None,
            flags_expired: None,
            source_date_epoch: None,
            flags_embed: None,
            package: String::new(),
            version: String::new(),
            clock: UNIX_EPOCH + Duration::from_secs(CLOCK),
        }
    }

    fn note(environment: &Environment, date: &str) -> Option<(String, bool)> {
        let (Ok(calendar), Ok(date)) = (environment.calendar(), Date::parse(date)) else { panic!("malformed test") };
        calendar
            .expired("x", Some("payments"), date, Span::call_site())
            .map(|expired| (expired.note, expired.is_denied))
    }

    #[test]
    fn a_flag_expires_when_its_day_is_over() {
        assert_eq!(note(&environment(), "2025-09-02"), None);
        let (note, is_denied) = note(&environment(), "2025-09-01").unwrap_or_default();
        assert_eq!(
            note,
            "feature flag `x` expired on 2025-09-01 (owner: payments): remove it and the code behind it, or move its date"
        );
        assert!(!is_denied);
    }

    #[test]
    fn flags_today_wins_over_source_date_epoch_and_both_over_the_clock() {
        let by_epoch = Environment { source_date_epoch: Some("0".to_owned()), ..environment() };
        assert_eq!(note(&by_epoch, "1970-01-01"), None);
        let by_date = Environment { flags_today: Some("2099-01-02".to_owned()), ..by_epoch };
        assert!(note(&by_date, "2099-01-01").is_some());
        assert_eq!(note(&by_date, "2099-01-02"), None);
    }

    #[test]
    fn the_policy_silences_or_denies() {
        let policy = |word: &str| Environment { flags_expired: Some(word.to_owned()), ..environment() };
        assert_eq!(note(&policy("allow"), "2000-01-01"), None);
        assert_eq!(note(&policy("deny"), "2000-01-01").map(|(_, is_denied)| is_denied), Some(true));
        assert_eq!(note(&policy("warn"), "2000-01-01").map(|(_, is_denied)| is_denied), Some(false));
    }

    #[test]
    fn a_malformed_variable_is_named() {
        let malformed = Environment {
            flags_today: Some("tomorrow".to_owned()),
            flags_expired: Some("never".to_owned()),
            source_date_epoch: Some("not looked at".to_owned()),
            ..environment()
        };
        let sentences = malformed.calendar().err().unwrap_or_default();
        assert_eq!(
            sentences,
            [
                "the environment variable `FLAGS_TODAY` is `tomorrow`, not of the form `YYYY-MM-DD`: set it to a date or \
                 unset it",
                "the environment variable `FLAGS_EXPIRED` is `never`: set it to `warn`, `allow` or `deny`, or unset it",
            ]
        );
        let malformed = Environment { flags_embed: Some("all".to_owned()), ..environment() };
        assert_eq!(
            malformed.embed_problem().as_deref(),
            Some("the environment variable `FLAGS_EMBED` is `all`: set it to `none`, `names` or `full`, or unset it")
        );
        assert_eq!(environment().embed_problem(), None);
        let malformed = Environment { source_date_epoch: Some("-1".to_owned()), ..environment() };
        let sentences = malformed.calendar().err().unwrap_or_default();
        assert!(sentences.len() == 1 && sentences[0].contains("`SOURCE_DATE_EPOCH` is `-1`"), "{sentences:?}");
    }
}
