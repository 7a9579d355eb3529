//! The libraries and what each can do, measured in one run and told in one table: a library a row, a work a column.

use std::ops::Deref;

use bench_harness::{Bench, Measured, Settings, Table, factor, nanoseconds};

use crate::users::{self, Seats};

/// The keys of the flags, the same for every library.
pub(crate) const ON: &str = "peers_on";
pub(crate) const HALF: &str = "peers_half";
pub(crate) const LIST: &str = "peers_list";
pub(crate) const TEXT: &str = "peers_text";
/// What the flag with a text says.
pub(crate) const SAID: &str = "from the document";

/// What is asked of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// A flag that is on for everybody.
    On,
    /// One that is on for half of the users.
    Half,
    /// One that is on for 1,000 users only, read for another of them each time.
    List,
    /// One with a text for everybody.
    Text,
}

const WORKS: [(Work, &str); 4] =
    [(Work::On, "on"), (Work::Half, "50 %"), (Work::List, "list of 1,000"), (Work::Text, "string")];

/// Adds a read to a bench: as what the others are compared with, or as one of the others.
type AddTo = Box<dyn FnOnce(&mut Bench<'static>, bool)>;

struct Case {
    /// Which of the libraries.
    library: usize,
    work: Work,
    add_to: AddTo,
}

/// All libraries with their cases; the first is the one that the others are compared with.
#[derive(Default)]
pub(crate) struct Peers {
    libraries: Vec<String>,
    cases: Vec<Case>,
}

/// A library whose cases are being added.
pub(crate) struct Library<'p, U> {
    peers: &'p mut Peers,
    user: fn(&str) -> U,
}

impl Peers {
    /// Begins with a library: what people call it, its crate for the version behind that, and how it makes a user.
    pub(crate) fn library<U>(&mut self, name: &str, crate_name: &str, user: fn(&str) -> U) -> Library<'_, U> {
        self.libraries.push(format!("{name} {}", version(crate_name)));
        Library { peers: self, user }
    }

    /// This library itself, which has no version before its first release.
    pub(crate) fn ours<U>(&mut self, user: fn(&str) -> U) -> Library<'_, U> {
        self.libraries.push("flags-runtime".to_owned());
        Library { peers: self, user }
    }

    /// All cases in one bench, with the library and the work of each.
    fn bench(&mut self) -> (Bench<'static>, Vec<(usize, Work)>) {
        let mut bench = Bench::new();
        // Work by work, so that each peer is compared with the floor of its work; libraries stay in their order.
        self.cases.sort_by_key(|case| WORKS.iter().position(|(work, _)| *work == case.work));
        let mut of = Vec::new();
        for case in self.cases.drain(..) {
            (case.add_to)(&mut bench, case.library == 0);
            of.push((case.library, case.work));
        }
        (bench, of)
    }

    /// Prints the heap allocations of each case, a line each.
    pub(crate) fn print_allocations(mut self) {
        self.bench().0.allocations().into_iter().flatten().for_each(|count| println!("{count}"));
    }

    /// Measures all cases in turns, and makes the table.
    pub(crate) fn measure(mut self, settings: &Settings) -> Table {
        let (bench, of) = self.bench();
        let measured = bench.measure(settings);
        let counted = allocations();
        assert_eq!(counted.len(), of.len(), "allocations of all cases");
        let mut head = vec!["library"];
        head.extend(WORKS.map(|(_, title)| title));
        head.extend(["allocations", "two threads do at 50 %"]);
        let mut table = Table::new(&head);
        for (number, name) in self.libraries.into_iter().enumerate() {
            let its: Vec<_> = of.iter().zip(&measured).filter(|((library, _), _)| *library == number).collect();
            let counts =
                of.iter().zip(&counted).filter(|((library, _), _)| *library == number).map(|(_, count)| *count);
            let find = |work| its.iter().find(|((_, of), _)| *of == work).map(|(_, measured)| *measured);
            let mut row = vec![name];
            row.extend(WORKS.map(|(work, _)| find(work).map_or_else(nothing, time)));
            row.push(span(counts));
            row.push(find(Work::Half).map_or_else(nothing, |measured| factor(measured.together)));
            table.row(row);
        }
        table
    }
}

impl<U: Send + Sync + 'static> Library<'_, U> {
    /// How it reads the flag [`ON`].
    pub(crate) fn on(self, read: impl Fn(&U) -> bool + Sync + 'static) -> Self {
        let user = self.user;
        let seats = Seats::new(move || user(&users::named(500)));
        self.case(Work::On, true, move || read(seats.own()))
    }

    /// How it reads the flag [`HALF`].
    ///
    /// # Panics
    ///
    /// If it is on for fewer than 400 or more than 600 of 1,000 users.
    pub(crate) fn half(self, read: impl Fn(&U) -> bool + Sync + 'static) -> Self {
        let user = self.user;
        let on = (0..1000).filter(|&number| read(&user(&users::named(number)))).count();
        assert!((400..=600).contains(&on), "{}: of 1,000 users {on} are on at 50 %", self.name());
        let seats = Seats::new(move || user(&users::named(500)));
        let is_on = read(seats.own());
        self.case(Work::Half, is_on, move || read(seats.own()))
    }

    /// How it reads the flag [`LIST`].
    ///
    /// # Panics
    ///
    /// If it is off for a user of the list, or on for another one.
    pub(crate) fn list(self, read: impl Fn(&U) -> bool + Sync + 'static) -> Self {
        let user = self.user;
        let seats = Seats::new(move || users::listed().iter().map(|name| user(name)).collect::<Vec<_>>());
        assert!(seats.own().iter().all(&read), "{}: somebody of the list is off", self.name());
        assert!(!read(&user(&users::named(users::LISTED))), "{}: somebody else is on", self.name());
        self.case(Work::List, true, move || read(users::in_turn(seats.own())))
    }

    /// How it reads the flag [`TEXT`].
    ///
    /// # Panics
    ///
    /// If it says something else than [`SAID`].
    pub(crate) fn text<T: Deref<Target: AsRef<str>>>(self, read: impl Fn(&U) -> T + Sync + 'static) -> Self {
        let user = self.user;
        let seats = Seats::new(move || user(&users::named(500)));
        assert_eq!((*read(seats.own())).as_ref(), SAID, "{}", self.name());
        self.case(Work::Text, SAID.len(), move || (*read(seats.own())).as_ref().len())
    }

    fn case<T>(self, work: Work, expected: T, read: impl Fn() -> T + Sync + 'static) -> Self
    where
        T: PartialEq + std::fmt::Debug + 'static,
    {
        let label = format!("{}, {work:?}", self.name());
        let add_to: AddTo = Box::new(move |bench, is_floor| {
            if is_floor {
                bench.floor(&label, &expected, read);
            } else {
                bench.case(&label, &expected, read);
            }
        });
        self.peers.cases.push(Case { library: self.peers.libraries.len() - 1, work, add_to });
        self
    }

    fn name(&self) -> &str {
        self.peers.libraries.last().map_or("", String::as_str)
    }
}

/// What the same program counts, built for it.
fn allocations() -> Vec<u64> {
    let output = bench_harness::built_with("allocations", env!("CARGO_MANIFEST_DIR")).output();
    let output = output.ok().filter(|output| output.status.success()).expect("the same with `--features allocations`");
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect()
}

/// The version that was built, without what a fix changes.
fn version(crate_name: &str) -> String {
    let opening = format!("name = \"{crate_name}\"\nversion = \"");
    let lock = include_str!("../Cargo.lock");
    let (_, behind) = lock.split_once(&opening).unwrap_or_else(|| panic!("Cargo.lock has no {crate_name}"));
    behind.split(['.', '"']).take(2).collect::<Vec<_>>().join(".")
}

fn nothing() -> String {
    "-".to_owned()
}

/// The time of a read, and how many times ours it is.
fn time(measured: &Measured) -> String {
    let time = nanoseconds(measured.time);
    measured.to_floor.map_or_else(|| time.clone(), |ratio| format!("{time}, {}", factor(ratio)))
}

/// The least and the most, or the one number that both are.
fn span(numbers: impl Iterator<Item = u64> + Clone) -> String {
    match (numbers.clone().min(), numbers.max()) {
        (Some(least), Some(most)) if least < most => format!("{} to {}", grouped(least), grouped(most)),
        (Some(only), _) => grouped(only),
        _ => nothing(),
    }
}

/// As people write it: `1,011`.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn grouped(number: u64) -> String {
    bench_harness::grouped(number as f64)
}
