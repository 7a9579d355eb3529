//! The attribute and the derive behind `flags-runtime`, which re-exports both: depend on that crate, not on this one.
//!
//! Nothing here decides what a flag says. The macros check what the user wrote, report every mistake at its own
//! place, and hand the tokens to hidden macros of the runtime. After a mistake they still emit a stand-in, so that one
//! mistake is one error.
//!
//! Each macro is split the same way: `parse` keeps tokens and spans, `model` says what was understood, `validate` has
//! all the sentences, `expand` only quotes, and `fallback` has the stand-ins.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod diagnostics;
mod suggestion;
mod text;

mod date;
mod expiry;
mod name;

mod arguments;
mod settings;

mod attribute;
mod declaration;
mod derive;
mod function;
mod item;
mod test;

use proc_macro::TokenStream;

/// Declares a flag from a bodiless `static`, or puts a function behind a flag.
///
/// ```text
/// /// Checkout on the new cart service.
/// #[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01", owner = "payments")]
/// pub static NEW_CHECKOUT: Flag<bool>;
///
/// #[feature_flag(name = "fast_search", default = false, expires = "2099-03-01", off = legacy_search)]
/// fn search(query: &Query) -> Hits { .. }        // declares FAST_SEARCH beside the function
///
/// #[feature_flag(NEW_CHECKOUT, off = Self::legacy, context = self.context())]
/// fn pay(&self, cart: Cart) -> Receipt { .. }    // a declared flag, by its path; also on methods
/// ```
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | `[a-z0-9][a-z0-9_.-]*`, at most 128 bytes | required; unique in the binary |
/// | `default` | a const expression | this or `default_fn` is required; `true` or `false` on a function |
/// | `default_fn` | the path of a function without arguments | for a default that is no const; it runs in the first read that needs it, must not read its own flag, and may run twice if two threads read first |
/// | `expires` | `"YYYY-MM-DD"` (the last good day, UTC) or `never("reason")` | required |
/// | `owner` | any text | who is asked to remove the flag |
/// | `created` | `"YYYY-MM-DD"` | |
/// | `ticket` | any text | |
/// | `kind` | `release`, `experiment`, `ops` or `permission` | |
/// | `public` | a bare word, or `true`, `false`: clients outside may be told; a `Json<T>` needs `T: Serialize` | not `public` unless given |
/// | `on_outage` | `last_known`, or `default(after = "5m")` (`ms`, `s` or `m`) | what is answered while the source is away: the last decision, unless given, or from then on the declared default |
/// | `provider` | a word, or a string literal where it makes no word | who decides the flag in the place of documents: the name of a `Provider` that `builder().provider(..)` gets |
/// | `key` | 1 to 256 bytes without control characters | the name in Redis or at a provider, where it is not `name` |
/// | `crate` | a path | where `flags_runtime` is, if not at `::flags_runtime` |
/// | `off` | the path of a function | on functions: who answers when the flag is off; may be left out if nothing is returned |
/// | `context` | an expression over the parameters | on functions: the evaluation context, instead of the ambient one |
/// | `shadow` | the path of a function | on functions, with a `Flag<bool>`: off, it answers alone; on, it answers and this body is tried |
/// | `stages` | the path of a function | on functions, with a `Flag<Stage>`: off, shadow, live, on |
///
/// With `shadow` or `stages` also:
///
/// | argument | value | |
/// |---|---|---|
/// | `sample` | 0 to 100 | percent of the calls that are tried; 100 unless given |
/// | `noise` | 0 to 100 | percent of the runs in which legacy is tried against itself; 0 unless given |
/// | `compare` | `fn(&T, &T) -> bool` | whether two results are the same (what is in `Ok`, of a `Result`); `PartialEq` unless given |
/// | `compare_errors` | `fn(&E, &E) -> bool` | the same for errors; their text unless given |
/// | `keep` | `fn(&T) -> K` | what is compared instead of the result; `K: PartialEq + Debug` |
/// | `ignore` | `fn(&T, &T) -> bool` | over whole results: a difference that does not count, legacy's result first; may be repeated |
/// | `clean` | `fn(&T) -> impl Display` | over the whole result: what is stored of it, and may leave the process; `Debug` unless given |
/// | `timeout` | `"250ms"`, `"5s"`, `"1m"` | a trial that takes longer is late and not compared; unless given, 10 s for futures and detached, none for a function inline |
/// | `order` | `answer_first` or `shuffled` | which side runs first; `answer_first` unless given |
/// | `run` | `inline` or `detached` | where the trial runs; `inline` unless given |
/// | `max_in_flight` | 1 to 1,000,000 | how many detached trials wait or run at once; 64 unless given |
/// | `own(parameter = expression, ..)` | expressions over the parameters | the trial's arguments where there is no `Clone` |
///
/// `T` is what is returned, or what the future gives; behind `keep`, `K`; with `run = detached` the `E` of a `Result` is its text.
///
/// # Functions
///
/// The signature and the body stay in place; in front of the body stands a gate that returns `off(arguments..)` when
/// the flag is off. An `async fn` reads the flag when it is first polled. So does a function whose whole body is
/// `async { .. }` or `Box::pin(async { .. })` and names every parameter, which is what `async_trait` makes of a method.
/// Any other function that returns a future reads the flag when it is called.
///
/// Parameters of types and constants that neither arguments nor result tell are passed on: `off = legacy` is then
/// `legacy::<T, N>`. Write them out where the other side's are not the same in the same order. Of two attributes on one
/// function the lower one's flag is asked first.
///
/// Of a returned `impl Trait` the two sides have two types. They are joined where the traits are a future's, or are
/// among `Iterator`, `DoubleEndedIterator`, `ExactSizeIterator`, `FusedIterator`, `Clone`, `Copy`, `Debug`, `Display`,
/// `Error`, `AsRef`, `Read`, `BufRead` and `Write`; the body then runs in a closure of its own, so that a
/// `#[track_caller]` on the function does not reach into it.
///
/// Refused, with the reason: `const fn`, C variadics, functions without a body, an `impl` of other traits (closures
/// too) or inside of another returned type, and a method that declares a flag by `name`. An associated
/// function that names no `Self` looks like a free one: that a `static` has no place beside it, rustc says.
///
/// A parameter that is a pattern gets a name of ours in the signature, which other attributes on the function see; before
/// edition 2024 the last expression of a body cannot borrow from what a pattern binds: end it with a `let`.
///
/// # Dark launches
///
/// With `shadow` and `stages` both sides run in closures, so that a `#[track_caller]` on the function reaches into neither but
/// where legacy answers alone. Of the arguments the trial gets clones, but for those that are passed by `&`; expressions of
/// options see the parameters, and may borrow only those. Refused, with the reason: `&mut` arguments and `&mut self`, a `cfg` on a
/// parameter, `impl` and `!` as results, futures that are neither an `async fn`'s nor one `async` block; detached, what is
/// borrowed.
///
/// # Where flags cannot be declared
///
/// In a proc-macro crate, which can export no macro, and a flag's name is guarded by one; in an `impl` or a trait.
///
/// # Expiry
///
/// From 00:00 UTC of the day after `expires`, rustc warns at the date and at every use of the flag; what the flag says
/// does not change. The date of the build is `FLAGS_TODAY` (`YYYY-MM-DD`), else `SOURCE_DATE_EPOCH`, else the clock.
/// `FLAGS_EXPIRED=allow` silences the warnings, `FLAGS_EXPIRED=deny` makes the one at the date an error (in a
/// dependency it stays silent, as all lints do).
#[proc_macro_attribute]
pub fn feature_flag(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(arguments.into(), item.into(), &expiry::Environment::of_this_process()).into()
}

/// Makes an enum without fields the type of a flag; each variant is a text in documents.
///
/// ```text
/// #[derive(Clone, Copy, Debug, PartialEq, FlagValue)]
/// #[flag_value(rename_all = "kebab-case")]
/// pub enum Pricing {
///     Control,                                            // "control"
///     #[flag_value(rename = "b", alias = "old-b")]
///     VariantB,                                           // "b", and "old-b" is understood too
/// }
/// ```
///
/// | argument | where | value |
/// |---|---|---|
/// | `rename_all` | enum | `snake_case` (the default), `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `SCREAMING_SNAKE_CASE`, `kebab-case` or `SCREAMING-KEBAB-CASE`; the rules are serde's |
/// | `crate` | enum | where `flags_runtime` is, if not at `::flags_runtime` |
/// | `rename` | variant | its text |
/// | `alias` | variant | one more text that is understood; may be repeated |
#[proc_macro_derive(FlagValue, attributes(flag_value))]
pub fn flag_value(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}

/// A test whose flags are forced, for it alone: it stands above what makes the test, `#[test]`, `#[tokio::test]`, `#[rstest]` and
/// the like; a plain function without any becomes a `#[test]`.
///
/// ```text
/// #[flags_runtime::test(NEW_CHECKOUT = true, PRICING = Pricing::VariantB)]
/// #[tokio::test]
/// async fn the_new_checkout_takes_cards() { .. }
///
/// #[flags_runtime::test(matrix(NEW_CHECKOUT, PRICING = [Control, VariantA, VariantB]))]
/// fn a_price_is_never_negative() { .. }             // six tests: a_price_is_never_negative_new_checkout_off_pricing_control, ..
/// ```
///
/// | argument | |
/// |---|---|
/// | `FLAG = value` | this flag has this value: an expression, which may use the parameters of the test |
/// | `all = on`, `all = off` | every bool flag of the program; what is named beside it counts more |
/// | `matrix(FLAG, OTHER = [A, B])` | a test for each combination: of a bare flag off and on. A bare word in capitals is a variant, a constant is written by a path (`self::MAX`). A variant of an enum that is not named does not compile, unless `..` stands at the end. Over 16 combinations so many are chosen that every two values meet; `full` runs all |
/// | `crate = path` | where `flags_runtime` is, if not at `::flags_runtime` |
///
/// Other tests, threads and tasks see nothing of it, unless it is carried along (`testing::carry`), nor does what drops the test's
/// parameters when it is over. Needs the feature `testing`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let is_below_test = test::stands_below_test(proc_macro2::Span::call_site());
    test::expand(arguments.into(), item.into(), is_below_test).into()
}
