//! Report: one answer as a table for people, as JSON, Markdown or CSV.
//!
//! Tables follow the terminal: its width, and colour unless `NO_COLOR` or `CLICOLOR=0` forbids it; `CLICOLOR_FORCE`
//! colours what is piped, too. Piped tables have no colour and no limit of width. The other formats depend on nothing.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Attribute, Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde::Serialize;

use crate::failure::Failure;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    #[default]
    Table,
    /// One JSON value
    Json,
    /// A Markdown table
    Markdown,
    /// CSV with a header line (RFC 4180, lines end in LF)
    Csv,
}

/// How what is no list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON value
    Json,
    /// A Markdown table
    Markdown,
}

/// Rows under a header; every row has one text for each column.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.header.len(), "a row has one text for each column");
        self.rows.push(row);
    }

    /// The letters of the longest word of a column.
    fn longest_word(&self, column: usize) -> u16 {
        let texts = self.rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        let words = texts.chain(self.header.get(column).copied()).flat_map(str::split_whitespace);
        let longest = words.map(|word| word.chars().count()).max().unwrap_or(0);
        u16::try_from(longest).unwrap_or(u16::MAX)
    }
}

impl From<Format> for ListFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Markdown => Self::Markdown,
        }
    }
}

/// Writes the answer to stdout: `rows`, or the same as `json`.
pub(crate) fn print(format: ListFormat, rows: &Rows, json: &impl Serialize) -> Result<(), Failure> {
    let text = match format {
        ListFormat::Table => table(rows, Screen::of_stdout()),
        ListFormat::Markdown => markdown(rows),
        ListFormat::Csv => csv(rows),
        ListFormat::Json => json_line(json)?,
    };
    write(&text)
}

/// Writes text that is ready.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    write(text)
}

/// Writes JSON texts as they are, a line each.
pub(crate) fn print_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    for line in lines {
        writeln!(stdout, "{line}").map_err(Failure::output)?;
    }
    stdout.flush().map_err(Failure::output)
}

/// Writes several tables, those without rows left out, and a last line; or the same as `json`.
pub(crate) fn print_parts(format: Format, parts: &[Rows], last: &str, json: &impl Serialize) -> Result<(), Failure> {
    let written = |rows: &Rows| match format {
        Format::Markdown => markdown(rows),
        Format::Table | Format::Json => table(rows, Screen::of_stdout()),
    };
    let text = if format == Format::Json {
        json_line(json)?
    } else {
        let parts = parts.iter().filter(|rows| !rows.rows.is_empty()).map(|rows| written(rows) + "\n");
        parts.collect::<String>() + last + "\n"
    };
    write(&text)
}

/// Writes a line and rows under it; or the same as `json`.
pub(crate) fn print_under(format: Format, line: &str, rows: &Rows, json: &impl Serialize) -> Result<(), Failure> {
    match format {
        Format::Json => write(&json_line(json)?),
        Format::Markdown => write(&format!("{}\n\n{}", markdown_cell(line), markdown(rows))),
        Format::Table => write(&format!("{line}\n{}", table(rows, Screen::of_stdout()))),
    }
}

/// Writes a line of its own under what was written before.
pub(crate) fn print_last(format: Format, line: &str) -> Result<(), Failure> {
    match format {
        Format::Markdown => write(&format!("\n{}\n", markdown_cell(line))),
        Format::Table | Format::Json => write(&format!("{line}\n")),
    }
}

fn json_line(json: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(json)
        .map(|text| one_line(&text) + "\n")
        .map_err(|error| Failure::because("the answer cannot be written as JSON", error))
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::output)
}

/// Words up to this length stay whole in a terminal of any width.
const LONGEST_WORD: u16 = 60;

/// JSON text without line breaks. They can stand between its tokens only, where a space means the same.
pub(crate) fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// What a table may use.
#[derive(Clone, Copy, Debug)]
struct Screen {
    is_terminal: bool,
    has_colour: bool,
}

impl Screen {
    fn of_stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_zero = |name: &str| env::var_os(name).is_some_and(|value| value == "0");
        let is_dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        let has_colour = if is_set("NO_COLOR") {
            false
        } else if is_set("CLICOLOR_FORCE") && !is_zero("CLICOLOR_FORCE") {
            true
        } else {
            is_terminal && !is_dumb && !is_zero("CLICOLOR")
        };
        Self { is_terminal, has_colour }
    }
}

fn table(rows: &Rows, screen: Screen) -> String {
    if rows.rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // We know better than the library, which would colour whatever reaches a terminal.
    table.force_no_tty();
    if screen.has_colour {
        table.enforce_styling();
    }
    match width(screen) {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table.set_header(rows.header.iter().map(|title| Cell::new(title.to_uppercase()).add_attribute(Attribute::Bold)));
    for row in &rows.rows {
        table.add_row(row.iter().map(|text| Cell::new(visible(text))));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        // A broken date or path helps nobody: words are broken only where they are very long.
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(
            rows.longest_word(index).min(LONGEST_WORD) + 2,
        )));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    lines.concat()
}

/// The terminal's width; none where there is no limit.
fn width(screen: Screen) -> Option<u16> {
    if screen.is_terminal { Table::new().width() } else { None }
}

fn markdown(rows: &Rows) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(rows.header.iter().map(|title| (*title).to_owned()).collect());
    text += &line(rows.header.iter().map(|_| "---".to_owned()).collect());
    for row in &rows.rows {
        text += &line(row.iter().map(|cell| markdown_cell(cell)).collect());
    }
    text
}

pub(crate) fn markdown_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in visible(text).chars() {
        if matches!(character, '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~') {
            cell.push('\\');
        }
        cell.push(character);
    }
    cell
}

fn csv(rows: &Rows) -> String {
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let mut text = line(rows.header.iter().map(|title| csv_cell(title)).collect());
    for row in &rows.rows {
        text += &line(row.iter().map(|cell| csv_cell(cell)).collect());
    }
    text
}

fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Text that cannot steer a terminal: documents and records were written by others.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(' '),
            _ if character.is_control() || is_direction(character) => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown
}

/// A word as a shell takes it.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '+' | ',');
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Characters that reorder the text around them.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Rows {
        let mut rows = Rows::new(&["flag", "doc"]);
        rows.push(vec!["new_checkout".to_owned(), "a | \"b\", \u{1b}[31mred".to_owned()]);
        rows.push(vec!["x".to_owned(), "two\nlines".to_owned()]);
        rows
    }

    #[test]
    fn piped_tables_are_plain_and_have_no_limit_of_width() {
        let mut rows = sample();
        rows.push(vec!["long".to_owned(), "w ".repeat(500)]);
        let text = table(&rows, Screen { is_terminal: false, has_colour: false });
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(text.starts_with("FLAG          DOC\nnew_checkout  a | \"b\", \\u{1b}[31mred\n"), "{text:?}");
        assert!(table(&Rows::new(&["flag"]), Screen { is_terminal: false, has_colour: false }).is_empty());
    }

    #[test]
    fn colour_is_put_on_the_header_only_and_never_taken_from_the_content() {
        let text = table(&sample(), Screen { is_terminal: false, has_colour: true });
        assert!(text.lines().next().is_some_and(|line| line.contains('\u{1b}')), "{text:?}");
        assert!(!text.contains("\u{1b}[31m"), "{text:?}");
    }

    #[test]
    fn markdown_and_csv_quote_what_means_something_there() {
        assert!(
            markdown(&sample()).contains("| new\\_checkout | a \\| \"b\", \\\\u{1b}\\[31mred |\n"),
            "{}",
            markdown(&sample())
        );
        assert!(csv(&sample()).contains("new_checkout,\"a | \"\"b\"\", \u{1b}[31mred\"\nx,\"two\nlines\"\n"));
    }

    #[test]
    fn json_loses_its_line_breaks_and_nothing_else() {
        assert_eq!(one_line("{\n\"a\":\r\n\"\\n\"}"), "{ \"a\":  \"\\n\"}");
    }
}
