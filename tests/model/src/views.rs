//! Views under a publisher, in every order: the epochs and the cell are the files that ship; the published rule, with what
//! it keeps of the one before, is one atomic number in place of the arc-swap.

use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::atomic::{AtomicU64, Ordering};
use crate::cell::{Cell, Reading};
use crate::epoch::Epoch;

const DEFAULT: u64 = 7;

/// A flag whose every rule is the same for everybody, and two publishes at most.
struct Model {
    cell: Cell,
    /// The rule, the one before and until when that was in force; zeros where nothing is kept.
    published: AtomicU64,
    /// `FlagCore::since`
    since: AtomicU64,
    epochs: [Epoch; 3],
    current: AtomicU64,
    number: AtomicU64,
    store: Mutex<()>,
    is_release_due: AtomicU64,
}

#[derive(Clone, Copy)]
struct Published {
    rule: u64,
    earlier: Option<(u64, u64)>,
}

impl Published {
    fn packed(self) -> u64 {
        let (rule, until) = self.earlier.unwrap_or_default();
        self.rule | rule << 16 | until << 32
    }

    fn unpacked(packed: u64) -> Self {
        let [rule, before, until] = [packed, packed >> 16, packed >> 32].map(|part| part & 0xFFFF);
        Self { rule, earlier: (until > 0).then_some((before, until)) }
    }
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            cell: Cell::new(),
            published: AtomicU64::new(Published { rule: DEFAULT, earlier: None }.packed()),
            since: AtomicU64::new(0),
            epochs: [0, 1, 2].map(Epoch::new),
            current: AtomicU64::new(0),
            number: AtomicU64::new(0),
            store: Mutex::new(()),
            is_release_due: AtomicU64::new(0),
        })
    }

    /// The one that lasts.
    fn current(&self) -> &Epoch {
        &self.epochs[usize::try_from(self.current.load(Ordering::Acquire)).unwrap()]
    }

    /// `store::publish`; of the rules before only the last is kept, so one publish may be open to views.
    fn publish(&self, rule: u64, is_kill: bool) {
        let _locked = self.store.lock().unwrap();
        let before = Published::unpacked(self.published.load(Ordering::Acquire)).rule;
        let number = self.current().number();
        let earlier = (!is_kill).then_some((before, number + 1));
        self.cell.watch();
        self.since.store(number + 1, Ordering::Relaxed);
        self.published.swap(Published { rule, earlier }.packed(), Ordering::AcqRel);
        self.write_cell();
        // `view::announce`
        self.current.swap(number + 1, Ordering::AcqRel);
        self.number.store(number + 1, Ordering::Release);
        self.release();
    }

    /// `store::write_cell`
    fn write_cell(&self) {
        let Published { rule, earlier } = Published::unpacked(self.published.load(Ordering::Acquire));
        if earlier.is_some() { self.cell.decide() } else { self.cell.settle(rule) }
    }

    /// `Held::release`
    fn release(&self) {
        self.is_release_due.swap(0, Ordering::AcqRel);
        let Published { rule, earlier } = Published::unpacked(self.published.load(Ordering::Acquire));
        let Some((_, until)) = earlier else { return };
        let past = self.epochs.iter().filter(|epoch| epoch.number() < self.current().number());
        let oldest = past.filter(|epoch| epoch.is_open()).map(Epoch::number).min();
        if oldest.is_none_or(|oldest| oldest >= until) {
            self.published.swap(Published { rule, earlier: None }.packed(), Ordering::AcqRel);
            self.write_cell();
        }
    }

    /// `store::release_if_due`
    fn release_if_due(&self) {
        if self.is_release_due.load(Ordering::Relaxed) == 1
            && let Ok(_locked) = self.store.try_lock()
        {
            self.release();
        }
    }

    /// `Flag::get`
    fn read(&self, reader: &mut Reader<'_>) -> u64 {
        if let Some(bits) = self.cell.settled() {
            return bits;
        }
        // `at_once`
        let reading = self.cell.read();
        if reading == Reading::Decided
            && let Some(answer) = reader.recall(self.since.load(Ordering::Relaxed))
        {
            return answer;
        }
        if reading == Reading::Uninit {
            self.cell.settle_first(DEFAULT);
        }
        let since = self.since.load(Ordering::Relaxed);
        if let Some(answer) = reader.recall(since) {
            return answer;
        }
        let Published { rule, earlier } = Published::unpacked(self.published.load(Ordering::Acquire));
        let answer = match (earlier, reader.view) {
            (None, _) => rule,
            (Some((before, until)), view) => {
                self.release_if_due();
                if view.is_some_and(|view| view.number() < until) { before } else { rule }
            }
        };
        reader.remember(since, answer);
        answer
    }

    /// A request that reads so many times.
    fn request(&self, reads: usize) -> Vec<u64> {
        let make_release_due = || self.is_release_due.store(1, Ordering::Release);
        let view = Epoch::enter(|| self.current(), &self.number, make_release_due);
        // A task that is carried away has the view too, and is over first.
        view.enter_again();
        let mut reader = Reader { view: Some(view), memo: None };
        let mut answers: Vec<_> = (1..reads).map(|_| self.read(&mut reader)).collect();
        view.leave(&self.number, make_release_due);
        answers.push(self.read(&mut reader));
        view.leave(&self.number, make_release_due);
        answers
    }
}

/// A thread: its view, and the one place of its memo.
struct Reader<'v> {
    view: Option<&'v Epoch>,
    memo: Option<(u64, u64)>,
}

impl Reader<'_> {
    const LIVE: Self = Self { view: None, memo: None };

    /// `view::is_shown_here`
    fn is_shown(&self, since: u64) -> bool {
        self.view.is_some_and(|view| since <= view.number())
    }

    fn recall(&self, since: u64) -> Option<u64> {
        self.memo.filter(|(of, _)| *of == since && self.is_shown(since)).map(|(_, answer)| answer)
    }

    fn remember(&mut self, since: u64, answer: u64) {
        if self.is_shown(since) {
            self.memo = Some((since, answer));
        }
    }
}

fn beside<R: 'static>(model: &Arc<Model>, run: impl FnOnce(&Model) -> R + 'static) -> thread::JoinHandle<R> {
    let model = Arc::clone(model);
    thread::spawn(move || run(&model))
}

/// All orders in which no thread is interrupted more often than this: without a bound it takes minutes, or hours.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(preemptions);
    bounded.check(model);
}

#[test]
fn a_request_beside_a_publish_sees_one_answer() {
    check(4, || {
        let flag = Model::new();
        let publisher = beside(&flag, |flag| flag.publish(1, false));
        let answers = flag.request(2);
        assert_eq!(answers[0], answers[1], "{answers:?}");
        publisher.join().unwrap();
        assert_eq!(flag.read(&mut Reader::LIVE), 1);
        assert_eq!(flag.read(&mut Reader::LIVE), 1);
        assert_eq!(flag.cell.settled(), Some(1), "the first read behind the request settles it");
    });
}

#[test]
fn a_request_beside_another_one_and_a_publish_sees_one_answer() {
    check(2, || {
        let flag = Model::new();
        flag.publish(1, false);
        let publisher = beside(&flag, |flag| flag.publish(2, false));
        let other = beside(&flag, |flag| flag.request(1));
        let answers = flag.request(2);
        assert_eq!(answers[0], answers[1], "{answers:?}");
        publisher.join().unwrap();
        other.join().unwrap();
        assert_eq!(flag.read(&mut Reader::LIVE), 2);
        assert_eq!(flag.read(&mut Reader::LIVE), 2);
        assert_eq!(flag.cell.settled(), Some(2));
    });
}

#[test]
fn a_kill_is_never_taken_back_within_a_request() {
    check(4, || {
        let flag = Model::new();
        let publisher = beside(&flag, |flag| flag.publish(1, true));
        let answers = flag.request(3);
        assert!(answers.is_sorted_by(|first, second| first == second || *second == 1), "{answers:?}");
        publisher.join().unwrap();
        assert_eq!(flag.cell.settled(), Some(1), "nothing is held for anybody");
    });
}

#[test]
fn what_was_remembered_before_a_kill_does_not_come_back_when_the_kill_is_lifted() {
    check(3, || {
        let flag = Model::new();
        let publisher = beside(&flag, |flag| {
            flag.publish(1, true);
            flag.publish(2, false);
        });
        let answers = flag.request(3);
        let order = |answer: &u64| [DEFAULT, 1, 2].iter().position(|rule| rule == answer).unwrap();
        assert!(answers.is_sorted_by_key(order), "{answers:?}");
        publisher.join().unwrap();
    });
}
