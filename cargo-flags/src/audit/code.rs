//! What the code alone tells: dates, owners, and who reads a flag.

use super::finding::Finding;
use super::kind::Kind;
use super::subject::{Flag, Subject};
use crate::day;

/// The findings of one kind; none for kinds that take more than the code.
pub(super) fn findings(kind: Kind, subject: &Subject<'_>) -> Vec<Finding> {
    subject.flags.iter().filter_map(|flag| finding(kind, flag, subject)).collect()
}

fn finding(kind: Kind, flag: &Flag<'_>, subject: &Subject<'_>) -> Option<Finding> {
    let record = flag.record;
    let limits = &subject.limits;
    let days_left = || Some(day::between(subject.as_of, day::read(record.expires.as_deref()?)?));
    let expires = record.expires.as_deref().unwrap_or_default();
    let (message, fix) = match kind {
        Kind::Expired => {
            let days = days_left().filter(|days| *days < 0)?;
            (
                format!("expired on {expires}, {} ago", day::counted(-days)),
                "remove the flag and the code behind it, or move its date".to_owned(),
            )
        }
        Kind::Expiring => {
            let days = days_left().filter(|days| (0..=limits.expiring).contains(days))?;
            let when =
                if days == 0 { "today is its last day".to_owned() } else { format!("in {}", day::counted(days)) };
            (format!("expires on {expires}: {when}"), "plan its removal, or move its date".to_owned())
        }
        Kind::NoOwner => {
            if !flag.is_whole() || record.owner.is_some() {
                return None;
            }
            ("has no owner".to_owned(), "declare whose it is: `owner = \"team\"`".to_owned())
        }
        Kind::NeverExpires => {
            let reason = record.never.as_deref().filter(|_| !flag.is_long_lived())?;
            (
                format!("never expires: {reason}"),
                "give it a date, or declare `kind = ops` or `kind = permission` if it is meant to stay".to_owned(),
            )
        }
        Kind::Unused => {
            if flag.is_read {
                return None;
            }
            (
                "no `flag!` reads it".to_owned(),
                "remove it, or read it by `flag!`: reads by its methods leave no record".to_owned(),
            )
        }
        Kind::Old => {
            let (since, days) = (flag.since?, flag.age(subject.as_of).filter(|_| !flag.is_long_lived())?);
            if days <= limits.old {
                return None;
            }
            (
                format!("declared on {since}, {} ago", day::counted(days)),
                "decide: remove it with the code behind it, or make it a setting".to_owned(),
            )
        }
        _ => return None,
    };
    Some(subject.finding(kind, flag, message, fix))
}
