//! Reporter: the background thread that leaves what this process tells of itself where a fleet's is read.
//!
//! Five kinds of letters, each with its own hour: dark-launch results, heartbeats, since when documents are in force, the
//! record of the build, and which flags were evaluated. It writes at intervals, a heartbeat also soon after something happened, and a last time when it is
//! stopped. What it cannot leave it leaves later: nothing is lost while the process lives. A kind that the server refuses
//! keeps back no other, and no trouble of its own stops anybody else.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::dark_launch::wire;
use crate::event::{Event, Listener};
use crate::heartbeat::{self, Process};
use crate::random;
use crate::source::{Letter, Outbox, SourceError, SourceErrorKind};
use crate::standing::Standings;
use crate::status::{SourceState, status};
use crate::store;

/// A running reporter.
#[derive(Debug)]
pub(crate) struct Reporter {
    is_stopped: Arc<AtomicBool>,
    wake: SyncSender<()>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// After an error that only a person can mend, like a missing right.
const CONFIGURATION_PAUSE: Duration = Duration::from_secs(600);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An outage is the source's to tell; it is told here too if the source sees none for so many attempts.
const PATIENCE: u32 = 3;

/// After so many rounds all dark-launch results are left again, for a server that has lost them.
const ROUNDS: u32 = 60;
/// How often a process says that it lives, at most and, with the jitter, nearly at least.
const HEARTBEAT: Duration = Duration::from_secs(60);
const HEARTBEAT_JITTER: f64 = 0.25;
/// A record of a build that the server has lost is missed by tools alone.
const BUILD: Duration = Duration::from_secs(60 * 60);
/// The first heartbeats of a fleet that starts together are spread over this time.
const FIRST: Duration = Duration::from_secs(1);
/// What happens within this time is told together.
const BURST: Duration = Duration::from_millis(200);
const BURST_JITTER: f64 = 1.5;
/// Between two heartbeats that changes cause.
const BETWEEN: Duration = Duration::from_millis(700);

/// What letters are about. In this order they are left: who watches a kill waits for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Heartbeat,
    Shadow,
    Since,
    Build,
    Seen,
}

/// When a kind is due, and what is wrong with it.
struct Lane {
    kind: Kind,
    due: Instant,
    interval: Duration,
    jitter: f64,
    /// Only a person can mend what is wrong: not asked again because something happened.
    is_refused: bool,
    /// The error that was told last, so that it is told once.
    told: Option<String>,
}

struct Run {
    outbox: Box<dyn Outbox>,
    listener: Listener,
    process: Option<Process>,
    lanes: Vec<Lane>,
    /// After a lost connection nothing is left before this.
    not_before: Instant,
    pause: Duration,
    failures: u32,
    last_heartbeat: Option<Instant>,
    /// What was left of each flag's dark launch, by its stamp.
    left: HashMap<&'static str, u64>,
    rounds: u32,
    /// When flags were evaluated, as far as it was not left yet.
    seen: BTreeMap<&'static str, u64>,
    standings: Standings,
}

impl Reporter {
    /// Starts the thread; with a process it sends heartbeats, and reads are noticed from here on.
    pub(crate) fn start(
        outbox: Box<dyn Outbox>,
        interval: Duration,
        process: Option<Process>,
        listener: Listener,
    ) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let (end, ended) = channel::<()>();
        let is_stopped = Arc::new(AtomicBool::new(false));
        if process.is_some() {
            // What was read before nobody tells.
            let _ = store::take_read();
        }
        let mut run = Run::new(outbox, interval, process, listener);
        let has_to_stop = Arc::clone(&is_stopped);
        thread::Builder::new().name("flags-reporter".to_owned()).spawn(move || {
            run.until_stopped(&woken, &has_to_stop);
            drop(end);
        })?;
        Ok(Self { is_stopped, wake, ended })
    }

    /// What wakes it when something has happened that heartbeats tell.
    pub(crate) fn nudge(&self) -> SyncSender<()> {
        self.wake.clone()
    }

    /// Lets the thread run for the rest of the process.
    pub(crate) fn detach(self) {
        // Not dropped: the thread ends when nobody can wake it any more.
        std::mem::forget(self.wake);
    }

    /// Lets it leave what is new and end; the answer is closed when it has.
    pub(crate) fn stop(self) -> Receiver<()> {
        // Release: pairs with the acquire of the thread, which looks whenever it wakes.
        self.is_stopped.store(true, Ordering::Release);
        // Full: it is woken anyway.
        let _ = self.wake.try_send(());
        self.ended
    }
}

impl Run {
    fn new(outbox: Box<dyn Outbox>, interval: Duration, process: Option<Process>, listener: Listener) -> Self {
        let now = Instant::now();
        let slower = (interval * 6).min(HEARTBEAT);
        let lane = |kind, due, interval, jitter| Lane { kind, due, interval, jitter, is_refused: false, told: None };
        let mut lanes = vec![lane(Kind::Shadow, now + interval, interval, 0.0)];
        if process.is_some() {
            // The first contact, or its failure, asks for the first heartbeat sooner.
            let first = now + slower;
            lanes.insert(0, lane(Kind::Heartbeat, first, slower, HEARTBEAT_JITTER));
            lanes.push(lane(Kind::Since, first, slower, HEARTBEAT_JITTER));
            lanes.push(lane(Kind::Build, first, BUILD, HEARTBEAT_JITTER));
            lanes.push(lane(Kind::Seen, first, slower, HEARTBEAT_JITTER));
        }
        Self {
            outbox,
            listener,
            process,
            lanes,
            not_before: now,
            pause: SHORTEST_PAUSE,
            failures: 0,
            last_heartbeat: None,
            left: HashMap::new(),
            rounds: 0,
            seen: BTreeMap::new(),
            standings: Standings::default(),
        }
    }

    fn until_stopped(&mut self, woken: &Receiver<()>, is_stopped: &AtomicBool) {
        loop {
            let next = self.lanes.iter().map(|lane| lane.due).min().unwrap_or(self.not_before).max(self.not_before);
            let word = woken.recv_timeout(next.saturating_duration_since(Instant::now()));
            if is_stopped.load(Ordering::Acquire) || word == Err(RecvTimeoutError::Disconnected) {
                // Our own code only; but whoever stops us need not hear of a panic in it.
                let _ = catch_unwind(AssertUnwindSafe(|| self.say_farewell()));
                return;
            }
            if word.is_ok() {
                self.something_happened();
            }
            if Instant::now() >= next && catch_unwind(AssertUnwindSafe(|| self.round())).is_err() {
                // The next round begins anew.
                self.not_before = Instant::now() + LONGEST_PAUSE;
            }
        }
    }

    /// A heartbeat soon, and with the first one what else a start tells.
    fn something_happened(&mut self) {
        if self.process.is_none() {
            return;
        }
        let now = Instant::now();
        let soon = match self.last_heartbeat {
            Some(last) => (now + jittered(BURST, BURST_JITTER)).max(last + BETWEEN),
            None => now + FIRST.mul_f64(random::share()),
        };
        if now < self.not_before && is_live() {
            // The source has found the server again.
            (self.not_before, self.pause) = (now, SHORTEST_PAUSE);
        }
        let is_first = self.last_heartbeat.is_none();
        for lane in &mut self.lanes {
            let is_wanted = match lane.kind {
                Kind::Heartbeat | Kind::Since => true,
                Kind::Build => is_first,
                Kind::Shadow | Kind::Seen => false,
            };
            if is_wanted && !lane.is_refused {
                lane.due = lane.due.min(soon);
            }
        }
    }

    /// Leaves what is due.
    fn round(&mut self) {
        for index in 0..self.lanes.len() {
            if self.lanes[index].due <= Instant::now() && self.try_lane(index).is_err() {
                return;
            }
        }
    }

    /// Leaves a kind of letters; an error means that the others cannot be left either.
    fn try_lane(&mut self, index: usize) -> Result<(), SourceError> {
        let result = self.leave(self.lanes[index].kind);
        let now = Instant::now();
        let lane = &mut self.lanes[index];
        match result {
            Ok(()) => {
                lane.due = now + jittered(lane.interval, lane.jitter);
                (lane.is_refused, lane.told) = (false, None);
                (self.pause, self.failures) = (SHORTEST_PAUSE, 0);
                Ok(())
            }
            // A login that is refused is the source's to tell, and may be mended in a moment.
            Err(error) if error.kind() == SourceErrorKind::Configuration && !error.is_login() && !is_lost() => {
                lane.due = now + CONFIGURATION_PAUSE;
                lane.is_refused = true;
                self.tell(index, &error);
                Ok(())
            }
            Err(error) => {
                self.not_before = now + jittered(self.pause, 1.0);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.failures += 1;
                let is_results = self.lanes[index].kind == Kind::Shadow && !error.is_login();
                if is_results || self.failures >= PATIENCE && is_live() {
                    self.tell(index, &error);
                }
                Err(error)
            }
        }
    }

    fn leave(&mut self, kind: Kind) -> Result<(), SourceError> {
        match kind {
            Kind::Shadow => self.leave_results(),
            Kind::Heartbeat => {
                let Some(process) = &self.process else { return Ok(()) };
                let document = process.heartbeat();
                self.outbox.leave(&Letter::Heartbeat { instance: wire::instance(), document: &document })?;
                self.last_heartbeat = Some(Instant::now());
                Ok(())
            }
            Kind::Build => {
                let Some(process) = &self.process else { return Ok(()) };
                let document = process.build_record();
                self.outbox.leave(&Letter::Build { build: process.build(), document: &document })?;
                // A server that has lost the one may have lost the other.
                self.standings.are_lost();
                Ok(())
            }
            Kind::Since => {
                self.standings.note(heartbeat::documents(), unix_seconds());
                let news = self.standings.news();
                if !news.is_empty() {
                    self.outbox.leave(&Letter::Since { documents: &news })?;
                    self.standings.are_left();
                }
                Ok(())
            }
            Kind::Seen => self.leave_seen(),
        }
    }

    fn leave_results(&mut self) -> Result<(), SourceError> {
        self.rounds += 1;
        if self.rounds.is_multiple_of(ROUNDS) {
            self.left.clear();
        }
        for outgoing in wire::outgoing() {
            if self.left.get(outgoing.key) == Some(&outgoing.stamp) {
                continue;
            }
            let document = outgoing.document();
            let letter = Letter::Shadow { key: outgoing.key, instance: wire::instance(), document: &document };
            self.outbox.leave(&letter).inspect_err(|_| self.left.clear())?;
            self.left.insert(outgoing.key, outgoing.stamp);
        }
        Ok(())
    }

    fn leave_seen(&mut self) -> Result<(), SourceError> {
        let now = unix_seconds();
        // Taken once, so kept until it is left.
        self.seen.extend(store::take_read().into_iter().map(|key| (key, now)));
        if self.seen.is_empty() {
            return Ok(());
        }
        let flags: Vec<_> = self.seen.iter().map(|(key, at)| (*key, *at)).collect();
        self.outbox.leave(&Letter::Seen { flags: &flags })?;
        self.seen.clear();
        Ok(())
    }

    /// Leaves what is new, and takes back the heartbeat: nobody is to wait for a process that is gone.
    fn say_farewell(&mut self) {
        if self.last_heartbeat.is_some()
            && let Err(error) = self.outbox.leave(&Letter::Farewell { instance: wire::instance() })
            && error.kind() != SourceErrorKind::Configuration
        {
            // There is no time to try again. The heartbeat expires by itself; of results people are told.
            self.not_before = Instant::now() + LONGEST_PAUSE;
        }
        for index in 0..self.lanes.len() {
            let Lane { kind, is_refused, .. } = self.lanes[index];
            let is_lost = Instant::now() < self.not_before && kind != Kind::Shadow;
            if matches!(kind, Kind::Shadow | Kind::Seen) && !is_refused && !is_lost && self.try_lane(index).is_err() {
                return;
            }
        }
    }

    fn tell(&mut self, index: usize, error: &SourceError) {
        let message = error.in_one_line();
        if !self.lanes.iter().any(|lane| lane.told.as_ref() == Some(&message)) {
            self.listener.tell(&Event::NotReported { source: self.outbox.describe(), error: message.clone() });
        }
        self.lanes[index].told = Some(message);
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn is_live() -> bool {
    status().source.is_some_and(|source| source.state == SourceState::Live)
}

fn is_lost() -> bool {
    status().source.is_some_and(|source| source.state == SourceState::Lost)
}

/// A duration, longer by up to a share of it, so that a thousand processes do not come at once.
fn jittered(duration: Duration, share: f64) -> Duration {
    duration.mul_f64(1.0 + share * random::share())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes letters but those of the kinds that it refuses, and remembers which were tried.
    #[derive(Clone, Default)]
    struct Letterbox(Arc<Mutex<State>>);

    #[derive(Default)]
    struct State {
        refused: Vec<&'static str>,
        is_gone: bool,
        is_locked_out: bool,
        tried: Vec<String>,
    }

    impl Outbox for Letterbox {
        fn describe(&self) -> String {
            "a box".to_owned()
        }

        fn leave(&mut self, letter: &Letter<'_>) -> Result<(), SourceError> {
            let mut state = self.0.lock().unwrap();
            let tried = format!("{letter:?}");
            let is_refused = state.refused.iter().any(|kind| tried.starts_with(kind));
            state.tried.push(tried);
            if state.is_locked_out {
                return Err(SourceError::configuration("wrong password").of_login());
            }
            match (state.is_gone, is_refused) {
                (true, _) => Err(SourceError::unreachable("gone")),
                (false, true) => Err(SourceError::configuration("not for you")),
                (false, false) => Ok(()),
            }
        }
    }

    fn run(outbox: &Letterbox) -> (Run, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let listener = Listener::new(move |event| heard.lock().unwrap().push(event.to_string()));
        let process = Process::new("tests".to_owned());
        let mut run = Run::new(Box::new(outbox.clone()), Duration::from_secs(10), Some(process), listener);
        all_due(&mut run);
        (run, told)
    }

    fn all_due(run: &mut Run) {
        run.lanes.iter_mut().for_each(|lane| lane.due = Instant::now());
        run.seen.insert("a", 7);
    }

    fn tried(outbox: &Letterbox) -> Vec<String> {
        let tried = std::mem::take(&mut outbox.0.lock().unwrap().tried);
        tried.iter().map(|letter| letter.split([' ', '{']).next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_kind_that_is_refused_keeps_back_no_other_and_is_told_of_once() {
        let outbox = Letterbox::default();
        outbox.0.lock().unwrap().refused = vec!["Heartbeat", "Build"];
        let (mut run, told) = run(&outbox);
        run.round();
        assert_eq!(tried(&outbox), ["Heartbeat", "Build", "Seen"]);
        run.round();
        run.something_happened();
        run.round();
        assert!(tried(&outbox).is_empty(), "asked again in a storm");
        all_due(&mut run);
        run.round();
        assert_eq!(tried(&outbox), ["Heartbeat", "Build", "Seen"]);
        assert_eq!(told.lock().unwrap().len(), 1, "{told:?}");
        // Nothing that was never left is taken back.
        run.say_farewell();
        assert_eq!(tried(&outbox), [""; 0]);
    }

    #[test]
    fn a_login_that_is_refused_is_the_sources_to_tell_and_tried_again_soon() {
        let outbox = Letterbox::default();
        outbox.0.lock().unwrap().is_locked_out = true;
        let (mut run, told) = run(&outbox);
        run.round();
        assert_eq!(tried(&outbox), ["Heartbeat"], "one attempt is enough for all");
        assert!(told.lock().unwrap().is_empty(), "{told:?}");
        assert!(run.lanes.iter().all(|lane| !lane.is_refused) && run.not_before < Instant::now() + LONGEST_PAUSE);
        outbox.0.lock().unwrap().is_locked_out = false;
        all_due(&mut run);
        run.round();
        assert_eq!(tried(&outbox), ["Heartbeat", "Build", "Seen"]);
    }

    #[test]
    fn what_was_seen_stays_until_it_is_left() {
        let outbox = Letterbox::default();
        outbox.0.lock().unwrap().is_gone = true;
        let (mut run, told) = run(&outbox);
        run.round();
        assert_eq!(tried(&outbox), ["Heartbeat"], "one attempt is enough for all");
        assert!(run.not_before > Instant::now());
        run.leave_seen().unwrap_err();
        assert_eq!(run.seen.get("a"), Some(&7));
        assert!(told.lock().unwrap().is_empty(), "an outage is the source's to tell: {told:?}");
        outbox.0.lock().unwrap().is_gone = false;
        run.leave_seen().unwrap();
        assert!(run.seen.is_empty());
        tried(&outbox);
        run.leave_seen().unwrap();
        assert!(tried(&outbox).is_empty(), "nothing new is no letter");
    }

    #[test]
    fn the_end_takes_the_heartbeat_back_and_leaves_what_is_new() {
        let outbox = Letterbox::default();
        let (mut run, _) = run(&outbox);
        run.round();
        tried(&outbox);
        run.seen.insert("b", 8);
        run.say_farewell();
        assert_eq!(tried(&outbox), ["Farewell", "Seen"]);
    }

    #[test]
    fn changes_are_told_soon_and_bursts_of_them_together() {
        let outbox = Letterbox::default();
        let (mut run, _) = run(&outbox);
        run.round();
        tried(&outbox);
        let last = run.last_heartbeat.unwrap();
        for _ in 0..100 {
            run.something_happened();
        }
        let due = run.lanes[0].due;
        assert!(due >= last + BETWEEN && due <= Instant::now() + Duration::from_secs(1), "{:?}", due - last);
        run.round();
        assert!(tried(&outbox).is_empty());
    }
}
