//! The thread of a provider: it starts it, hears what it tells, and publishes what it answers everybody.
//!
//! Changes are taken one after the other, so the last thing that is published is what the provider said last.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::event::{Event, Listener};
use crate::provider::{Asked, Attached, Provided, Provider, ProviderEvent, ProviderEvents, ProviderState};
use crate::registry::{RegisteredFlag, registry};
use crate::status::BOARD;
use crate::store::{self, Generation};

/// A provider's thread.
#[derive(Debug)]
pub(crate) struct ProviderThread {
    tell: Sender<Heard>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

#[derive(Debug)]
enum Heard {
    Event(ProviderEvent),
    Stop,
}

struct Run {
    generation: Generation,
    attached: Arc<Attached>,
    listener: Listener,
    heard: Receiver<Heard>,
    last_counted: Instant,
}

/// How often it is looked whether something takes too long.
const TICK: Duration = Duration::from_millis(250);
/// How often a provider that counts hears of a settled flag that is read.
const COUNTING: Duration = Duration::from_secs(60);

impl ProviderThread {
    /// Puts a provider in force for these flags, and starts it in the background.
    pub(crate) fn start(
        generation: Generation,
        provider: Box<dyn Provider>,
        flags: &[&'static RegisteredFlag],
        listener: Listener,
    ) -> std::io::Result<Self> {
        let (tell, heard) = channel();
        let events = tell.clone();
        // Nobody hears what is told behind the end.
        let events = ProviderEvents::new(move |event| drop(events.send(Heard::Event(event))));
        let attached = Attached::new(provider, events);
        let ask = |flag: &&'static RegisteredFlag| {
            let (flag, attached) = (flag.declaration(), Arc::clone(&attached));
            Arc::new(Asked::new(attached, flag.name(), flag.key(), flag.type_name(), flag.decode()))
        };
        let asked: Vec<_> = flags.iter().map(ask).collect();
        attached.decides(&asked);
        BOARD.attach(Arc::clone(&attached));
        let (end, ended) = channel::<()>();
        let mut run = Run { generation, attached, listener, heard, last_counted: Instant::now() };
        // Nothing is known yet, but whose the flags are.
        run.publish(&asked, |asked| Some(Provided { asked: Arc::clone(asked), settled: None }));
        thread::Builder::new().name("flags-provider".to_owned()).spawn(move || {
            run.until_stopped();
            drop(end);
        })?;
        Ok(Self { tell, ended })
    }

    /// Tells the thread to end; the answer is closed when it has.
    pub(crate) fn stop(self) -> Receiver<()> {
        let _ = self.tell.send(Heard::Stop);
        self.ended
    }
}

impl Run {
    fn until_stopped(&mut self) {
        self.attached.start();
        loop {
            match self.heard.recv_timeout(TICK) {
                Ok(Heard::Event(event)) => self.hear(event),
                Ok(Heard::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.attached.count_late();
            while self.attached.takes_thread() {
                self.employ();
            }
            if self.last_counted.elapsed() >= COUNTING {
                self.last_counted = Instant::now();
                self.count_reads();
            }
        }
        self.attached.stop();
        BOARD.provider_changed();
    }

    fn hear(&self, event: ProviderEvent) {
        let provider = self.attached.name().to_owned();
        match event {
            ProviderEvent::Ready => {
                // First the flags, then who waits for them.
                self.take_changes(None);
                if self.attached.note(ProviderState::Ready, None) {
                    self.listener.tell(&Event::ProviderReady { provider });
                }
            }
            ProviderEvent::Stale(why) => self.fails(ProviderState::Stale, why),
            ProviderEvent::Error(why) => self.fails(ProviderState::Error, why),
            ProviderEvent::Fatal(why) => self.fails(ProviderState::Fatal, why),
            ProviderEvent::Failing(why) => self.listener.tell(&Event::ProviderFailing { provider, error: why }),
            // What it says before it is ready is asked for then.
            ProviderEvent::Changed(_) if !self.attached.has_been_ready() => {}
            ProviderEvent::Changed(keys) => {
                let flags = self.take_changes(keys.as_deref());
                if !flags.is_empty() {
                    self.listener.tell(&Event::Changed { flags });
                }
            }
            ProviderEvent::ThreadNeeded => self.employ(),
        }
        BOARD.provider_changed();
    }

    fn fails(&self, state: ProviderState, why: String) {
        if self.attached.note(state, Some(why.clone())) {
            let provider = self.attached.name().to_owned();
            self.listener.tell(&Event::ProviderFailing { provider, error: why });
        }
    }

    /// What was kept is out of date, and what everybody gets is asked anew. Gives the names of the flags.
    fn take_changes(&self, keys: Option<&[String]>) -> Vec<&'static str> {
        self.attached.changed();
        let keys: Option<HashSet<&str>> = keys.map(|keys| keys.iter().map(String::as_str).collect());
        let mut concerned = self.attached.asked();
        concerned.retain(|asked| keys.as_ref().is_none_or(|keys| keys.contains(asked.key())));
        self.publish(&concerned, |asked| {
            let anew = asked.published_anew()?;
            if let Some(error) = anew.settled.as_ref().and_then(|answer| answer.failure()) {
                let (provider, error) = (self.attached.name().to_owned(), format!("`{}`: {error}", asked.key()));
                self.listener.tell(&Event::ProviderFailing { provider, error });
            }
            Some(anew)
        });
        concerned.iter().map(|asked| asked.name()).collect()
    }

    fn publish(&self, asked: &[Arc<Asked>], provided: impl Fn(&Arc<Asked>) -> Option<Provided>) {
        let provided = asked.iter().filter_map(|asked| Some((registry().by_key(asked.key())?, Some(provided(asked)?))));
        store::provide(self.generation, provided.collect());
    }

    fn count_reads(&self) {
        if self.attached.counts_settled_reads() {
            let flags = self.attached.asked().into_iter().filter_map(|asked| registry().by_key(asked.key()));
            flags.flat_map(RegisteredFlag::cores).for_each(|core| store::arm(core));
        }
    }

    fn employ(&self) {
        let attached = Arc::clone(&self.attached);
        let spawned = thread::Builder::new().name("flags-ask".to_owned()).spawn(move || attached.work());
        if let Err(error) = spawned {
            self.attached.has_no_thread();
            self.fails(ProviderState::Error, format!("no thread to ask in: {error}"));
        }
    }
}
