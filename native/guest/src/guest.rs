// What all connections share: the programs that run, and as whom, where and in which environment they do.
use crate::exec::WORKSPACE;
use crate::fuse::Links;
use crate::identity::Identity;
use crate::processes::Processes;
use crate::setup::request::Mounts;
use crate::setup::User;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

pub struct Guest {
    pub processes: Processes,
    pub control: Control,
    /// Over which the owner serves folders of the host.
    pub links: Links,
    place: Mutex<Arc<Place>>,
    mounts: Mutex<Mounts>,
}

/// What whoever connects may do with the guest as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Control {
    /// Nothing: it was made by others.
    None,
    /// Everything: this is its first process.
    FirstProcess,
    /// Everything, beside a first process of its own.
    Beside,
}

/// Where programs begin.
pub struct Place {
    /// Whoever runs this program, when there is none.
    pub user: Option<User>,
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    pub workdir: Option<String>,
}

impl Place {
    /// What this program was started with.
    pub fn inherited() -> Place {
        let env = std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect();
        Place { user: None, env, workdir: None }
    }

    pub fn identity(&self) -> Option<Identity> {
        let user = self.user.as_ref()?;
        Some(Identity { uid: user.uid, gid: user.gid, groups: user.groups.clone() })
    }

    pub fn workdir(&self) -> &str {
        self.workdir.as_deref().unwrap_or(WORKSPACE)
    }

    pub fn home(&self) -> PathBuf {
        let home = self.env.iter().find(|(name, value)| name == b"HOME" && !value.is_empty());
        home.map_or_else(|| "/".into(), |(_, home)| PathBuf::from(std::ffi::OsString::from_vec(home.clone())))
    }
}

impl Guest {
    pub fn new(control: Control) -> Guest {
        let place = Mutex::new(Arc::new(Place::inherited()));
        Guest { processes: Processes::default(), control, links: Links::default(), place, mounts: Mutex::default() }
    }

    pub fn place(&self) -> Arc<Place> {
        Arc::clone(&lock(&self.place))
    }

    pub fn settle(&self, place: Place) {
        *lock(&self.place) = Arc::new(place);
    }

    /// What was mounted by the last setup; held while that changes.
    pub fn mounts(&self) -> MutexGuard<'_, Mounts> {
        lock(&self.mounts)
    }
}

/// What a thread that panicked left is looked at again by the next setup.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
