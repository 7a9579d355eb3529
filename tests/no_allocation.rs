//! No read of a flag allocates. Alone in its file: it starts the process's one source.

use std::time::Duration;

use flags_runtime::source::MemorySource;
use flags_runtime::{EvaluationContext, Flag, Json, RequestScope, builder, feature_flag, flag};
use flags_workspace_tests::eventually;

#[feature_flag(name = "alloc_on", default = false, expires = "2099-01-01")]
static ON: Flag<bool>;
#[feature_flag(name = "alloc_half", default = false, expires = "2099-01-01")]
static HALF: Flag<bool>;
#[feature_flag(name = "alloc_listed", default = 1, expires = "2099-01-01")]
static LISTED: Flag<u16>;
#[feature_flag(name = "alloc_title", default = "short", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(name = "alloc_limits", default_fn = Vec::new, expires = "2099-01-01")]
static LIMITS: Flag<Json<Vec<u32>>>;
#[feature_flag(name = "alloc_refused", default = 0.5, expires = "2099-01-01")]
static REFUSED: Flag<f64>;

#[test]
fn no_read_allocates() {
    let source = MemorySource::new();
    let writer = source.writer();
    writer.set("alloc_on", r#"{"enabled":true}"#);
    writer.set("alloc_half", r#"{"enabled":true,"rollout_percentage":50,"allowed_groups":["a","b"]}"#);
    writer.set("alloc_listed", r#"{"enabled":true,"rollout_percentage":0,"allowed_users":["u1","u2"],"value":9}"#);
    writer.set("alloc_title", r#"{"enabled":true,"value":"from the document"}"#);
    writer.set("alloc_limits", r#"{"enabled":true,"value":[1,2,3]}"#);
    writer.set("alloc_refused", r#"{"enabled":true,"value":"text"}"#);
    let guard = builder().source(source).start().unwrap();
    guard.wait_ready(Duration::from_secs(5)).unwrap();

    let ctx = EvaluationContext::new("u1").group("b");
    let reads = || {
        assert!(flag!(ON));
        assert!(flag!(HALF, &ctx));
        assert!(!flag!(HALF, details).variant.unwrap_or_default().is_empty());
        assert_eq!(flag!(LISTED, &ctx), 9);
        assert_eq!(flag!(TITLE), "from the document");
        assert_eq!(flag!(LIMITS).len(), 3);
        assert_eq!(LISTED.configured(), Some(9));
        assert!((flag!(REFUSED) - 0.5).abs() < f64::EPSILON);
        ctx.scope(|| assert_eq!(flag!(LISTED), 9));
    };
    let in_a_request = || {
        // Evaluated, and remembered.
        assert!(flag!(HALF) && flag!(HALF));
        assert_eq!((flag!(LISTED), &*flag!(TITLE)), (9, "from the document"));
    };
    // Once before counting: a thread's first read makes its own slot in arc-swap's list.
    reads();
    let counted = allocation_counter::measure(|| (0..100).for_each(|_| reads()));
    assert_eq!(counted.count_total, 0, "{counted:?}");
    RequestScope::new(ctx.clone()).scope(|| {
        let counted = allocation_counter::measure(|| (0..100).for_each(|_| in_a_request()));
        assert_eq!(counted.count_total, 0, "{counted:?}");
        // A view that is behind: flags are held for it.
        writer.set("alloc_title", r#"{"enabled":true,"value":"another one"}"#);
        assert!(eventually(Duration::from_secs(10), || {
            std::thread::scope(|scope| scope.spawn(|| flag!(TITLE) == "another one").join().unwrap())
        }));
        let counted = allocation_counter::measure(|| (0..100).for_each(|_| in_a_request()));
        assert_eq!(counted.count_total, 0, "{counted:?}");
    });
}
