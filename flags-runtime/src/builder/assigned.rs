//! Assignment: which provider decides which flags.

use std::fmt;

use crate::error::StartError;
use crate::provider::Provider;
use crate::registry::near::near;
use crate::registry::{RegisteredFlag, registry};

/// A provider as the builder got it.
pub(super) struct Given {
    pub(super) provider: Box<dyn Provider>,
    /// Whether it decides what names no provider too.
    pub(super) is_for_all: bool,
}

/// A provider with its flags.
pub(super) struct Assigned {
    pub(super) provider: Box<dyn Provider>,
    pub(super) flags: Vec<&'static RegisteredFlag>,
}

/// Gives each flag to its provider.
///
/// # Errors
///
/// [`StartError::Configuration`] if two are called the same, two are for all, or a flag names one that was not given.
pub(super) fn assign(given: Vec<Given>) -> Result<Vec<Assigned>, StartError> {
    let wrong = |message| Err(StartError::Configuration { setting: "provider", message });
    let names: Vec<String> = given.iter().map(|given| given.provider.name().to_owned()).collect();
    if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name)) {
        return wrong(format!("`{twice}` was given twice: each provider needs a name of its own"));
    }
    let for_all = given.iter().position(|given| given.is_for_all);
    if given.iter().filter(|given| given.is_for_all).count() > 1 {
        let for_all =
            names.iter().zip(&given).filter(|(_, given)| given.is_for_all).map(|(name, _)| format!("`{name}`"));
        let for_all = for_all.collect::<Vec<_>>().join(" and ");
        return wrong(format!(
            "{for_all} are both for all flags: call `provider_for_all` once, `provider` for the others"
        ));
    }
    let mut assigned: Vec<Assigned> =
        given.into_iter().map(|given| Assigned { provider: given.provider, flags: Vec::new() }).collect();
    for flag in registry().flags() {
        let declaration = flag.declaration();
        let declared = declaration.provider();
        let at = declared.map_or(for_all, |declared| names.iter().position(|name| name == declared));
        if let (Some(declared), None) = (declared, at) {
            let (name, file, line) = (declaration.name(), declaration.file(), declaration.line());
            let near = near(declared, names.iter().map(String::as_str));
            let hint = near.first().map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let given = if names.is_empty() { "none was".to_owned() } else { format!("given: {}", names.join(", ")) };
            return wrong(format!(
                "flag `{name}` ({file}:{line}) is decided by `{declared}`, which was not given ({given}): call \
                 `.provider(..)` before `.start()`{hint}"
            ));
        }
        if let Some(at) = at {
            assigned[at].flags.push(flag);
        }
    }
    Ok(assigned)
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.provider.name())
    }
}
