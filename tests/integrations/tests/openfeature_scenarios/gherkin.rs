//! Gherkin, as much of it as the specification's scenarios are written in.

/// One scenario, or one row of an outline, with the background's steps before its own.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) feature: String,
    pub(crate) name: String,
    /// Its own tags, and those of its examples.
    pub(crate) tags: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// One step: its words, with `{}` in the place of each text in quotes and each number, and these.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) text: String,
    pub(crate) pattern: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) table: Vec<Vec<String>>,
}

#[derive(Default)]
struct Outline {
    name: String,
    tags: Vec<String>,
    steps: Vec<(String, Vec<Vec<String>>)>,
    examples: Vec<(Vec<String>, Vec<Vec<String>>)>,
}

enum Table {
    None,
    Step,
    Background,
    Examples,
}

/// Reads a feature.
///
/// # Panics
///
/// If there is a line that it does not know.
pub(crate) fn read(feature: &str, text: &str) -> Vec<Scenario> {
    let mut background: Vec<(String, Vec<Vec<String>>)> = Vec::new();
    let mut outlines: Vec<Outline> = Vec::new();
    let mut tags: Vec<String> = Vec::new();
    let (mut is_background, mut table) = (false, Table::None);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('@') {
            tags.extend(line.split_whitespace().map(str::to_owned));
        } else if line.starts_with("Feature:") {
            tags.clear();
        } else if line.starts_with("Background:") {
            is_background = true;
        } else if let Some(name) = line.strip_prefix("Scenario Outline:").or_else(|| line.strip_prefix("Scenario:")) {
            is_background = false;
            let tags = std::mem::take(&mut tags);
            outlines.push(Outline { name: name.trim().to_owned(), tags, ..Outline::default() });
        } else if line.starts_with("Examples:") {
            let outline = outlines.last_mut().expect("examples belong to an outline");
            outline.examples.push((std::mem::take(&mut tags), Vec::new()));
            table = Table::Examples;
        } else if line.starts_with('|') {
            let cells = cells(line);
            match table {
                Table::Step => outlines.last_mut().unwrap().steps.last_mut().unwrap().1.push(cells),
                Table::Background => background.last_mut().unwrap().1.push(cells),
                Table::Examples => outlines.last_mut().unwrap().examples.last_mut().unwrap().1.push(cells),
                Table::None => panic!("{feature}: a table of nothing: {line}"),
            }
        } else if let Some((_, step)) =
            line.split_once(' ').filter(|(keyword, _)| ["Given", "When", "Then", "And", "But"].contains(keyword))
        {
            let step = (step.trim().to_owned(), Vec::new());
            if is_background {
                background.push(step);
                table = Table::Background;
            } else {
                outlines.last_mut().expect("a step of a scenario").steps.push(step);
                table = Table::Step;
            }
        } else if !outlines.is_empty() || is_background {
            panic!("{feature}: what is `{line}`?");
        }
    }
    outlines.into_iter().flat_map(|outline| outline.rows(feature, &background)).collect()
}

impl Outline {
    fn rows(self, feature: &str, background: &[(String, Vec<Vec<String>>)]) -> Vec<Scenario> {
        let Self { name, tags, steps, examples } = self;
        let of_row = |tags: Vec<String>, row: &[(&String, &String)], is_outline: bool| {
            let fill = |text: &str| {
                row.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
            };
            let steps = background.iter().chain(&steps).map(|(text, table)| {
                let table = table.iter().map(|row| row.iter().map(|cell| fill(cell)).collect()).collect();
                Step::new(&fill(text), table)
            });
            let values = row.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
            let name = if is_outline { format!("{name} ({values})") } else { name.clone() };
            Scenario { feature: feature.to_owned(), name, tags, steps: steps.collect() }
        };
        if examples.is_empty() {
            return vec![of_row(tags, &[], false)];
        }
        let mut scenarios = Vec::new();
        for (of_examples, rows) in &examples {
            let (header, rows) = rows.split_first().expect("examples have a header");
            for row in rows {
                let tags = tags.iter().chain(of_examples).cloned().collect();
                scenarios.push(of_row(tags, &header.iter().zip(row).collect::<Vec<_>>(), true));
            }
        }
        scenarios
    }
}

impl Step {
    fn new(text: &str, table: Vec<Vec<String>>) -> Self {
        let (mut pattern, mut arguments) = (String::new(), Vec::new());
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (argument, behind) = unquoted(quoted);
                arguments.push(argument);
                pattern.push_str("{}");
                rest = behind;
                continue;
            }
            let end = rest.find([' ', '"']).unwrap_or(rest.len()).max(1);
            let word = &rest[..end];
            let number = word.trim_end_matches(',');
            if number.parse::<f64>().is_ok() && number.starts_with(|c: char| c.is_ascii_digit()) {
                arguments.push(number.to_owned());
                pattern.push_str("{}");
                pattern.push_str(&word[number.len()..]);
            } else {
                pattern.push_str(word);
            }
            rest = &rest[end..];
        }
        Self { text: text.to_owned(), pattern, arguments, table }
    }
}

/// The text up to the closing quote, and what is behind it.
fn unquoted(quoted: &str) -> (String, &str) {
    let (mut text, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &quoted[at + 1..]),
            '\\' => text.extend(chars.next().map(|(_, c)| c)),
            c => text.push(c),
        }
    }
    panic!("no closing quote: {quoted}")
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}
