//! Calendar dates: read from `YYYY-MM-DD`, made from Unix time, compared.
//!
//! Days are those of UTC in the Gregorian calendar, years 0000 to 9999. There are no times of day here.

use std::fmt;

const SECONDS_A_DAY: u64 = 86_400;
const LAST_YEAR: u16 = 9999;

/// A day that exists. The order of the fields makes the derived order that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day written as `YYYY-MM-DD`, digits and dashes only; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = text.as_bytes();
        let is_in_form = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_in_form {
            return Err("not of the form `YYYY-MM-DD`");
        }
        let number = |digits: &[u8]| digits.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let (year, month, day) = (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]));
        match (u8::try_from(month), u8::try_from(day)) {
            (Ok(month @ 1..=12), Ok(day)) if (1..=days_of(year, month)).contains(&day) => Ok(Self { year, month, day }),
            _ => Err("not a day of the calendar"),
        }
    }

    /// The day in which a Unix time falls; `None` after the year 9999.
    pub(crate) fn from_unix_seconds(seconds: u64) -> Option<Self> {
        let mut days = seconds / SECONDS_A_DAY;
        // Whole years and months are walked: a few dozen steps once a declaration, and nothing to get wrong.
        let mut year = 1970;
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
            if year > LAST_YEAR {
                return None;
            }
        }
        let mut month = 1;
        while days >= u64::from(days_of(year, month)) {
            days -= u64::from(days_of(year, month));
            month += 1;
        }
        let day = u8::try_from(days).ok()? + 1;
        Some(Self { year, month, day })
    }

    /// The Unix time at which the day is over; 0 for days before 1970.
    pub(crate) fn end_in_unix_seconds(self) -> u64 {
        let years: u64 = (1970..self.year).map(days_of_year).sum();
        let months: u64 = (1..self.month).map(|month| u64::from(days_of(self.year, month))).sum();
        if self.year < 1970 { 0 } else { (years + months + u64::from(self.day)) * SECONDS_A_DAY }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_year(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2025-02-29", "1900-02-29", "2025-13-01", "2025-00-10", "2025-04-31", "2025-04-00"] {
            assert_eq!(Date::parse(text), Err("not a day of the calendar"), "{text}");
        }
        for text in ["2024-02-29", "2000-02-29", "0000-01-01", "9999-12-31"] {
            assert_eq!(Date::parse(text).map(|date| date.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "2025-9-1", "2025/09/01", "01-09-2025", "+025-09-01", " 2025-09-01", "2025-09-01T00", "٢٠٢٥-"]
        {
            assert_eq!(Date::parse(text), Err("not of the form `YYYY-MM-DD`"), "{text}");
        }
    }

    #[test]
    fn unix_time_falls_into_its_day() {
        let day = |seconds| Date::from_unix_seconds(seconds).map(|date| date.to_string());
        assert_eq!(day(0).as_deref(), Some("1970-01-01"));
        assert_eq!(day(86_399).as_deref(), Some("1970-01-01"));
        assert_eq!(day(86_400).as_deref(), Some("1970-01-02"));
        assert_eq!(day(951_782_400).as_deref(), Some("2000-02-29"));
        assert_eq!(day(1_735_689_599).as_deref(), Some("2024-12-31"));
        assert_eq!(day(1_735_689_600).as_deref(), Some("2025-01-01"));
        assert_eq!(day(253_402_300_799).as_deref(), Some("9999-12-31"));
        assert_eq!(day(253_402_300_800), None);
        assert_eq!(day(u64::MAX), None);
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        for seconds in [0, 86_400, 951_782_400, 1_735_603_200, 4_107_542_400] {
            let day = Date::from_unix_seconds(seconds);
            assert_eq!(day.map(Date::end_in_unix_seconds), Some(seconds + 86_400), "{day:?}");
        }
        assert_eq!(Date::parse("1969-12-31").map(Date::end_in_unix_seconds), Ok(0));
        assert_eq!(Date::parse("9999-12-31").map(Date::end_in_unix_seconds), Ok(253_402_300_800));
    }

    #[test]
    fn order_is_that_of_time() {
        let date = Date::parse;
        assert!(date("2025-09-01") < date("2025-09-02"));
        assert!(date("2025-09-30") < date("2025-10-01"));
        assert!(date("2024-12-31") < date("2025-01-01"));
    }
}
