// The programs that were started here: found by key, signalled as a group, reaped in one place.
use crate::failure::Failure;
use crate::json::{object, Value};
use crate::signals;
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

/// How a program ended; the shape of ExitStatus in server/protocol/exec.ts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ended {
    Exited(i32),
    Signalled(i32),
}

impl Ended {
    pub fn of(status: libc::c_int) -> Ended {
        if libc::WIFSIGNALED(status) {
            return Ended::Signalled(libc::WTERMSIG(status));
        }
        Ended::Exited(libc::WEXITSTATUS(status))
    }

    pub fn to_value(self) -> Value {
        match self {
            Ended::Exited(code) => {
                object(vec![("kind", Value::text("exited")), ("code", Value::Number(f64::from(code)))])
            }
            Ended::Signalled(signal) => {
                object(vec![("kind", Value::text("signalled")), ("signal", Value::text(signals::name(signal)))])
            }
        }
    }
}

/// One program, which leads its own session and process group.
pub struct Process {
    pub pid: libc::pid_t,
    key: String,
    /// The master side of its terminal, when it has one.
    pub terminal: Option<Arc<OwnedFd>>,
    ended: Mutex<Option<Ended>>,
    /// Becomes readable when the program has ended.
    pub event: OwnedFd,
}

impl Process {
    pub fn ended(&self) -> Option<Ended> {
        *lock(&self.ended)
    }
}

#[derive(Default)]
pub struct Processes {
    living: Mutex<Vec<Arc<Process>>>,
}

impl Processes {
    /// Starts a program by `fork`, which answers its pid. The lock keeps it from being reaped before it is known.
    pub fn start<F>(&self, key: &str, terminal: Option<Arc<OwnedFd>>, fork: F) -> Result<Arc<Process>, Failure>
    where
        F: FnOnce() -> Result<libc::pid_t, Failure>,
    {
        let event = sys::event().map_err(|error| Failure::system("cannot start a program", &error))?;
        let mut living = lock(&self.living);
        if living.iter().any(|process| process.key == key) {
            return Err(Failure::new("busy", format!("a program with the key {} is running", key)));
        }
        let pid = fork()?;
        let process = Arc::new(Process { pid, key: key.to_owned(), terminal, ended: Mutex::new(None), event });
        living.push(Arc::clone(&process));
        Ok(process)
    }

    pub fn find(&self, key: &str) -> Result<Arc<Process>, Failure> {
        let living = lock(&self.living);
        let found = living.iter().find(|process| process.key == key);
        found.cloned().ok_or_else(|| Failure::new("not-running", format!("no program with the key {} is running", key)))
    }

    /// Reaches the process group of a program and, in its terminal, the group in the foreground.
    pub fn signal(&self, process: &Process, signal: i32) {
        // While the lock is held nothing is reaped, so that the numbers cannot have gone to another program.
        let _living = lock(&self.living);
        if process.ended().is_some() {
            return;
        }
        let foreground = process.terminal.as_ref().map_or(0, foreground_group);
        // SAFETY: kill touches no memory. The groups are positive numbers, never "everything".
        unsafe {
            libc::kill(-process.pid, signal);
            if foreground > 1 && foreground != process.pid {
                libc::kill(-foreground, signal);
            }
        }
    }

    /// Reaches a program without those that it started.
    pub fn signal_alone(&self, process: &Process, signal: i32) {
        let _living = lock(&self.living);
        if process.ended().is_some() {
            return;
        }
        // SAFETY: kill touches no memory. The number is that of one process.
        unsafe {
            libc::kill(process.pid, signal);
        }
    }

    pub fn signal_all(&self, signal: i32) {
        let all: Vec<Arc<Process>> = lock(&self.living).clone();
        for process in all {
            self.signal(&process, signal);
        }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.living).is_empty()
    }

    /// Reaps everything that has ended, orphans that were left to us included.
    pub fn reap(&self) {
        let mut living = lock(&self.living);
        loop {
            let mut status = 0;
            // SAFETY: waitpid writes one int.
            let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
            if pid <= 0 {
                return;
            }
            if let Some(index) = living.iter().position(|process| process.pid == pid) {
                let process = living.swap_remove(index);
                *lock(&process.ended) = Some(Ended::of(status));
                sys::raise(&process.event);
            }
        }
    }
}

/// Blocks the signals that `next_signal` waits for, in this thread and those that it starts.
pub fn block_signals() -> io::Result<()> {
    // SAFETY: the set is initialised before it is used.
    unsafe { sys::check(libc::sigprocmask(libc::SIG_BLOCK, &awaited(), std::ptr::null_mut())) }.map(|_| ())
}

pub fn next_signal() -> i32 {
    let mut signal = 0;
    // SAFETY: sigwait reads the set and writes one int.
    unsafe { libc::sigwait(&awaited(), &mut signal) };
    signal
}

fn awaited() -> libc::sigset_t {
    // SAFETY: sigemptyset initialises what was zeroed.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigaddset(&mut set, libc::SIGTERM);
        set
    }
}

fn foreground_group(terminal: &Arc<OwnedFd>) -> libc::pid_t {
    // SAFETY: tcgetpgrp touches no memory.
    unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) }
}

/// A thread that panicked left the data whole, because every change under these locks is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
