// What a client has open: files and folders under names that are never used twice.
use super::wire::Status;
use std::collections::BTreeMap;
use std::fs::{File, ReadDir};
use std::path::PathBuf;

/// Each costs the memory of a piece of its listing.
const MOST_FOLDERS: usize = 256;

pub enum Handle {
    File(File),
    Folder(Folder),
}

pub struct Folder {
    pub path: PathBuf,
    pub entries: ReadDir,
    /// The two entries that the system's listing leaves out here are still to come.
    pub dots: bool,
}

pub struct Handles {
    open: BTreeMap<u64, Handle>,
    last: u64,
    most: usize,
}

impl Handles {
    /// With room for this many at the same time.
    pub fn new(most: usize) -> Handles {
        Handles { open: BTreeMap::new(), last: 0, most }
    }

    pub fn most(&self) -> usize {
        self.most
    }

    pub fn add(&mut self, handle: Handle) -> Result<[u8; 8], Status> {
        let folders = || self.open.values().filter(|handle| matches!(handle, Handle::Folder(_))).count();
        if self.open.len() >= self.most || (matches!(handle, Handle::Folder(_)) && folders() >= MOST_FOLDERS) {
            return Err(Status::failure("too many open files"));
        }
        self.last += 1;
        self.open.insert(self.last, handle);
        Ok(self.last.to_be_bytes())
    }

    pub fn remove(&mut self, name: &[u8]) -> Result<Handle, Status> {
        number(name).and_then(|number| self.open.remove(&number)).ok_or_else(unknown)
    }

    pub fn file(&mut self, name: &[u8]) -> Result<&mut File, Status> {
        match self.find(name)? {
            Handle::File(file) => Ok(file),
            Handle::Folder(_) => Err(Status::bad_message("the handle is of a folder")),
        }
    }

    pub fn folder(&mut self, name: &[u8]) -> Result<&mut Folder, Status> {
        match self.find(name)? {
            Handle::Folder(folder) => Ok(folder),
            Handle::File(_) => Err(Status::bad_message("the handle is of a file")),
        }
    }

    fn find(&mut self, name: &[u8]) -> Result<&mut Handle, Status> {
        number(name).and_then(|number| self.open.get_mut(&number)).ok_or_else(unknown)
    }
}

fn number(name: &[u8]) -> Option<u64> {
    name.try_into().ok().map(u64::from_be_bytes)
}

fn unknown() -> Status {
    Status::bad_message("there is no such handle")
}
