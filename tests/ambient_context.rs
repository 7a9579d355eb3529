//! The ambient context follows scopes and polls, and nothing else.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use flags_runtime::{EvaluationContext, context};

fn ambient_key() -> Option<String> {
    context::current().map(|ctx| ctx.targeting_key().to_owned())
}

#[test]
fn innermost_scope_counts_and_the_outer_one_comes_back() {
    let (outer, inner) = (EvaluationContext::new("outer").group("g"), EvaluationContext::new("inner"));
    outer.scope(|| {
        inner.scope(|| {
            assert_eq!(ambient_key().as_deref(), Some("inner"));
            assert!(!context::current().unwrap().is_in_group("g"), "the inner context replaces the outer one whole");
        });
        assert_eq!(ambient_key().as_deref(), Some("outer"));
    });
    assert_eq!(ambient_key(), None);
}

#[test]
fn scope_is_restored_when_its_body_panics() {
    let panicked = std::panic::catch_unwind(|| EvaluationContext::new("u").scope(|| panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!(ambient_key(), None);
}

#[test]
fn new_threads_inherit_nothing_unless_carried() {
    EvaluationContext::new("u").scope(|| {
        assert_eq!(std::thread::spawn(ambient_key).join().unwrap(), None);
        assert_eq!(std::thread::spawn(context::carry(ambient_key)).join().unwrap().as_deref(), Some("u"));
    });
}

#[test]
fn async_scope_is_set_at_each_poll_and_gone_between() {
    let mut polls = 0;
    let asks_twice = std::future::poll_fn(move |_| {
        polls += 1;
        assert_eq!(ambient_key().as_deref(), Some("task"));
        if polls == 2 { Poll::Ready(ambient_key()) } else { Poll::Pending }
    });
    let mut task = pin!(EvaluationContext::new("task").scope_async(asks_twice));
    let mut cx = Context::from_waker(Waker::noop());
    EvaluationContext::new("executor").scope(|| {
        assert!(task.as_mut().poll(&mut cx).is_pending());
        assert_eq!(ambient_key().as_deref(), Some("executor"));
    });
    assert_eq!(task.as_mut().poll(&mut cx), Poll::Ready(Some("task".to_owned())));
    assert_eq!(ambient_key(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_tasks_never_see_each_others_context() {
    let tasks = (0..50).map(|n| {
        let key = format!("user-{n}");
        let body = async move {
            for _ in 0..20 {
                tokio::task::yield_now().await;
                assert_eq!(ambient_key(), Some(format!("user-{n}")));
            }
        };
        tokio::spawn(EvaluationContext::new(key).scope_async(body))
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn spawned_tasks_inherit_only_what_is_carried() {
    EvaluationContext::new("u")
        .scope_async(async {
            assert_eq!(tokio::spawn(async { ambient_key() }).await.unwrap(), None);
            let carried = context::carry_async(async { ambient_key() });
            assert_eq!(tokio::spawn(carried).await.unwrap().as_deref(), Some("u"));
        })
        .await;
}
