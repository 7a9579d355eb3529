//! The scenarios of the OpenFeature specification, run against its Rust SDK with this library as the provider.
//!
//! They are no part of this repository: `OPENFEATURE_SPEC_DIR` names the folder that has them. Every one is run, or stands in
//! [`NOT_HERE`] with what the SDK does not have; a new one fails here until it is one or the other. One test, since the API of the
//! SDK, and a start, are process-wide.

mod flags;
mod gherkin;
mod world;

use std::path::Path;

use self::gherkin::Scenario;
use self::world::World;

const FEATURES: [&str; 5] =
    ["evaluation.feature", "evaluation_v2.feature", "contextMerging.feature", "hooks.feature", "metadata.feature"];

/// What cannot be run: the feature, the beginning of the scenario's name, what one of its steps says, and why.
const NOT_HERE: [(&str, &str, &str, &str); 6] = [
    ("contextMerging", "", "\"Transaction\"", "the SDK has no transaction contexts"),
    ("contextMerging", "For a transaction", "\"Client\"", "the SDK has no transaction contexts"),
    ("contextMerging", "For a transaction", "\"Invocation\"", "the SDK has no transaction contexts"),
    ("contextMerging", "For a transaction and a hook", "\"Before Hooks\"", "the SDK has no transaction contexts"),
    ("evaluation_v2", "Null context values", "with null value", "the fields of the SDK's contexts cannot be null"),
    (
        "evaluation_v2",
        "Provider status accessibility (fatal",
        "\"FATAL\"",
        "the SDK has no such status: it is ERROR there",
    ),
];

/// The same, where it is what hooks are told.
const NO_DEFAULT: (&str, &str, &str, &str) = (
    "hooks",
    "Flag not found",
    "missing-flag",
    "the SDK tells hooks the type's default: it does not know the caller's",
);

#[test]
fn every_scenario_runs_or_is_listed_with_its_reason() {
    let Some(folder) = std::env::var_os("OPENFEATURE_SPEC_DIR") else {
        eprintln!("OPENFEATURE_SPEC_DIR is not set: the scenarios of the specification are not run");
        return;
    };
    let folder = Path::new(&folder);
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    let flags = flags::flags_of(&text("test-flags.json"));
    assert!(flags::mention() > 0);
    let reasons: Vec<_> = NOT_HERE.iter().chain([&NO_DEFAULT]).collect();
    let mut used = vec![0; reasons.len()];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut ran = 0;
    for name in FEATURES {
        let scenarios = gherkin::read(name.trim_end_matches(".feature"), &text(name));
        assert!(!scenarios.is_empty(), "{name} has no scenarios");
        for scenario in scenarios {
            if let Some(at) = reasons.iter().position(|reason| is_of(reason, &scenario)) {
                used[at] += 1;
                continue;
            }
            let is_quick = !scenario.tags.iter().any(|tag| tag == "@reason-codes-cached");
            eprintln!("{}: {}", scenario.feature, scenario.name);
            runtime.block_on(async {
                let mut world = World::new(flags.clone(), is_quick).await;
                for step in &scenario.steps {
                    world.take(step).await;
                }
            });
            ran += 1;
        }
    }
    for (reason, used) in reasons.iter().zip(&used) {
        assert!(*used > 0, "this belongs to no scenario any more: {reason:?}");
        eprintln!("not run, {used} of `{}`: {}", reason.0, reason.3);
    }
    eprintln!("{ran} scenarios ran, {} are listed with a reason", used.iter().sum::<usize>());
    assert!(ran > 100, "{ran} scenarios are fewer than there were");
}

fn is_of((feature, name, step, _): &(&str, &str, &str, &str), scenario: &Scenario) -> bool {
    scenario.feature == *feature
        && scenario.name.starts_with(name)
        && scenario.steps.iter().any(|taken| taken.text.contains(step))
}
