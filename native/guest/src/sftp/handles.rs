// What a client has open: files and folders under names that are never used twice.
use super::wire::Status;
use std::fs::{File, ReadDir};
use std::path::PathBuf;

/// What one session may have open at the same time.
pub const MAX_HANDLES: usize = 256;

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

#[derive(Default)]
pub struct Handles {
    open: Vec<(u64, Handle)>,
    last: u64,
}

impl Handles {
    pub fn add(&mut self, handle: Handle) -> Result<[u8; 8], Status> {
        if self.open.len() >= MAX_HANDLES {
            return Err(Status::failure("too many open files"));
        }
        self.last += 1;
        self.open.push((self.last, handle));
        Ok(self.last.to_be_bytes())
    }

    pub fn remove(&mut self, name: &[u8]) -> Result<Handle, Status> {
        let index = self.index(name)?;
        Ok(self.open.swap_remove(index).1)
    }

    pub fn file(&mut self, name: &[u8]) -> Result<&mut File, Status> {
        let index = self.index(name)?;
        match &mut self.open[index].1 {
            Handle::File(file) => Ok(file),
            Handle::Folder(_) => Err(Status::bad_message("the handle is of a folder")),
        }
    }

    pub fn folder(&mut self, name: &[u8]) -> Result<&mut Folder, Status> {
        let index = self.index(name)?;
        match &mut self.open[index].1 {
            Handle::Folder(folder) => Ok(folder),
            Handle::File(_) => Err(Status::bad_message("the handle is of a file")),
        }
    }

    fn index(&self, name: &[u8]) -> Result<usize, Status> {
        let found = self.open.iter().position(|(known, _)| known.to_be_bytes()[..] == *name);
        found.ok_or_else(|| Status::bad_message("there is no such handle"))
    }
}
