//! The one table of argument names: where each belongs and how it is written.

use crate::suggestion::{listed, nearest};

/// An argument of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Name,
    Default,
    DefaultFn,
    Expires,
    Owner,
    Created,
    Ticket,
    Kind,
    Public,
    Provider,
    OnOutage,
    /// `key`: the name in Redis or at a provider.
    Remote,
    Crate,
    Off,
    Context,
    Shadow,
    Stages,
    Sample,
    Noise,
    Compare,
    CompareErrors,
    Keep,
    Ignore,
    Clean,
    Timeout,
    Order,
    Run,
    MaxInFlight,
    Own,
    RenameAll,
    Rename,
    Alias,
}

/// What the attribute stands on: `#[feature_flag]` on a static or a function, `#[flag_value]` on an enum or a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Static,
    Function,
    Enum,
    Variant,
}

const FLAG: &[Target] = &[Target::Static, Target::Function];
const FUNCTION: &[Target] = &[Target::Function];
const ENUM: &[Target] = &[Target::Enum];
const VARIANT: &[Target] = &[Target::Variant];
const ALL_BUT_VARIANTS: &[Target] = &[Target::Static, Target::Function, Target::Enum];

struct Row {
    key: Key,
    name: &'static str,
    form: &'static str,
    targets: &'static [Target],
}

const fn row(key: Key, name: &'static str, form: &'static str, targets: &'static [Target]) -> Row {
    Row { key, name, form, targets }
}

const TABLE: [Row; 32] = [
    row(Key::Name, "name", "name = \"new_checkout\"", FLAG),
    row(Key::Default, "default", "default = false", FLAG),
    row(Key::DefaultFn, "default_fn", "default_fn = path::to::function", FLAG),
    row(Key::Expires, "expires", "expires = \"YYYY-MM-DD\"", FLAG),
    row(Key::Owner, "owner", "owner = \"payments\"", FLAG),
    row(Key::Created, "created", "created = \"YYYY-MM-DD\"", FLAG),
    row(Key::Ticket, "ticket", "ticket = \"PAY-123\"", FLAG),
    row(Key::Kind, "kind", "kind = release", FLAG),
    row(Key::Public, "public", "public", FLAG),
    row(Key::Provider, "provider", "provider = launchdarkly", FLAG),
    row(Key::OnOutage, "on_outage", "on_outage = default(after = \"5m\")", FLAG),
    row(Key::Remote, "key", "key = \"New Checkout\"", FLAG),
    row(Key::Crate, "crate", "crate = path::to::flags_runtime", ALL_BUT_VARIANTS),
    row(Key::Off, "off", "off = path::to::function", FUNCTION),
    row(Key::Context, "context", "context = expression", FUNCTION),
    row(Key::Shadow, "shadow", "shadow = path::to::function", FUNCTION),
    row(Key::Stages, "stages", "stages = path::to::function", FUNCTION),
    row(Key::Sample, "sample", "sample = 12.5", FUNCTION),
    row(Key::Noise, "noise", "noise = 1.0", FUNCTION),
    row(Key::Compare, "compare", "compare = path::to::function", FUNCTION),
    row(Key::CompareErrors, "compare_errors", "compare_errors = path::to::function", FUNCTION),
    row(Key::Keep, "keep", "keep = path::to::function", FUNCTION),
    row(Key::Ignore, "ignore", "ignore = path::to::function", FUNCTION),
    row(Key::Clean, "clean", "clean = path::to::function", FUNCTION),
    row(Key::Timeout, "timeout", "timeout = \"250ms\"", FUNCTION),
    row(Key::Order, "order", "order = shuffled", FUNCTION),
    row(Key::Run, "run", "run = detached", FUNCTION),
    row(Key::MaxInFlight, "max_in_flight", "max_in_flight = 16", FUNCTION),
    row(Key::Own, "own", "own(parameter = expression)", FUNCTION),
    row(Key::RenameAll, "rename_all", "rename_all = \"snake_case\"", ENUM),
    row(Key::Rename, "rename", "rename = \"variant_b\"", VARIANT),
    row(Key::Alias, "alias", "alias = \"variant_b\"", VARIANT),
];

impl Key {
    /// Those that a declaration must have; `default_fn` is another `default`.
    pub(super) const REQUIRED: [Self; 3] = [Self::Name, Self::Default, Self::Expires];

    /// How the argument is written.
    pub(crate) fn form(self) -> &'static str {
        // The table has a row for each key (tested); an empty form would only cost a hint.
        TABLE.iter().find(|row| row.key == self).map_or("", |row| row.form)
    }

    pub(super) fn may_repeat(self) -> bool {
        matches!(self, Self::Alias | Self::Ignore)
    }

    /// Whether the argument says something of the flag itself, and so belongs where that is declared.
    pub(crate) fn declares(self) -> bool {
        TABLE.iter().any(|row| row.key == self && row.targets == FLAG)
    }
}

impl Target {
    /// An argument that is welcome here.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Static => Key::Owner.form(),
            Self::Function => Key::Off.form(),
            Self::Enum => Key::RenameAll.form(),
            Self::Variant => Key::Rename.form(),
        }
    }
}

/// Whether the word is an argument on some item.
pub(super) fn is_known(name: &str) -> bool {
    TABLE.iter().any(|row| row.name == name)
}

/// The key of this name on this item, or the sentence that says why there is none.
pub(super) fn look_up(name: &str, target: Target) -> Result<Key, String> {
    let row = TABLE.iter().find(|row| row.name == name);
    match (row, target) {
        (Some(row), _) if row.targets.contains(&target) => Ok(row.key),
        (Some(Row { targets: FUNCTION, .. }), Target::Static) => {
            Err(format!("`{name}` belongs on a function: a static only declares the flag"))
        }
        (Some(Row { targets: VARIANT, .. }), Target::Enum) => {
            Err(format!("`{name}` belongs on a variant: move it there, or write `rename_all`"))
        }
        (Some(Row { targets: ENUM | ALL_BUT_VARIANTS, .. }), Target::Variant) => {
            Err(format!("`{name}` belongs on the enum: move it there"))
        }
        _ => Err(unknown(name, target)),
    }
}

/// The key that a word was probably meant to be.
pub(super) fn meant(name: &str, target: Target) -> Option<Key> {
    let allowed = || TABLE.iter().filter(|row| row.targets.contains(&target));
    let meant = nearest(name, allowed().map(|row| row.name))?;
    allowed().find(|row| row.name == meant).map(|row| row.key)
}

fn unknown(name: &str, target: Target) -> String {
    let allowed = || TABLE.iter().filter(|row| row.targets.contains(&target)).map(|row| row.name);
    match nearest(name, allowed()) {
        Some(meant) => format!("unknown argument `{name}`: did you mean `{meant}`?"),
        None => format!("unknown argument `{name}`: allowed are {}", listed(allowed())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_form_that_begins_with_its_name() {
        for row in &TABLE {
            assert!(row.key.form().starts_with(row.name), "{}", row.name);
            for target in row.targets {
                assert_eq!(look_up(row.name, *target), Ok(row.key));
            }
        }
    }

    #[test]
    fn names_of_other_items_are_told_apart() {
        assert_eq!(
            look_up("off", Target::Static),
            Err("`off` belongs on a function: a static only declares the flag".to_owned())
        );
        assert_eq!(
            look_up("shadow", Target::Static),
            Err("`shadow` belongs on a function: a static only declares the flag".to_owned())
        );
        assert_eq!(
            look_up("rename", Target::Enum),
            Err("`rename` belongs on a variant: move it there, or write `rename_all`".to_owned())
        );
        assert_eq!(look_up("crate", Target::Variant), Err("`crate` belongs on the enum: move it there".to_owned()));
    }

    #[test]
    fn an_unknown_name_gets_a_suggestion_or_the_list() {
        assert_eq!(look_up("ownr", Target::Static), Err("unknown argument `ownr`: did you mean `owner`?".to_owned()));
        let listed = look_up("rollout", Target::Static).err().unwrap_or_default();
        assert!(listed.starts_with("unknown argument `rollout`: allowed are `name`, "), "{listed}");
        assert!(!listed.contains("`off`"), "{listed}");
    }
}
