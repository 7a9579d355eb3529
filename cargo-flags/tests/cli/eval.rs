//! `eval --jsonl`: the same answers as the Python engine, and an answer to everything.

use std::fs;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::{cargo_flags, python, repository, run, run_with};

fn eval() -> Command {
    let mut command = cargo_flags();
    command.args(["eval", "--jsonl"]);
    command
}

/// The answers to some lines.
#[track_caller]
fn answers(input: impl AsRef<[u8]>) -> Vec<String> {
    run_with(&mut eval(), input.as_ref()).done().split_terminator('\n').map(str::to_owned).collect()
}

#[track_caller]
fn error_of(answer: &str) -> String {
    let json: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(json.as_object().unwrap().len(), 1, "{answer}");
    json["error"].as_str().unwrap_or_else(|| panic!("not refused: {answer}")).to_owned()
}

#[derive(Deserialize)]
struct Vector<'a> {
    #[serde(borrow)]
    expect: &'a RawValue,
    line: Option<String>,
}

/// Every line of a file of vectors, as it is to be tried.
#[track_caller]
fn holds(file: &str, at_least: usize) {
    let text = fs::read_to_string(repository("tests/vectors").join(file)).unwrap();
    let lines: Vec<_> = text.split_terminator('\n').collect();
    assert!(lines.len() >= at_least, "{file} has {} lines", lines.len());
    let vectors: Vec<Vector<'_>> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tried: Vec<_> =
        lines.iter().zip(&vectors).map(|(line, vector)| vector.line.as_deref().unwrap_or(line)).collect();
    let found = answers(tried.join("\n"));
    assert_eq!(found.len(), tried.len());
    for ((vector, line), answer) in vectors.iter().zip(&tried).zip(&found) {
        let shown: String = line.chars().take(300).collect();
        if vector.expect.get() == "\"refused\"" {
            assert!(error_of(answer).len() > 10, "{answer}");
        } else {
            assert_eq!(answer, vector.expect.get(), "{shown}");
        }
    }
}

#[test]
fn every_decision_is_that_of_the_python_engine_byte_by_byte() {
    holds("decisions.jsonl", 2_000);
}

#[test]
fn every_hostile_document_and_line_is_refused_or_answered_as_python_does() {
    holds("hostile.jsonl", 398);
}

#[test]
fn the_vectors_are_what_their_program_writes() {
    assert_eq!(run(python("make_vectors.py").arg("--check")).stderr, "");
}

#[test]
fn every_line_has_one_answer_in_order_whatever_it_holds() {
    let input = b"{\"name\":\"a\",\"default\":1}\n\nnonsense\n{\"name\":\"b\xff\"}\n\xff\xfe\n{\"name\":\"c\",\"default\":2}\r\n   \n{\"name\":\"d\",\"default\":3}";
    let found = answers(input);
    assert_eq!(found.len(), 8, "{found:#?}");
    for (at, number) in [(0, 1), (5, 2), (7, 3)] {
        assert_eq!(
            found[at],
            format!(r#"{{"enabled":false,"value":{number},"configured":{number},"reason":"DEFAULT"}}"#)
        );
    }
    for (at, words) in [(1, "empty"), (2, "not a JSON object"), (3, "not UTF-8"), (4, "not UTF-8"), (6, "empty")] {
        assert!(error_of(&found[at]).contains(words), "{}", found[at]);
    }
    assert!(answers("").is_empty());
    assert_eq!(answers("\n").len(), 1);
}

#[test]
fn error_sentences_name_what_is_wrong() {
    for (line, words) in [
        (r#"{"user":"u"}"#, "no `name`"),
        (r#"{"name":"n","flag":{},"raw":"{}"}"#, "both `flag` and `raw`"),
        (r#"{"name":"n","raw":{}}"#, "`raw` must be a string"),
        (r#"{"name":"n","groups":["a",1]}"#, "`groups` must be an array of strings"),
        (r#"{"name":"n","user":5}"#, "`user` must be a string"),
        (r#"{"name":"n","default":1e400}"#, "`default` is refused"),
        (r#"{"name":"n","flag":{"enabled":"yes"}}"#, "`enabled` must be true or false"),
        (r#"{"name":"n","flag":{"rollout_percentage":true}}"#, "`rollout_percentage` must be a number"),
        (r#"{"name":"n","flag":{"allowed_users":[null]}}"#, "`allowed_users` must be an array of strings"),
        (r#"{"name":"n","raw":"{\"value\":\"\\ud800\"}"}"#, "lone surrogate"),
        (r#"["n"]"#, "expected an object"),
    ] {
        let found = answers(line);
        let error = error_of(&found[0]);
        assert!(error.contains(words), "{line}: {error}");
        assert!(!error.ends_with('.') && !error.contains('\n'), "{error}");
    }
}

#[test]
fn invalid_bytes_anywhere_in_a_document_refuse_the_line() {
    let whole =
        r#"{"name":"é","user":"🚩","flag":{"enabled":true,"allowed_users":["żółw","🚩"],"value":"ü"},"default":"ä"}"#;
    assert!(answers(whole)[0].starts_with(r#"{"enabled":true,"value":"ü""#));
    let mut input = Vec::new();
    let mut count = 0;
    for at in 0..whole.len() {
        // Cut in the middle of letters, too; and each byte once replaced by one that no UTF-8 holds.
        input.extend_from_slice(&whole.as_bytes()[..at]);
        input.push(b'\n');
        let mut broken = whole.as_bytes().to_vec();
        broken[at] = 0xff;
        input.extend_from_slice(&broken);
        input.push(b'\n');
        count += 2;
    }
    let found = answers(&input);
    assert_eq!(found.len(), count);
    for answer in &found {
        assert!(!error_of(answer).is_empty());
    }
}

#[test]
fn line_breaks_in_an_echoed_value_become_spaces() {
    let line = r#"{"name":"n","raw":"{\"enabled\":true,\"value\":{\n\t\"a\":\r\n[1,\n2.50]}}","default":"a\nb"}"#;
    assert_eq!(
        answers(line),
        [
            "{\"enabled\":true,\"value\":{ \t\"a\":  [1, 2.50]},\"configured\":{ \t\"a\":  [1, 2.50]},\"reason\":\"STATIC\"}"
        ]
    );
}

#[test]
fn a_line_may_have_fifty_megabytes() {
    let large = "x".repeat(50_000_000);
    let input = format!(
        "{{\"name\":\"n\",\"user\":\"{large}\",\"flag\":{{\"enabled\":true,\"rollout_percentage\":0,\"allowed_users\":[\"{large}\"]}}}}\n\
         {{\"name\":\"after\",\"default\":true}}\n\
         {{\"name\":\"n\",\"flag\":{{\"enabled\":true,\"value\":{}1{}}}}}\n\
         {{\"name\":\"after\",\"default\":true}}\n",
        "[".repeat(2_000_000),
        "]".repeat(2_000_000),
    );
    let found = answers(input);
    assert_eq!(found[0], r#"{"enabled":true,"value":null,"configured":null,"reason":"TARGETING_MATCH"}"#);
    assert_eq!(found[1], r#"{"enabled":true,"value":true,"configured":true,"reason":"DEFAULT"}"#);
    assert!(error_of(&found[2]).contains("128 levels"));
    assert_eq!(found[3], found[1]);
}

#[test]
fn a_document_over_64_mebibytes_is_refused() {
    let raw = " ".repeat(64 * 1024 * 1024);
    let found = answers(format!(r#"{{"name":"n","raw":"{raw}{{}}"}}"#));
    assert!(error_of(&found[0]).contains("at most"), "{}", found[0]);
}

#[test]
fn an_answer_does_not_wait_for_the_next_line() {
    let mut child = eval().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, answers) = mpsc::channel();
    let reader = std::thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
    let found: Vec<_> = (0..3)
        .map_while(|number| {
            writeln!(stdin, r#"{{"name":"n","default":{number}}}"#).unwrap();
            answers.recv_timeout(Duration::from_secs(10)).ok()
        })
        .collect();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    reader.join().unwrap().unwrap();
    assert_eq!(found.len(), 3, "each line was answered before the next one was written");
    assert!(found[2].contains(r#""value":2,"#), "{found:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = eval().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..100_000 {
        // The command ends before it has read all of it.
        if writeln!(stdin, r#"{{"name":"n"}}"#).is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

#[test]
fn input_that_cannot_be_read_is_an_error() {
    let folder = File::open(repository("tests")).unwrap();
    let output = eval().stdin(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the input cannot be read"));
}
