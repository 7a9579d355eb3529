//! `eval --jsonl`: the decisions of the runtime, one case a line, for comparing languages and for trying documents out.
//!
//! One line out for each line in, in order, whatever the line holds; a case that cannot be decided is a line with an
//! `error`. Lines are read as bytes and one at a time, so input may be endless.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use clap::Args;
use flags_runtime::EvaluationContext;
use flags_runtime::evaluate::evaluate;
use flags_runtime::rules::{Document, Targeting};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::report::one_line;

/// Decide cases from stdin, one JSON object a line
///
/// A case has a `name`; a `flag` (the document) or `raw` (the document's text), or neither for no document; a `user`,
/// `groups` and a `default`, which are "", [] and null if missing. The answer is one line for each line:
/// {"enabled","value","configured","reason"}, or {"error"} if the document or the line is refused.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Read and write JSON lines (the only form there is)
    #[arg(long, required = true)]
    jsonl: bool,
}

pub(crate) fn run(_: &Arguments) -> Result<(), Failure> {
    answer_all(BufReader::with_capacity(BUFFER, io::stdin().lock()), io::stdout().lock())
}

const BUFFER: usize = 64 * 1024;

/// The longest line that is looked at: a document of 64 MiB fits even where every byte is escaped.
const LONGEST_LINE: usize = 512 * 1024 * 1024;

fn answer_all(mut input: BufReader<impl Read>, output: impl Write) -> Result<(), Failure> {
    let mut output = BufWriter::with_capacity(BUFFER, output);
    let mut line = Vec::new();
    loop {
        let read = read_line(&mut input, &mut line, LONGEST_LINE);
        let answer = match read.map_err(|error| Failure::because("the input cannot be read", error))? {
            Line::Whole => answer(&line),
            Line::TooLong => Err(Refused::because(format!("the line is longer than {LONGEST_LINE} bytes"))),
            Line::None => break,
        };
        write_answer(&mut output, answer).map_err(Failure::output)?;
        // Before waiting for more: whoever writes one line and reads one line must not wait for ever.
        if input.buffer().is_empty() {
            output.flush().map_err(Failure::output)?;
        }
    }
    output.flush().map_err(Failure::output)
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Whole,
    /// Its end was passed over.
    TooLong,
    /// The input has ended.
    None,
}

/// Reads one line without its end, of at most `longest` bytes.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<Line> {
    line.clear();
    // A huge line must not keep its memory for all those after it.
    line.shrink_to(BUFFER);
    // One byte more than a line may have, for its end.
    let limit = u64::try_from(longest).map_or(u64::MAX, |longest| longest.saturating_add(1));
    if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(Line::None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > longest {
        input.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Whole)
}

fn write_answer(output: &mut impl Write, answer: Result<String, Refused>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Refusal {
        error: String,
    }
    match answer {
        Ok(answer) => writeln!(output, "{answer}"),
        Err(Refused(error)) => {
            serde_json::to_writer(&mut *output, &Refusal { error })?;
            writeln!(output)
        }
    }
}

/// Why a case was refused, as one sentence without a full stop.
#[derive(Debug)]
struct Refused(String);

impl Refused {
    fn because(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

fn answer(line: &[u8]) -> Result<String, Refused> {
    let line =
        std::str::from_utf8(line).map_err(|error| Refused::because(format!("the line is not UTF-8 text: {error}")))?;
    if line.trim_ascii().is_empty() {
        return Err(Refused::because("the line is empty: write one case as a JSON object"));
    }
    let case: Fields<'_> = serde_json::from_str(line)
        .map_err(|error| Refused::because(format!("the line is not a JSON object with a case: {error}")))?;
    Case::read(&case)?.answer()
}

/// One case.
struct Case<'a> {
    name: Cow<'a, str>,
    document: Option<Cow<'a, str>>,
    user: Cow<'a, str>,
    groups: Vec<Cow<'a, str>>,
    default: &'a str,
}

impl<'a> Case<'a> {
    fn read(fields: &Fields<'a>) -> Result<Self, Refused> {
        let document = match (given(fields.flag), given(fields.raw)) {
            (Some(_), Some(_)) => return Err(Refused::because("the line has both `flag` and `raw`; give one of them")),
            (Some(flag), None) => Some(Cow::Borrowed(flag)),
            (None, Some(_)) => string(fields.raw, "raw")?,
            (None, None) => None,
        };
        let default = given(fields.default).unwrap_or("null");
        // As a document's `value` would be: it goes where that goes.
        Document::parse(format!("{{\"value\":{default}}}").as_bytes())
            .map_err(|error| Refused::because(format!("`default` is refused: {error}")))?;
        Ok(Self {
            name: string(fields.name, "name")?.ok_or_else(|| Refused::because("the line has no `name`"))?,
            document,
            user: string(fields.user, "user")?.unwrap_or_default(),
            groups: strings(fields.groups, "groups")?,
            default,
        })
    }

    fn answer(&self) -> Result<String, Refused> {
        let document = self.document.as_ref().map(|text| Document::parse(text.as_bytes())).transpose();
        let document = document.map_err(|error| Refused::because(format!("the document is refused: {error}")))?;
        let targeting = document.as_ref().map(Targeting::compile);
        let groups = self.groups.iter().map(AsRef::as_ref);
        let ctx = groups.fold(EvaluationContext::new(&*self.user), EvaluationContext::group);
        let decision = evaluate(&self.name, targeting.as_ref(), &ctx);

        let is_on = if document.is_some() { decision.is_on } else { self.default == "true" };
        let value = document.as_ref().and_then(|document| document.value).map(RawValue::get);
        let echoed = value.filter(|_| is_on).unwrap_or(self.default);
        let configured = match &document {
            Some(document) if document.enabled => value.unwrap_or("null"),
            _ => self.default,
        };
        Ok(format!(
            r#"{{"enabled":{is_on},"value":{},"configured":{},"reason":"{}"}}"#,
            one_line(echoed),
            one_line(configured),
            decision.reason
        ))
    }
}

/// The text of a field that is there and not null.
fn given(field: Option<&RawValue>) -> Option<&str> {
    field.map(RawValue::get).filter(|text| *text != "null")
}

fn string<'a>(field: Option<&'a RawValue>, name: &str) -> Result<Option<Cow<'a, str>>, Refused> {
    let text = given(field).map(serde_json::from_str::<Text<'a>>).transpose();
    Ok(text.map_err(|error| wrong(name, "a string", &error))?.map(|Text(text)| text))
}

fn strings<'a>(field: Option<&'a RawValue>, name: &str) -> Result<Vec<Cow<'a, str>>, Refused> {
    let list = given(field).map(serde_json::from_str::<Vec<Text<'a>>>).transpose();
    let list = list.map_err(|error| wrong(name, "an array of strings", &error))?.unwrap_or_default();
    Ok(list.into_iter().map(|Text(text)| text).collect())
}

fn wrong(name: &str, expected: &str, error: &serde_json::Error) -> Refused {
    Refused::because(format!("`{name}` must be {expected}: {error}"))
}

/// A string, borrowed from the line where it holds no escape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of a line as text. By hand: a derived struct would accept an array and refuse a field that is there twice,
/// of which the last counts.
#[derive(Default)]
struct Fields<'a> {
    name: Option<&'a RawValue>,
    flag: Option<&'a RawValue>,
    raw: Option<&'a RawValue>,
    user: Option<&'a RawValue>,
    groups: Option<&'a RawValue>,
    default: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(Text(name)) = map.next_key()? {
                    let slot = match &*name {
                        "name" => &mut fields.name,
                        "flag" => &mut fields.flag,
                        "raw" => &mut fields.raw,
                        "user" => &mut fields.user,
                        "groups" => &mut fields.groups,
                        "default" => &mut fields.default,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *slot = Some(map.next_value()?);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        let mut input = io::Cursor::new(b"abc\nabcd\nabcde\n\nabcdefghij".to_vec());
        let mut line = Vec::new();
        let mut next = || {
            let kind = read_line(&mut input, &mut line, 4).map_err(|error| error.kind());
            (kind, String::from_utf8_lossy(&line).into_owned())
        };
        assert_eq!(next(), (Ok(Line::Whole), "abc".to_owned()));
        assert_eq!(next(), (Ok(Line::Whole), "abcd".to_owned()));
        assert_eq!(next().0, Ok(Line::TooLong));
        assert_eq!(next(), (Ok(Line::Whole), String::new()));
        assert_eq!(next().0, Ok(Line::TooLong));
        assert_eq!(next().0, Ok(Line::None));
    }
}
