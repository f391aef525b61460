// The connections on which the owner serves folders: at most one for each tag, replaced whenever an owner makes another.
use std::collections::HashMap;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

#[derive(Default)]
pub struct Links {
    links: Mutex<HashMap<String, Arc<Link>>>,
}

#[derive(Default)]
pub struct Link {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Made by the owner, and used by nobody yet.
    offered: Option<UnixStream>,
    /// The one in use, kept to be broken off from here.
    used: Option<UnixStream>,
    /// Which mount uses them; the ones before have ended.
    mount: u64,
}

impl Links {
    pub fn get(&self, tag: &str) -> Arc<Link> {
        Arc::clone(lock(&self.links).entry(tag.to_owned()).or_default())
    }

    /// Where nobody serves a mount, who asks it for a file would wait for ever.
    pub fn end_unless_connected(&self) {
        for link in lock(&self.links).values() {
            link.end_unless_connected();
        }
    }
}

impl Link {
    /// An owner that makes a second one has lost the first.
    pub fn offer(&self, stream: UnixStream) {
        let mut state = lock(&self.state);
        break_off(state.used.take());
        break_off(state.offered.replace(stream));
        self.changed.notify_all();
    }

    /// The number of the mount that can begin, after waiting for a connection for it.
    pub fn await_offer(&self, patience: Duration) -> Option<u64> {
        let state = lock(&self.state);
        let waiting = self.changed.wait_timeout_while(state, patience, |state| state.offered.is_none());
        let (state, _) = waiting.unwrap_or_else(|poisoned| poisoned.into_inner());
        state.offered.as_ref().map(|_| state.mount)
    }

    /// Waits for the next one as long as it takes; none comes when the mount has ended.
    pub fn take(&self, mount: u64) -> Option<UnixStream> {
        let state = lock(&self.state);
        let waiting = self.changed.wait_while(state, |state| state.offered.is_none() && state.mount == mount);
        let mut state = waiting.unwrap_or_else(|poisoned| poisoned.into_inner());
        if state.mount != mount {
            return None;
        }
        let stream = state.offered.take()?;
        state.used = stream.try_clone().ok();
        Some(stream)
    }

    /// The one in use is broken.
    pub fn lose(&self) {
        break_off(lock(&self.state).used.take());
    }

    /// Whoever waits for that mount, or uses it, stops. A connection that nobody uses yet is for the next one.
    pub fn end(&self, mount: u64) {
        let mut state = lock(&self.state);
        if state.mount == mount {
            state.mount += 1;
            break_off(state.used.take());
            self.changed.notify_all();
        }
    }

    /// The mount that there is was taken away.
    pub fn end_present(&self) {
        let mount = lock(&self.state).mount;
        self.end(mount);
    }

    pub fn has_ended(&self, mount: u64) -> bool {
        lock(&self.state).mount != mount
    }

    fn end_unless_connected(&self) {
        let mount = {
            let state = lock(&self.state);
            if state.used.is_some() || state.offered.is_some() {
                return;
            }
            state.mount
        };
        self.end(mount);
    }
}

#[cfg(test)]
impl Link {
    pub fn is_used(&self) -> bool {
        lock(&self.state).used.is_some()
    }
}

fn break_off(stream: Option<UnixStream>) {
    if let Some(stream) = stream {
        // One that is closed already needs no more.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// What a thread that panicked left is one of the states above all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
