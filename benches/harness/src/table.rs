//! The table of a bench: as Markdown, on the screen and in the documents.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use crate::Settings;

/// A table; its first column says what was measured.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// If it has not as many cells as the head.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert_eq!(cells.len(), self.head.len(), "cells of {cells:?}");
        self.rows.push(cells);
    }

    /// Prints it, and does with a document what the settings say: `name` is the place between `<!-- bench: name -->` and
    /// `<!-- /bench -->` in `file`, a path from the root of the repository.
    ///
    /// # Panics
    ///
    /// If the document has no such place, or (with `--test`) the table there has other columns or rows.
    pub fn publish(&self, file: &str, name: &str, settings: &Settings) {
        self.publish_as(file, name, settings, labels);
    }

    /// The same for a table that has fewer rows with `--test`, where only the columns are compared.
    ///
    /// # Panics
    ///
    /// If the document has no such place, or (with `--test`) the table there has other columns.
    pub fn publish_columns(&self, file: &str, name: &str, settings: &Settings) {
        self.publish_as(file, name, settings, |table| table.lines().next().map(cells).unwrap_or_default());
    }

    fn publish_as(&self, file: &str, name: &str, settings: &Settings, what_says: impl Fn(&str) -> Vec<String>) {
        if settings.is_test {
            println!("Only to see that it runs; the numbers mean nothing:\n");
        }
        println!("{self}");
        let path = root().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let (before, old, after) = place(&text, name).unwrap_or_else(|| {
            panic!("{file} has no place for this table: a line `<!-- bench: {name} -->`, and one `<!-- /bench -->` behind it")
        });
        if settings.is_writing {
            fs::write(&path, format!("{before}{self}{after}")).unwrap_or_else(|error| panic!("{file}: {error}"));
        } else if settings.is_test {
            let (there, here) = (what_says(old), what_says(&self.to_string()));
            assert_eq!(there, here, "the table `{name}` of {file} is of an older bench: run this one with `--write`");
        }
    }
}

/// Aligned, so that it reads well where nobody renders it.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let widths: Vec<_> =
            (0..self.head.len()).map(|at| all().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
        for (number, row) in all().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "| {cell:<width$} ")?;
            }
            writeln!(f, "{line}|")?;
            if number == 0 {
                let rules: Vec<_> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
                writeln!(f, "|{}|", rules.join("|"))?;
            }
        }
        Ok(())
    }
}

/// What stands before the place, in it, and behind it.
fn place<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str, &'t str)> {
    let opening = format!("<!-- bench: {name} -->\n");
    let start = text.find(&opening)? + opening.len();
    let end = start + text[start..].find("<!-- /bench -->")?;
    Some((&text[..start], &text[start..end], &text[end..]))
}

/// The head, and the first cell of each row.
fn labels(table: &str) -> Vec<String> {
    let mut lines = table.lines();
    let head = lines.next().map(cells).unwrap_or_default();
    head.into_iter().chain(lines.skip(1).filter_map(|line| cells(line).into_iter().next())).collect()
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A time in its unit, with as many digits as mean something: `0.55 ns`, `61 ns`, `1.23 µs`.
pub fn nanoseconds(time: f64) -> String {
    let (number, unit) = match time {
        ..1e3 => (time, "ns"),
        1e3..1e6 => (time / 1e3, "µs"),
        1e6..1e9 => (time / 1e6, "ms"),
        _ => (time / 1e9, "s"),
    };
    format!("{} {unit}", significant(number))
}

/// A factor: `0.97x`, `1.25x`, `41x`, `1,700x`.
pub fn factor(ratio: f64) -> String {
    format!("{}x", significant(ratio))
}

fn significant(number: f64) -> String {
    match number {
        ..1.995 => format!("{number:.2}"),
        1.995..9.95 => format!("{number:.1}"),
        9.95..999.5 => format!("{number:.0}"),
        _ => grouped(number),
    }
}

/// A whole number with a comma between thousands.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_that_a_document_keeps_for_it() {
        let mut table = Table::new(&["read", "time"]);
        table.row(["bool", "1 ns"]);
        let text = "Some\n<!-- bench: x -->\n| old |\n<!-- /bench -->\nmore\n";
        let (before, old, after) = place(text, "x").unwrap();
        assert_eq!(old, "| old |\n");
        let written = format!("{before}{table}{after}");
        let expected =
            "Some\n<!-- bench: x -->\n| read | time |\n|------|------|\n| bool | 1 ns |\n<!-- /bench -->\nmore\n";
        assert_eq!(written, expected);
        assert_eq!(labels(place(&written, "x").unwrap().1), ["read", "time", "bool"]);
        assert!(place(text, "y").is_none());
    }

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        let times = [0.553, 1.25, 9.97, 61.4, 999.7, 1234.0, 98_765.0, 2.5e6, 3e9].map(nanoseconds);
        assert_eq!(times, ["0.55 ns", "1.25 ns", "10 ns", "61 ns", "1,000 ns", "1.23 µs", "99 µs", "2.5 ms", "3.0 s"]);
        assert_eq!([0.97, 1.0, 41.3, 1712.0].map(factor), ["0.97x", "1.00x", "41x", "1,712x"]);
        assert_eq!([7.0, 999.0, 1000.0, 1_234_567.0].map(grouped), ["7", "999", "1,000", "1,234,567"]);
    }
}
