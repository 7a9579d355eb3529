//! Days: calendar dates as people and records write them, and the days between them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit};

/// `YYYY-MM-DD` and nothing else.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    read(text).ok_or_else(|| "not a day of the form YYYY-MM-DD".to_owned())
}

/// The same; none for what is no day.
pub(crate) fn read(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// Today in UTC, by the clock.
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// The day of a moment in Unix seconds, in UTC; the first day of all for moments that no calendar has.
pub(crate) fn of_moment(unix_seconds: i64) -> Date {
    Timestamp::from_second(unix_seconds).map_or(Date::MIN, |moment| moment.to_zoned(TimeZone::UTC).date())
}

/// How many days `later` is behind `earlier`; negative if it is before.
pub(crate) fn between(earlier: Date, later: Date) -> i64 {
    // Two dates are never out of the range of a span of days.
    later.since((Unit::Day, earlier)).map_or(0, |span| i64::from(span.get_days()))
}

/// So many days after a day; the last day of all if that is out of the calendar.
pub(crate) fn after(day: Date, days: i64) -> Date {
    Span::new().try_days(days).and_then(|span| day.checked_add(span)).unwrap_or(Date::MAX)
}

/// A number of days, as `14d` or in weeks, as `2w`.
pub(crate) fn days(text: &str) -> Result<i64, String> {
    let number = |unit: &str| text.strip_suffix(unit).and_then(|number| number.parse::<i64>().ok());
    let days = number("d").or_else(|| number("w")?.checked_mul(7));
    // A century is longer than anybody waits.
    days.filter(|days| (0..=36_500).contains(days)).ok_or_else(|| "write a number of days or weeks: 14d, 2w".to_owned())
}

/// `3 days`.
pub(crate) fn counted(days: i64) -> String {
    format!("{days} {}", if days == 1 { "day" } else { "days" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        let day = |text: &str| date(text).unwrap();
        assert_eq!(between(day("2024-02-28"), day("2024-03-01")), 2);
        assert_eq!(between(day("2026-11-26"), day("2025-11-26")), -365);
        assert_eq!(after(day("2026-11-26"), 40).to_string(), "2027-01-05");
        assert_eq!(of_moment(1_795_633_232).to_string(), "2026-11-25");
        assert_eq!((of_moment(i64::MAX), after(Date::MAX, 1)), (Date::MIN, Date::MAX));
    }

    #[test]
    fn days_and_numbers_of_them_are_read_strictly() {
        assert!(date("2026-1-1").is_err() && date("20260101").is_err() && date("2026-02-30").is_err());
        assert_eq!((days("14d"), days("2w"), days("0d")), (Ok(14), Ok(14), Ok(0)));
        for wrong in ["14", "d", "-1d", "1.5d", "99999d", "9223372036854775807w", ""] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
