//! Either: the answer of one of two sides as one type, for gated functions that return `impl Trait`.
//!
//! It forwards every trait of std that a function can promise of an opaque type and that an enum can keep. Futures are
//! joined by the expansion itself, which can await them; closures and traits of users cannot be joined.

use std::error::Error;
use std::fmt;
use std::io;
use std::iter::FusedIterator;

/// What one of two sides answered.
#[derive(Clone, Copy)]
pub enum Either<On, Off> {
    /// The gated function's own answer.
    On(On),
    /// The other side's.
    Off(Off),
}

/// Runs a body whose `return` stays inside of it. Takes a closure that may move what it captured out of itself.
#[inline]
pub fn run_body<R>(body: impl FnOnce() -> R) -> R {
    body()
}

macro_rules! forward {
    ($either:expr, $side:pat => $answer:expr) => {
        match $either {
            Either::On($side) => $answer,
            Either::Off($side) => $answer,
        }
    };
}

impl<On: Iterator, Off: Iterator<Item = On::Item>> Iterator for Either<On, Off> {
    type Item = On::Item;

    #[inline]
    fn next(&mut self) -> Option<On::Item> {
        forward!(self, side => side.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        forward!(self, side => side.size_hint())
    }

    fn nth(&mut self, n: usize) -> Option<On::Item> {
        forward!(self, side => side.nth(n))
    }

    fn fold<B, F: FnMut(B, On::Item) -> B>(self, start: B, f: F) -> B {
        forward!(self, side => side.fold(start, f))
    }
}

impl<On: DoubleEndedIterator, Off: DoubleEndedIterator<Item = On::Item>> DoubleEndedIterator for Either<On, Off> {
    #[inline]
    fn next_back(&mut self) -> Option<On::Item> {
        forward!(self, side => side.next_back())
    }
}

impl<On: ExactSizeIterator, Off: ExactSizeIterator<Item = On::Item>> ExactSizeIterator for Either<On, Off> {}

impl<On: FusedIterator, Off: FusedIterator<Item = On::Item>> FusedIterator for Either<On, Off> {}

impl<On: fmt::Debug, Off: fmt::Debug> fmt::Debug for Either<On, Off> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        forward!(self, side => side.fmt(f))
    }
}

impl<On: fmt::Display, Off: fmt::Display> fmt::Display for Either<On, Off> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        forward!(self, side => side.fmt(f))
    }
}

impl<On: Error, Off: Error> Error for Either<On, Off> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        forward!(self, side => side.source())
    }
}

impl<T: ?Sized, On: AsRef<T>, Off: AsRef<T>> AsRef<T> for Either<On, Off> {
    fn as_ref(&self) -> &T {
        forward!(self, side => side.as_ref())
    }
}

impl<On: io::Read, Off: io::Read> io::Read for Either<On, Off> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        forward!(self, side => side.read(buffer))
    }
}

impl<On: io::BufRead, Off: io::BufRead> io::BufRead for Either<On, Off> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        forward!(self, side => side.fill_buf())
    }

    fn consume(&mut self, amount: usize) {
        forward!(self, side => side.consume(amount));
    }
}

impl<On: io::Write, Off: io::Write> io::Write for Either<On, Off> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        forward!(self, side => side.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        forward!(self, side => side.flush())
    }
}

impl<On: fmt::Write, Off: fmt::Write> fmt::Write for Either<On, Off> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        forward!(self, side => side.write_str(text))
    }
}
