//! `-> impl Trait`: two opaque types that become one.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::{Debug, Display, Write as FmtWrite};
use std::future::Future;
use std::io::{BufRead, Cursor, Read, Write};
use std::iter::FusedIterator;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use flags_runtime::{Flag, feature_flag};

#[feature_flag(name = "on", default = true, expires = "2099-03-01")]
static ON: Flag<bool>;

#[feature_flag(name = "off", default = false, expires = "2099-03-01")]
static OFF: Flag<bool>;

/// Both ways: the same function twice, once behind each flag.
macro_rules! both_ways {
    ($off:path, $(#[$attribute:meta])* fn $on_name:ident / $off_name:ident $($rest:tt)*) => {
        #[feature_flag(ON, off = $off)]
        $(#[$attribute])*
        fn $on_name $($rest)*

        #[feature_flag(OFF, off = $off)]
        $(#[$attribute])*
        fn $off_name $($rest)*
    };
}

fn old_numbers(count: u8) -> impl Iterator<Item = u8> {
    std::iter::repeat_n(9, count.into())
}

both_ways! {
    old_numbers,
    /// Returns early.
    fn numbers_on / numbers_off(count: u8) -> impl Iterator<Item = u8> {
        if count == 0 {
            return 0..0;
        }
        0..count
    }
}

fn old_reversible<'a>(
    words: &'a [String],
) -> impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator + Clone + 'a {
    words[..1].iter().map(String::as_str)
}

both_ways! {
    old_reversible,
    fn reversible_on / reversible_off<'a>(
        words: &'a [String],
    ) -> impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator + Clone + 'a {
        words.iter().map(|word| word.as_str())
    }
}

fn old_pairs(mut pairs: Vec<(u8, u8)>, (extra, _): (u8, u8)) -> impl Iterator<Item = u8> + use<> {
    pairs.push((extra, extra));
    pairs.into_iter().map(|(_, second)| second)
}

both_ways! {
    old_pairs,
    fn pairs_on / pairs_off(mut pairs: Vec<(u8, u8)>, (extra, _): (u8, u8)) -> impl Iterator<Item = u8> + use<> {
        pairs.push((extra, 0));
        pairs.into_iter().map(|(first, _)| first)
    }
}

fn old_reader(text: &str) -> impl BufRead + use<'_> {
    text.as_bytes()
}

both_ways! {
    old_reader,
    fn reader_on / reader_off(text: &str) -> impl BufRead + use<'_> {
        Cursor::new(text.repeat(2))
    }
}

fn old_writer(into: &mut Vec<u8>) -> impl Write + use<'_> {
    into
}

both_ways! {
    old_writer,
    fn writer_on / writer_off(into: &mut Vec<u8>) -> impl Write + use<'_> {
        into.clear();
        std::io::BufWriter::new(into)
    }
}

fn old_error() -> impl Error + AsRef<str> + std::fmt::Write {
    Failed("old".to_owned())
}

both_ways! {
    old_error,
    fn error_on / error_off() -> impl Error + AsRef<str> + std::fmt::Write {
        Failed("new".to_owned())
    }
}

#[derive(Debug)]
struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&std::fmt::Error)
    }
}

impl AsRef<str> for Failed {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FmtWrite for Failed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.push_str(text);
        Ok(())
    }
}

fn old_fused() -> impl FusedIterator<Item = char> + Copy {
    Letter('o')
}

both_ways! {
    old_fused,
    fn fused_on / fused_off() -> impl FusedIterator<Item = char> + Copy {
        Letter('n')
    }
}

#[derive(Clone, Copy)]
struct Letter(char);

impl Iterator for Letter {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        Some(self.0)
    }
}

impl FusedIterator for Letter {}

struct Cart {
    items: Vec<String>,
}

impl Cart {
    fn old_items(&mut self) -> impl Iterator<Item = &mut String> {
        self.items.iter_mut().rev()
    }

    /// What is borrowed mutably leaves the body.
    #[feature_flag(ON, off = Self::old_items)]
    fn items_on(&mut self) -> impl Iterator<Item = &mut String> {
        self.items.iter_mut()
    }

    #[feature_flag(OFF, off = Self::old_items)]
    fn items_off(&mut self) -> impl Iterator<Item = &mut String> {
        self.items.iter_mut()
    }

    fn old_shown(self) -> impl Display + Debug + Send + 'static {
        self.items.len()
    }

    #[feature_flag(ON, off = Self::old_shown)]
    fn shown_on(self) -> impl Display + Debug + Send + 'static {
        self.items.concat()
    }

    #[feature_flag(OFF, off = Self::old_shown)]
    fn shown_off(self) -> impl Display + Debug + Send + 'static {
        self.items.concat()
    }
}

trait Source {
    fn read_all<T: Copy + Into<u64>>(&self, from: &[T]) -> impl Iterator<Item = u64>;
}

impl Cart {
    fn old_read<T: Copy + Into<u64>>(&self, from: &[T]) -> impl Iterator<Item = u64> {
        from.iter().map(|&number| number.into() * 2)
    }
}

impl Source for Cart {
    #[feature_flag(ON, off = Self::old_read)]
    fn read_all<T: Copy + Into<u64>>(&self, from: &[T]) -> impl Iterator<Item = u64> {
        from.iter().map(|&number| number.into())
    }
}

async fn old_future(number: u8) -> u8 {
    number + 100
}

both_ways! {
    old_future,
    /// More than one `async` block: the first statement runs when it is called.
    fn future_on / future_off(number: u8) -> impl Future<Output = u8> + Send {
        let next = number + 1;
        async move { next }
    }
}

async fn old_stream(number: u8) -> impl Iterator<Item = u8> {
    std::iter::once(number)
}

#[feature_flag(ON, off = old_stream)]
async fn stream_on(number: u8) -> impl Iterator<Item = u8> {
    if old_future(0).await == 0 {
        return 0..0;
    }
    0..number
}

#[feature_flag(OFF, off = old_stream)]
async fn stream_off(number: u8) -> impl Iterator<Item = u8> {
    0..number
}

fn old_conditional(number: u8, #[cfg(all())] here: u8) -> impl Iterator<Item = u8> {
    [number, here].into_iter()
}

#[feature_flag(OFF, off = old_conditional)]
fn conditional(number: u8, #[cfg(all())] here: u8, #[cfg(any())] gone: u8) -> impl Iterator<Item = u8> {
    #[cfg(any())]
    let _ = gone;
    number..here
}

trait Outcome: Error + AsRef<str> + FmtWrite {}

impl<T: Error + AsRef<str> + FmtWrite> Outcome for T {}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

fn collected<T>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect()
}

fn main() {
    assert_eq!(collected(numbers_on(3)), [0, 1, 2]);
    assert_eq!(collected(numbers_on(0)), [0; 0]);
    assert_eq!(collected(numbers_off(2)), [9, 9]);

    let words = ["a".to_owned(), "b".to_owned()];
    let on = reversible_on(&words);
    assert_eq!((on.len(), collected(on.clone()), collected(on.rev())), (2, vec!["a", "b"], vec!["b", "a"]));
    assert_eq!(collected(reversible_off(&words).rev()), ["a"]);

    assert_eq!(collected(pairs_on(vec![(1, 2)], (3, 4))), [1, 3]);
    assert_eq!(collected(pairs_off(vec![(1, 2)], (3, 4))), [2, 3]);

    let mut cart = Cart { items: words.to_vec() };
    for item in cart.items_on() {
        item.push('!');
    }
    assert_eq!(collected(cart.items_on()), ["a!", "b!"]);
    assert_eq!(collected(cart.items_off()), ["b!", "a!"]);
    assert_eq!(collected(cart.read_all(&[1_u8, 2])), [1, 2]);
    let shown = Cart { items: words.to_vec() }.shown_on();
    assert_eq!((shown.to_string(), format!("{shown:?}")), ("ab".to_owned(), "\"ab\"".to_owned()));
    assert_eq!(is_send(cart.shown_off()).to_string(), "2");

    let mut text = String::new();
    reader_on("ab\n").read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), reader_off("ab\nc").lines().next().unwrap().unwrap().as_str()), ("ab\nab\n", "ab"));
    let mut written = b"old ".to_vec();
    writer_off(&mut written).write_all(b"x").unwrap();
    assert_eq!(written, b"old x");
    let mut writer = writer_on(&mut written);
    writer.write_all(b"y").unwrap();
    writer.flush().unwrap();
    drop(writer);
    assert_eq!(written, b"y");
    for (mut error, said) in [(Box::new(error_on()) as Box<dyn Outcome>, "new!"), (Box::new(error_off()), "old!")] {
        error.write_str("!").unwrap();
        assert!(error.source().is_some_and(<dyn Error>::is::<std::fmt::Error>));
        assert_eq!((AsRef::<str>::as_ref(&*error), error.to_string().as_str()), (said, said));
    }
    let (on, off) = (fused_on(), fused_off());
    assert_eq!(
        (on.take(2).collect::<String>(), off.fuse().nth(3), on.size_hint()),
        ("nn".to_owned(), Some('o'), (0, None))
    );

    assert_eq!(ready(is_send(future_on(1))), 2);
    assert_eq!(ready(is_send(future_off(1))), 101);
    assert_eq!(collected(ready(is_send(stream_on(2)))), [0, 1]);
    assert_eq!(collected(ready(stream_off(2))), [2]);
    assert_eq!(collected(conditional(1, 5)), [1, 5]);
}
