//! Values of arguments: the expression of each as what it has to be, or a sentence that says how to write it.

use syn::{Expr, ExprPath, Ident, Lit, LitStr, Path};

use super::{Argument, Value, Written};
use crate::date::Date;
use crate::diagnostics::Diagnostics;

impl Argument {
    /// The expression, whatever it is.
    pub(crate) fn expression(&self, diagnostics: &mut Diagnostics) -> Option<&Expr> {
        match &self.value {
            Value::Expression(written) => Some(ungrouped(&written.expression)),
            // Only one argument has this form, and it asks for it.
            Value::Unreadable | Value::Assignments(_) => None,
            Value::Word => {
                let ident = &self.ident;
                let form = self.key.form();
                diagnostics.report(ident.span(), format_args!("`{ident}` has no value: write `{form}`"));
                None
            }
        }
    }

    /// The expression, to be emitted.
    pub(crate) fn written(&self, diagnostics: &mut Diagnostics) -> Option<Written> {
        self.expression(diagnostics)?;
        match &self.value {
            Value::Expression(written) => Some((**written).clone()),
            Value::Word | Value::Assignments(_) | Value::Unreadable => None,
        }
    }

    /// What stands in parentheses behind the word: `own(parameter = expression)`.
    pub(crate) fn assignments(&self) -> &[(Ident, Written)] {
        match &self.value {
            Value::Assignments(assignments) => assignments,
            Value::Word | Value::Expression(_) | Value::Unreadable => &[],
        }
    }

    /// A number from `low` to `high`, as a literal.
    pub(crate) fn number(&self, low: f64, high: f64, diagnostics: &mut Diagnostics) -> Option<f64> {
        let expression = self.expression(diagnostics)?;
        let number = match expression {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Int(number) => number.base10_parse().ok(),
                Lit::Float(number) => number.base10_parse().ok(),
                _ => None,
            },
            _ => None,
        };
        let (ident, form) = (&self.ident, self.key.form());
        match number {
            Some(number) if (low..=high).contains(&number) => Some(number),
            _ => {
                diagnostics.report_at(
                    expression,
                    format_args!("`{ident}` takes a number from {low} to {high}: write `{form}`"),
                );
                None
            }
        }
    }

    /// A whole number from `low` to `high`, as a literal.
    pub(crate) fn whole_number(&self, low: usize, high: usize, diagnostics: &mut Diagnostics) -> Option<usize> {
        let expression = self.expression(diagnostics)?;
        let number = match expression {
            Expr::Lit(syn::ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| (low..=high).contains(number));
        if number.is_none() {
            let (ident, form) = (&self.ident, self.key.form());
            diagnostics.report_at(
                expression,
                format_args!("`{ident}` takes a whole number from {low} to {high}: write `{form}`"),
            );
        }
        number
    }

    /// One of these words.
    pub(crate) fn word(&self, words: &[&str], diagnostics: &mut Diagnostics) -> Option<String> {
        let expression = self.expression(diagnostics)?;
        let word = match expression {
            Expr::Path(ExprPath { attrs, qself: None, path }) if attrs.is_empty() => path.get_ident(),
            _ => None,
        };
        let word = word.map(ToString::to_string).filter(|word| words.contains(&word.as_str()));
        if word.is_none() {
            let ident = &self.ident;
            diagnostics.report_at(
                expression,
                format_args!("`{ident}` takes one word of {}", crate::suggestion::listed(words.iter().copied())),
            );
        }
        word
    }

    /// A string literal, which may be empty.
    pub(crate) fn string(&self, diagnostics: &mut Diagnostics) -> Option<LitStr> {
        let expression = self.expression(diagnostics)?;
        if let Some(literal) = string_literal(expression) {
            return Some(literal);
        }
        let (ident, form) = (&self.ident, self.key.form());
        diagnostics.report_at(expression, format_args!("`{ident}` takes a string literal: write `{form}`"));
        None
    }

    /// A string literal with something to read in it.
    pub(crate) fn text(&self, diagnostics: &mut Diagnostics) -> Option<LitStr> {
        let literal = self.string(diagnostics)?;
        if literal.value().trim().is_empty() {
            let ident = &self.ident;
            diagnostics.report(literal.span(), format_args!("`{ident}` is empty: fill it in or leave it out"));
            return None;
        }
        Some(literal)
    }

    /// A string literal with a day of the calendar.
    pub(crate) fn date(&self, diagnostics: &mut Diagnostics) -> Option<(Date, LitStr)> {
        let literal = self.string(diagnostics)?;
        match Date::parse(&literal.value()) {
            Ok(date) => Some((date, literal)),
            Err(problem) => {
                let (text, form) = (literal.value(), self.key.form());
                diagnostics.report(literal.span(), format_args!("`{text}` is {problem}: write `{form}`"));
                None
            }
        }
    }

    /// A bare word, or `true` or `false`.
    pub(crate) fn switch(&self, diagnostics: &mut Diagnostics) -> Option<bool> {
        if matches!(self.value, Value::Word) {
            return Some(true);
        }
        let expression = self.expression(diagnostics)?;
        if let Some(value) = bool_literal(expression) {
            return Some(value);
        }
        let ident = &self.ident;
        diagnostics.report_at(expression, format_args!("`{ident}` is a switch: write `{ident}`, or `{ident} = false`"));
        None
    }

    /// A path as it names modules: without generic arguments.
    pub(super) fn path(&self, diagnostics: &mut Diagnostics) -> Option<Path> {
        let expression = self.expression(diagnostics)?;
        match expression {
            Expr::Path(ExprPath { attrs, qself: None, path })
                if attrs.is_empty() && path.segments.iter().all(|segment| segment.arguments.is_none()) =>
            {
                Some(path.clone())
            }
            _ => {
                self.report_no_path(expression, diagnostics);
                None
            }
        }
    }

    /// The path of a function, which may be qualified and have generic arguments.
    pub(crate) fn function(&self, diagnostics: &mut Diagnostics) -> Option<ExprPath> {
        let expression = self.expression(diagnostics)?;
        if let Expr::Path(path) = expression {
            return Some(path.clone());
        }
        self.report_no_path(expression, diagnostics);
        None
    }

    fn report_no_path(&self, expression: &Expr, diagnostics: &mut Diagnostics) {
        let (ident, form) = (&self.ident, self.key.form());
        diagnostics.report_at(expression, format_args!("`{ident}` takes a path: write `{form}`"));
    }
}

/// The expression inside the invisible parentheses that a fragment of a `macro_rules!` arrives in.
fn ungrouped(mut expression: &Expr) -> &Expr {
    while let Expr::Group(group) = expression {
        expression = &group.expr;
    }
    expression
}

/// The string literal that the expression is.
pub(crate) fn string_literal(expression: &Expr) -> Option<LitStr> {
    match ungrouped(expression) {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(literal), .. }) => Some(literal.clone()),
        _ => None,
    }
}

/// `true` or `false`.
fn bool_literal(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::Lit(syn::ExprLit { lit: Lit::Bool(literal), .. }) => Some(literal.value),
        _ => None,
    }
}
