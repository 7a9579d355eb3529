//! Files: watched, half written, deleted, swapped, and the override file above everything.
//!
//! The source is process-wide, so the tests of this file take turns.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flags_runtime::source::{FileSource, MemorySource, Mode};
use flags_runtime::{EvaluationContext, Flag, Reason, RequestScope, SourceState, builder, feature_flag, flag, status};
use flags_workspace_tests::eventually;
use flags_workspace_tests::turn::Turn;

#[feature_flag(name = "filed", default = false, expires = "2099-01-01")]
static FILED: Flag<bool>;
#[feature_flag(name = "filed_number", default = 1, expires = "2099-01-01")]
static NUMBER: Flag<i32>;

fn take_turns(test: impl FnOnce(&Path)) {
    let _turn = Turn::take();
    let folder = tempfile::tempdir().unwrap();
    test(folder.path());
}

#[track_caller]
fn assert_soon(condition: impl FnMut() -> bool) {
    assert!(eventually(Duration::from_secs(5), condition), "not within 5 s: {:?}", status());
}

fn state() -> SourceState {
    status().source.unwrap().state
}

#[test]
fn a_json_file_is_followed_through_writes_renames_and_deletion() {
    take_turns(|folder| {
        let path = folder.join("flags.json");
        fs::write(&path, r#"{"filed":{"enabled":true}}"#).unwrap();
        let guard = builder().source(FileSource::new(&path)).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(flag!(FILED));
        assert_eq!(guard.status().source.unwrap().mode, Some(Mode::Push));

        fs::write(&path, r#"{"filed":{"enabled":false},"filed_number":{"enabled":true,"value":2}}"#).unwrap();
        assert_soon(|| !flag!(FILED) && flag!(NUMBER) == 2);

        let other = folder.join("new.json");
        fs::write(&other, r#"{"filed":{"enabled":true}}"#).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_soon(|| flag!(FILED) && flag!(NUMBER) == 1);

        fs::write(&path, r#"{"filed":{"enabled":fal"#).unwrap();
        assert_soon(|| state() == SourceState::Lost);
        assert!(flag!(FILED), "a half-written file changes nothing");
        let error = guard.status().source.unwrap().last_error.unwrap();
        assert!(error.contains("is not a JSON object of documents"), "{error}");

        fs::remove_file(&path).unwrap();
        assert_soon(|| status().source.unwrap().last_error.unwrap().contains("cannot be read"));
        assert!(flag!(FILED), "a deleted file changes nothing");

        fs::write(&path, r#"{"filed":{"enabled":false}}"#).unwrap();
        assert_soon(|| !flag!(FILED) && state() == SourceState::Live);
    });
}

#[test]
fn one_bad_document_in_a_file_is_refused_alone() {
    take_turns(|folder| {
        let path = folder.join("flags.json");
        fs::write(&path, r#"{"filed":{"enabled":true},"filed_number":{"enabled":"yes","value":2}}"#).unwrap();
        let guard = builder().source(FileSource::new(&path)).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(flag!(FILED));
        assert_eq!((flag!(NUMBER), flag!(NUMBER, details).reason), (1, Reason::Error));
        assert!(
            guard.status().refused[0].error.to_string().contains("`enabled` must be true or false"),
            "{:?}",
            guard.status().refused
        );
    });
}

#[test]
fn a_toml_file_and_a_swapped_symbolic_link_are_followed() {
    take_turns(|folder| {
        for (version, enabled) in [("one", true), ("two", false)] {
            fs::create_dir(folder.join(version)).unwrap();
            fs::write(folder.join(version).join("flags.toml"), format!("[filed]\nenabled = {enabled}\n")).unwrap();
        }
        // As Kubernetes mounts a ConfigMap: the file is a link through a folder link that is swapped.
        std::os::unix::fs::symlink("one", folder.join("data")).unwrap();
        std::os::unix::fs::symlink("data/flags.toml", folder.join("flags.toml")).unwrap();
        let guard = builder().source(FileSource::new(folder.join("flags.toml"))).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(flag!(FILED));
        std::os::unix::fs::symlink("two", folder.join("data.new")).unwrap();
        fs::rename(folder.join("data.new"), folder.join("data")).unwrap();
        assert_soon(|| !flag!(FILED));
    });
}

#[test]
fn a_file_that_is_missing_at_start_is_no_reason_not_to_start() {
    take_turns(|folder| {
        let path = folder.join("later.json");
        let guard = builder().source(FileSource::new(&path)).start().unwrap();
        let error = guard.wait_ready(Duration::from_millis(200)).unwrap_err().to_string();
        assert!(error.contains("later.json"), "{error}");
        assert_eq!(flag!(NUMBER), 1);
        fs::write(&path, r#"{"filed_number":{"enabled":true,"value":5}}"#).unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert_eq!(flag!(NUMBER), 5);
    });
}

#[test]
fn the_override_file_stands_above_the_source_and_goes_away_again() {
    take_turns(|folder| {
        let path = folder.join("override.json");
        let source = MemorySource::new();
        let writer = source.writer();
        writer.set("filed", r#"{"enabled":true}"#);
        fs::write(&path, "{}").unwrap();
        let guard = builder().source(source).override_file(&path).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(flag!(FILED));

        fs::write(&path, r#"{"filed":{"enabled":false}}"#).unwrap();
        assert_soon(|| !flag!(FILED));
        assert_eq!(flag!(FILED, details).reason, Reason::Override);
        assert_eq!(guard.status().overridden, ["filed"]);
        writer.set("filed", r#"{"enabled":true,"value":1}"#);
        assert!(!flag!(FILED));

        fs::write(&path, r#"{"filed":{"enabled":1}}"#).unwrap();
        assert_soon(|| !status().refused.is_empty());
        assert!(!flag!(FILED), "a refused override keeps its last good state");

        fs::write(&path, "{}").unwrap();
        assert_soon(|| flag!(FILED) && flag!(FILED, details).reason == Reason::Static);
        drop(guard);

        fs::remove_file(&path).unwrap();
        let alone = builder().override_file(&path).start().unwrap();
        assert!(alone.wait_ready(Duration::from_secs(5)).is_ok(), "a kill that is not needed yet needs no file");
        assert_ne!(flag!(FILED, details).reason, Reason::Override);
        fs::write(&path, r#"{"filed":{"enabled":false}}"#).unwrap();
        assert_soon(|| flag!(FILED, details).reason == Reason::Override);
        fs::remove_file(&path).unwrap();
        assert_soon(|| status().override_file.unwrap().state == SourceState::Lost);
        assert_eq!(flag!(FILED, details).reason, Reason::Override, "a file that is gone keeps what it said");
        drop(alone);

        fs::write(&path, r#"{"filed":{"enabled":false}}"#).unwrap();
        let alone = builder().override_file(&path).start().unwrap();
        alone.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(!flag!(FILED), "an override file needs no source");
        drop(alone);
        let without = builder().start().unwrap();
        assert_ne!(flag!(FILED, details).reason, Reason::Override, "and does not outlive its start");
        drop(without);
    });
}

#[test]
fn stopping_beside_a_missing_file_takes_less_than_a_second() {
    take_turns(|folder| {
        let guard = builder().source(FileSource::new(folder.join("no/such/folder/flags.json"))).start().unwrap();
        assert_soon(|| state() == SourceState::Lost);
        let stopping = std::time::Instant::now();
        drop(guard);
        // A second is what is promised; the rest is for a busy machine.
        assert!(stopping.elapsed() < Duration::from_secs(3));
    });
}

#[test]
fn a_request_remembers_that_it_was_the_override_file() {
    take_turns(|folder| {
        let path = folder.join("override.json");
        fs::write(&path, r#"{"filed":{"enabled":true,"rollout_percentage":50}}"#).unwrap();
        let guard = builder().override_file(&path).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        RequestScope::new(EvaluationContext::new("ada")).scope(|| {
            let is_on = flag!(FILED);
            let details = flag!(FILED, details);
            assert_eq!((details.value, details.reason), (is_on, Reason::Override));
        });
    });
}

#[test]
fn a_kill_in_the_override_file_holds_from_the_first_read_on() {
    take_turns(|folder| {
        let path = folder.join("override.json");
        fs::write(&path, r#"{"filed":{"enabled":false},"filled_number":{"enabled":true}}"#).unwrap();
        for _ in 0..20 {
            let source = MemorySource::new();
            source.writer().set("filed", r#"{"enabled":true}"#);
            let guard = builder().source(source).override_file(&path).start().unwrap();
            for _ in 0..1000 {
                assert!(!flag!(FILED), "on for a moment");
            }
            guard.wait_ready(Duration::from_secs(5)).unwrap();
            let file = guard.status().override_file.unwrap();
            assert_eq!(file.unknown, ["filled_number"], "a misspelt name in a kill file does nothing, and is named");
        }
    });
}

#[test]
fn a_pipe_or_a_folder_in_place_of_the_file_is_an_error_and_no_hang() {
    take_turns(|folder| {
        let path = folder.join("flags.json");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let guard = builder().source(FileSource::new(&path)).start().unwrap();
        assert_soon(|| status().source.unwrap().last_error.is_some_and(|error| error.contains("no regular file")));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_soon(|| state() == SourceState::Lost);
        fs::remove_dir(&path).unwrap();
        fs::write(&path, r#"{"filed":{"enabled":true}}"#).unwrap();
        assert_soon(|| flag!(FILED));
        drop(guard);
    });
}

#[test]
fn a_file_whose_folder_is_replaced_is_still_followed() {
    take_turns(|folder| {
        let (inner, path) = (folder.join("inner"), folder.join("inner/flags.json"));
        fs::create_dir(&inner).unwrap();
        fs::write(&path, r#"{"filed":{"enabled":true}}"#).unwrap();
        let guard = builder().source(FileSource::new(&path)).start().unwrap();
        guard.wait_ready(Duration::from_secs(5)).unwrap();
        assert!(flag!(FILED));
        // The watcher stays with the old folder.
        fs::create_dir(folder.join("next")).unwrap();
        fs::write(folder.join("next/flags.json"), r#"{"filed":{"enabled":false}}"#).unwrap();
        fs::rename(&inner, folder.join("old")).unwrap();
        fs::rename(folder.join("next"), &inner).unwrap();
        assert_soon(|| !flag!(FILED));
        fs::write(&path, r#"{"filed":{"enabled":true},"filed_number":{"enabled":true,"value":3}}"#).unwrap();
        assert_soon(|| flag!(FILED) && flag!(NUMBER) == 3);
    });
}
