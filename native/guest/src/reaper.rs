// Takes the signals of this process: reaps programs that have ended, and passes a request to stop on to all of them.
use crate::connection::STACK;
use crate::guest::Guest;
use crate::processes;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// `stopped` is called when all programs have ended after a request to stop.
pub fn start(guest: Arc<Guest>, stopped: impl Fn() + Send + 'static) -> io::Result<()> {
    static STOPPING: AtomicBool = AtomicBool::new(false);
    let work = move || loop {
        if processes::next_signal() == libc::SIGTERM {
            STOPPING.store(true, Ordering::Relaxed);
            ask_to_end(&guest);
        }
        guest.processes.reap();
        if STOPPING.load(Ordering::Relaxed) && guest.processes.is_empty() {
            let_clients_know();
            stopped();
        }
    };
    thread::Builder::new().stack_size(STACK).spawn(work).map(|_| ())
}

pub fn ask_to_end(guest: &Guest) {
    for signal in [libc::SIGHUP, libc::SIGTERM, libc::SIGCONT] {
        guest.processes.signal_all(signal);
    }
}

/// Programs whose client has not got the exit yet.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);

/// Counts one of them for as long as it lives.
pub struct Counted(());

impl Counted {
    pub fn new() -> Counted {
        SESSIONS.fetch_add(1, Ordering::Relaxed);
        Counted(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        SESSIONS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives those who relay an ended program a moment to say so; one whose client does not read is not waited for.
pub fn let_clients_know() {
    let patience = Instant::now() + Duration::from_secs(1);
    while SESSIONS.load(Ordering::Relaxed) > 0 && Instant::now() < patience {
        thread::sleep(Duration::from_millis(2));
    }
}
