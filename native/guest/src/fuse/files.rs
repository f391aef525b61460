// What programs inside have open: files, which are opened again when the connection was made anew, and listings.
use std::collections::HashMap;

#[derive(Default)]
pub struct Files {
    files: HashMap<u64, OpenFile>,
    listings: HashMap<u64, Vec<Listed>>,
    last: u64,
}

pub struct OpenFile {
    pub node: u64,
    /// What SFTP calls them, without those that only count when a file is opened the first time.
    pub flags: u32,
    /// What the server calls it, on the connection with that number.
    pub remote: Vec<u8>,
    pub connection: u64,
}

pub struct Listed {
    pub name: Vec<u8>,
    pub number: u64,
    pub mode: u32,
}

impl Files {
    pub fn add(&mut self, file: OpenFile) -> u64 {
        self.last += 1;
        self.files.insert(self.last, file);
        self.last
    }

    pub fn get(&mut self, handle: u64) -> Option<&mut OpenFile> {
        self.files.get_mut(&handle)
    }

    pub fn remove(&mut self, handle: u64) -> Option<OpenFile> {
        self.files.remove(&handle)
    }

    pub fn add_listing(&mut self) -> u64 {
        self.last += 1;
        self.listings.insert(self.last, Vec::new());
        self.last
    }

    pub fn fill_listing(&mut self, handle: u64, entries: Vec<Listed>) {
        self.listings.insert(handle, entries);
    }

    pub fn listing(&self, handle: u64) -> &[Listed] {
        self.listings.get(&handle).map_or(&[], Vec::as_slice)
    }

    pub fn remove_listing(&mut self, handle: u64) {
        self.listings.remove(&handle);
    }
}
