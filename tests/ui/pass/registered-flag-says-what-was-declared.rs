//! A declared flag is in the registry once, with all that was declared, and where.
#![deny(warnings)]
#![forbid(unsafe_code)]

use flags_runtime::{Flag, feature_flag, registry};

/// Checkout on the new
///   cart service.
#[feature_flag(name = "new_checkout", default = {  u8::MAX
    as u16 + 1 }, expires = "2099-03-01", owner = "payments", created = "2025-01-01", ticket = "PAY-1", kind = ops, public,
    on_outage = default(after = "90s"))]
pub static NEW_CHECKOUT: Flag<u16>;

#[feature_flag(name = "plain", default_fn = inner::make, expires = never("because"), key = "Plain One", on_outage = last_known)]
static PLAIN: Flag<u8>;

mod inner {
    pub(super) fn make() -> u8 {
        1
    }
}

fn main() {
    assert_eq!(registry().flags().len(), 2);
    let full = registry().get("new_checkout").expect("declared above").declaration();
    assert_eq!(full.name(), "new_checkout");
    assert_eq!(full.key(), "new_checkout");
    assert_eq!(full.type_name(), "u16");
    assert_eq!(full.outage_limit(), Some(std::time::Duration::from_secs(90)));
    assert_eq!(registry().get("plain").expect("declared above").declaration().outage_limit(), None);
    assert_eq!(full.default_expression(), "{ u8::MAX as u16 + 1 }");
    assert_eq!(full.doc(), Some("Checkout on the new\n  cart service."));
    assert_eq!((full.expires(), full.never_expires_because()), (Some("2099-03-01"), None));
    assert_eq!((full.owner(), full.created(), full.ticket()), (Some("payments"), Some("2025-01-01"), Some("PAY-1")));
    assert_eq!((full.kind(), full.is_public()), (Some("ops"), true));
    // Where the name of the static stands.
    assert_eq!((full.line(), full.column()), (12, 12));

    let plain = registry().get("plain").expect("declared above").declaration();
    assert_eq!(plain.key(), "Plain One");
    assert_eq!(plain.default_expression(), "inner::make()");
    assert_eq!((plain.expires(), plain.never_expires_because()), (None, Some("because")));
    assert_eq!((plain.owner(), plain.created(), plain.ticket(), plain.kind()), (None, None, None, None));
    assert_eq!((plain.doc(), plain.is_public()), (None, false));
    assert_eq!(flags_runtime::flag!(PLAIN), 1);
}
