//! Exposures: told once per flag, user and variant, to whoever wants them, and never in the caller's way.
//!
//! Subscriptions are process-wide, so the tests of this file take turns.

use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};

use flags_runtime::exposure::{Exposure, Exposures};
use flags_runtime::{
    EvaluationContext, Flag, FlagValue, Json, Reason, TargetingKeys, builder, feature_flag, flag, hooks,
};
use flags_workspace_tests::eventually;
use flags_workspace_tests::turn::Turn;

#[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
enum Pricing {
    Control,
    VariantA,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Limits {
    max: u32,
}

#[feature_flag(name = "exposed_switch", default = true, expires = "2099-01-01")]
static SWITCH: Flag<bool>;
#[feature_flag(name = "exposed_pricing", default = Pricing::Control, expires = "2099-01-01", key = "Pricing!")]
static PRICING: Flag<Pricing>;
#[feature_flag(name = "exposed_size", default = 20, expires = "2099-01-01")]
static SIZE: Flag<u32>;
#[feature_flag(name = "exposed_title", default = "Hello", expires = "2099-01-01")]
static TITLE: Flag<String>;
#[feature_flag(
    name = "exposed_long",
    default = "a text of more than sixty-four bytes, which nobody wants in an event that is kept",
    expires = "2099-01-01"
)]
static LONG: Flag<String>;
#[feature_flag(name = "exposed_limits", default = Limits { max: 5 }, expires = "2099-01-01")]
static LIMITS: Flag<Json<Limits>>;

const SOON: Duration = Duration::from_secs(10);

fn user(n: usize) -> EvaluationContext {
    EvaluationContext::new(format!("user-{n}"))
}

#[test]
fn what_is_shown_is_told_once_for_each_user_and_variant() {
    let _turn = Turn::take();
    let (subscription, exposures) = Exposures::new().channel(100).unwrap();
    let before = SystemTime::now();
    for _ in 0..3 {
        assert_eq!(flag!(PRICING, &user(1), exposed), Pricing::Control);
        user(2).scope(|| assert!(flag!(SWITCH, exposed)));
        // Read, and shown later, or never.
        let details = flag!(SIZE, &user(1), details);
        details.track();
        flag!(TITLE, &user(1), details);
        let details = user(1).scope(|| flag!(LONG, details));
        // For whom it was evaluated, whoever it is now.
        user(7).scope(|| details.track());
        assert_eq!(flag!(LIMITS, &user(1), exposed).max, 5);
    }
    drop(subscription);
    let told: Vec<Exposure> = exposures.iter().collect();
    let shown: Vec<_> = told.iter().map(|exposure| (exposure.flag, &*exposure.variant)).collect();
    // SHA-256 of the text, by another program.
    let expected = [
        ("Pricing!", "control"),
        ("exposed_switch", "on"),
        ("exposed_size", "20"),
        ("exposed_long", "sha256:cb0421c45c938546"),
        ("exposed_limits", "default"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(told[0].declaration().unwrap().name(), "exposed_pricing");
    assert!(told.iter().all(|exposure| exposure.reason == Reason::Default && exposure.at >= before));
    // SHA-256 of "user-2".
    assert_eq!(told[1].targeting_key.as_deref(), Some("d92b69cfb82cecab"));
    assert_eq!(told[1].to_string(), "exposed_switch = on (DEFAULT) to d92b69cfb82cecab");
}

#[test]
fn another_variant_is_another_exposure() {
    let _turn = Turn::take();
    let (subscription, exposures) = Exposures::new().channel(100).unwrap();
    flag!(PRICING, &user(1), exposed);
    {
        let _forced = PRICING.force(Pricing::VariantA);
        assert_eq!(flag!(PRICING, &user(1), exposed), Pricing::VariantA);
    }
    flag!(PRICING, &user(1), exposed);
    drop(subscription);
    assert_eq!(exposures.iter().map(|exposure| exposure.variant).collect::<Vec<_>>(), ["control", "variant_a"]);
}

#[test]
fn whoever_a_hook_has_put_in_place_is_the_one_that_is_told_of() {
    struct Replacing;
    impl hooks::Hook for Replacing {
        fn before(&self, _: &mut hooks::HookContext<'_>) -> Result<Option<EvaluationContext>, hooks::HookError> {
            Ok(Some(user(2)))
        }
    }
    let _turn = Turn::take();
    let (subscription, exposures) = Exposures::new().channel(100).unwrap();
    {
        let _hook = hooks::add(Replacing);
        flag!(SIZE, &user(1), exposed);
    }
    drop(subscription);
    // SHA-256 of "user-2".
    assert_eq!(exposures.recv().unwrap().targeting_key.as_deref(), Some("d92b69cfb82cecab"));
}

#[test]
fn what_nobody_takes_is_counted() {
    let _turn = Turn::take();
    let (subscription, exposures) = Exposures::new().channel(100).unwrap();
    drop(exposures);
    flag!(SIZE, &user(1), exposed);
    assert!(eventually(SOON, || subscription.dropped() == 1));
}

#[test]
fn keys_are_shown_as_the_program_says() {
    let _turn = Turn::take();
    for (setting, expected) in [(TargetingKeys::Raw, Some("user-1")), (TargetingKeys::Omitted, None)] {
        let guard = builder().targeting_keys(setting).start().unwrap();
        let (subscription, exposures) = Exposures::new().channel(100).unwrap();
        flag!(SWITCH, &user(1), exposed);
        drop(subscription);
        assert_eq!(exposures.recv().unwrap().targeting_key.as_deref(), expected);
        drop(guard);
    }
    drop(builder().start().unwrap());
}

#[test]
fn a_sample_is_of_users_and_the_same_for_every_flag() {
    let _turn = Turn::take();
    let told = |percent: f64| {
        let (subscription, exposures) = Exposures::new().sample(percent).channel(10_000).unwrap();
        for n in 0..2_000 {
            flag!(SWITCH, &user(n), exposed);
            flag!(SIZE, &user(n), exposed);
        }
        drop(subscription);
        let told: Vec<Exposure> = exposures.iter().collect();
        let users = |flag: &str| -> BTreeSet<Option<String>> {
            told.iter()
                .filter(|exposure| exposure.flag == flag)
                .map(|exposure| exposure.targeting_key.clone())
                .collect()
        };
        assert_eq!(users("exposed_switch"), users("exposed_size"));
        users("exposed_size")
    };
    let (quarter, again) = (told(25.0), told(25.0));
    assert!((400..600).contains(&quarter.len()), "{}", quarter.len());
    assert_eq!(quarter, again);
    assert!(quarter.is_subset(&told(60.0)), "who is in a small sample is in a larger one");
    assert!(told(0.0).is_empty() && told(-1.0).is_empty() && told(f64::NAN).is_empty());
    assert_eq!(told(200.0).len(), 2_000);
}

#[test]
fn memory_is_bounded_and_what_is_forgotten_is_told_again() {
    let _turn = Turn::take();
    let told = |remembered: usize| {
        let (subscription, exposures) = Exposures::new().remember(remembered).channel(100_000).unwrap();
        let counting = std::thread::spawn(move || exposures.iter().count());
        for _ in 0..3 {
            for n in 0..1_000 {
                flag!(SWITCH, &user(n), exposed);
            }
        }
        assert!(eventually(SOON, || subscription.dropped() == 0));
        drop(subscription);
        counting.join().unwrap()
    };
    assert_eq!(told(0), 3_000, "nothing is remembered");
    let few = told(64);
    assert!((2_800..=3_000).contains(&few), "{few}");
    let many = told(65_536);
    assert_eq!(many, 1_000);
}

#[test]
fn a_sink_that_blocks_delays_nobody_and_what_it_misses_is_counted_and_told_later() {
    let _turn = Turn::take();
    let (release, blocked) = channel::<()>();
    let (told, heard) = channel();
    // With so many places that none is taken twice.
    let subscription = Exposures::new()
        .remember(1 << 20)
        .subscribe(move |exposure| {
            // The first one waits for the test; then the channel is closed.
            let _ = blocked.recv();
            let _ = told.send(exposure);
        })
        .unwrap();
    for n in 0..6_000 {
        flag!(SWITCH, &user(n), exposed);
    }
    let dropped = subscription.dropped();
    assert!((1_900..=1_904).contains(&dropped), "a queue of 4,096, and one that the sink has: {dropped}");
    drop(release);
    let mut users = BTreeSet::new();
    let mut hear = |count: usize| {
        while users.len() < count {
            match heard.recv_timeout(SOON) {
                Ok(exposure) => assert!(users.insert(exposure.targeting_key), "told twice"),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("{} of {count}", users.len()),
            }
        }
    };
    hear(6_000 - usize::try_from(dropped).unwrap());
    // Shown once more: those that were dropped are told now, the others are not.
    for n in 0..6_000 {
        flag!(SWITCH, &user(n), exposed);
    }
    hear(6_000);
    assert_eq!(subscription.dropped(), dropped);
    drop(subscription);
}

#[test]
fn a_sink_that_panics_is_told_of_the_next_one() {
    let _turn = Turn::take();
    let (told, heard) = channel();
    let subscription = Exposures::new()
        .subscribe(move |exposure| {
            assert_ne!(exposure.flag, "exposed_switch", "on purpose");
            let _ = told.send(exposure.flag);
        })
        .unwrap();
    flag!(SWITCH, &user(1), exposed);
    flag!(SIZE, &user(1), exposed);
    assert_eq!(heard.recv_timeout(SOON), Ok("exposed_size"));
    drop(subscription);
}

#[test]
fn marking_does_not_unsettle_a_flag() {
    let _turn = Turn::take();
    let (_subscription, _exposures) = Exposures::new().channel(100).unwrap();
    flag!(SIZE);
    flag!(SIZE, &user(1), exposed);
    assert!(SIZE.__core().is_settled());
}
