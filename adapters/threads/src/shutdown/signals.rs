//! [`listen`]: the operating system's signals, for whoever runs a shutdown.
//!
//! One hub per process, however many runtimes and threads there are. For every signal that was ever listened to,
//! one conditional default stays registered for good: once nobody listens, the signal does what it did before. If
//! it was caught or ignored before, nothing is registered for that: the handlers that were there have been called
//! all along, since signal-hook chains them.

use core::fmt;
use std::io;
use std::sync::Arc;

use super::Heard;

/// Why a signal cannot be listened to.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignalError {
    /// This signal cannot be caught, or must not be: `SIGKILL`, `SIGSTOP`, `SIGILL`, `SIGFPE`, `SIGSEGV`.
    Forbidden {
        /// Its number.
        signal: i32,
    },
    /// The operating system, or signal-hook, does not know this signal.
    Refused {
        /// Its number.
        signal: i32,
        /// What it said.
        source: io::Error,
    },
    /// There is no thread to listen on.
    NoThread(io::Error),
    /// There are no signals here.
    Unsupported,
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden { signal } => write!(f, "signal {signal} cannot be caught"),
            Self::Refused { signal, .. } => write!(f, "signal {signal} was refused"),
            Self::NoThread(_) => f.write_str("no thread to listen for signals on"),
            Self::Unsupported => f.write_str("there are no signals on this platform"),
        }
    }
}

impl core::error::Error for SignalError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Refused { source, .. } | Self::NoThread(source) => Some(source),
            _ => None,
        }
    }
}

/// What a listener does about a signal.
pub type Hear = dyn Fn(i32) -> Heard + Send + Sync;

/// Has `hear` called, on a thread of its own, for each of these signals that comes, until the answer is dropped.
/// If it answers [`Heard::ForceExit`] the signal kills the process.
///
/// # Errors
///
/// [`SignalError`], and nothing has changed.
pub fn listen(signals: &[i32], hear: Arc<Hear>) -> Result<Listening, SignalError> {
    imp::listen(signals, hear)
}

/// Signals are listened to until this is dropped; afterwards they act as they did before.
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct Listening {
    /// `None` if there is nothing to listen to.
    listener: Option<u64>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(listener) = self.listener {
            imp::leave(listener);
        }
    }
}

#[cfg(unix)]
mod imp {
    use core::panic::AssertUnwindSafe;
    use core::sync::atomic::{AtomicBool, Ordering};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::{fs, io, panic, thread};

    use parking_lot::Mutex;
    use signal_hook::consts::FORBIDDEN;
    use signal_hook::flag::register_conditional_default;
    use signal_hook::iterator::{Handle, Signals};
    use signal_hook::low_level::{emulate_default_handler, signal_name};

    use super::{Hear, Heard, Listening, SignalError};

    static HUB: Mutex<Hub> = Mutex::new(Hub::new());

    struct Hub {
        listeners: BTreeMap<u64, Listener>,
        next: u64,
        /// For each signal that was ever listened to: whether its default is to act. `None` where there is more
        /// than a default.
        defaults: BTreeMap<i32, Option<Arc<AtomicBool>>>,
        /// The thread that calls the listeners, while there are any.
        thread: Option<Handle>,
    }

    struct Listener {
        signals: Vec<i32>,
        hear: Arc<Hear>,
    }

    pub(super) fn listen(signals: &[i32], hear: Arc<Hear>) -> Result<Listening, SignalError> {
        if let Some(&signal) = signals.iter().find(|signal| FORBIDDEN.contains(signal)) {
            return Err(SignalError::Forbidden { signal });
        }
        // Those without a known default could not be given back.
        if let Some(&signal) = signals.iter().find(|&&signal| signal_name(signal).is_none()) {
            return Err(SignalError::Refused { signal, source: io::ErrorKind::InvalidInput.into() });
        }
        if signals.is_empty() {
            return Ok(Listening { listener: None });
        }
        let mut hub = HUB.lock();
        let listener = hub.next;
        hub.next += 1;
        hub.listeners.insert(listener, Listener { signals: signals.to_vec(), hear });
        let caught = signals.iter().try_for_each(|&signal| hub.catch(signal));
        drop(hub);
        // Dropping it restores what has been caught by then.
        let listening = Listening { listener: Some(listener) };
        caught.map(|()| listening)
    }

    pub(super) fn leave(listener: u64) {
        let mut hub = HUB.lock();
        let left = hub.listeners.remove(&listener);
        for signal in left.iter().flat_map(|left| &left.signals) {
            hub.restore(*signal);
        }
        let thread = if hub.listeners.is_empty() { hub.thread.take() } else { None };
        drop(hub);
        if let Some(thread) = thread {
            thread.close();
        }
        drop(left);
    }

    impl Hub {
        const fn new() -> Self {
            Self { listeners: BTreeMap::new(), next: 0, defaults: BTreeMap::new(), thread: None }
        }

        /// Sees to it that a signal is heard, and does nothing else.
        fn catch(&mut self, signal: i32) -> Result<(), SignalError> {
            let refused = |source| SignalError::Refused { signal, source };
            let known = self.defaults.contains_key(&signal);
            let has_default = known || !is_taken(signal);
            // The thread first: from the moment that the default is gone, somebody listens.
            match &self.thread {
                Some(thread) => thread.add_signal(signal).map_err(refused)?,
                None => self.thread = Some(start(signal)?),
            }
            if !known {
                let default = if has_default {
                    let acts = Arc::new(AtomicBool::new(false));
                    register_conditional_default(signal, Arc::clone(&acts)).map_err(refused)?;
                    Some(acts)
                } else {
                    None
                };
                self.defaults.insert(signal, default);
            }
            if let Some(Some(acts)) = self.defaults.get(&signal) {
                acts.store(false, Ordering::SeqCst);
            }
            Ok(())
        }

        /// Lets a signal do what it did before, unless somebody else listens to it.
        fn restore(&self, signal: i32) {
            if let Some(Some(acts)) = self.defaults.get(&signal)
                && !self.listeners.values().any(|listener| listener.signals.contains(&signal))
            {
                acts.store(true, Ordering::SeqCst);
            }
        }
    }

    fn start(signal: i32) -> Result<Handle, SignalError> {
        let mut signals = Signals::new([signal]).map_err(|source| SignalError::Refused { signal, source })?;
        let handle = signals.handle();
        let listen = move || signals.forever().for_each(dispatch);
        thread::Builder::new().name("tidegate-signals".into()).spawn(listen).map_err(SignalError::NoThread)?;
        Ok(handle)
    }

    fn dispatch(signal: i32) {
        let listeners: Vec<Arc<Hear>> = HUB
            .lock()
            .listeners
            .values()
            .filter(|listener| listener.signals.contains(&signal))
            .map(|listener| Arc::clone(&listener.hear))
            .collect();
        // All of them, and only then the end: some may have files to close.
        let mut forced = false;
        for hear in listeners {
            // It wakes whoever waits. One of them that panics must not make the process deaf: the next signal may be
            // the one that is to end it.
            let heard = panic::catch_unwind(AssertUnwindSafe(|| hear(signal)));
            forced |= matches!(heard, Ok(Heard::ForceExit));
        }
        if forced {
            // Refused only for signals without a default, and those have not been listened to.
            let _: io::Result<()> = emulate_default_handler(signal);
        }
    }

    /// Whether the process catches or ignores a signal. Where that cannot be known, it does not.
    fn is_taken(signal: i32) -> bool {
        let Ok(status) = fs::read_to_string("/proc/self/status") else { return false };
        let has = |name: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix(name))?;
            let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
            Some(mask.checked_shr(u32::try_from(signal.checked_sub(1)?).ok()?)? & 1 == 1)
        };
        has("SigCgt:").unwrap_or(false) || has("SigIgn:").unwrap_or(false)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::sync::Arc;

    use super::{Hear, Listening, SignalError};

    pub(super) fn listen(signals: &[i32], _hear: Arc<Hear>) -> Result<Listening, SignalError> {
        if signals.is_empty() { Ok(Listening { listener: None }) } else { Err(SignalError::Unsupported) }
    }

    pub(super) fn leave(_listener: u64) {}
}
