// Files that are open, and listings of folders: opened again where the connection was lost meanwhile.
use super::abi::{self, Body as Asked, Reply};
use super::files::{Listed, OpenFile};
use super::operations::{Outcome, NONSENSE};
use super::remote::{attributes, Attributes, Body, Change, Trouble};
use super::service::{Attempt, Session};
use crate::sftp::wire;

pub const READ: u32 = 0x01;
pub const WRITE: u32 = 0x02;
const APPEND: u32 = 0x04;
pub const CREATE: u32 = 0x08;
const TRUNCATE: u32 = 0x10;
pub const EXCLUSIVE: u32 = 0x20;

impl Session {
    pub fn open(&mut self, node: u64, mut body: Asked) -> Outcome {
        let asked = body.word().ok_or(NONSENSE)? as i32;
        let path = self.path(node)?;
        let remote = self.remote()?;
        let flags = flags_of(asked);
        let id = remote.ask(wire::OPEN, Body::of(&path).number(flags).number(0));
        let handle = remote.said(id)?.expect(wire::HANDLE)?.text()?.to_vec();
        Ok(Reply::default().opened(self.opened(node, flags, handle)))
    }

    pub fn create(&mut self, folder: u64, mut body: Asked, attempt: Attempt) -> Outcome {
        let (flags, mode) = (body.word().ok_or(NONSENSE)? as i32, body.word().ok_or(NONSENSE)?);
        body.skip(8).ok_or(NONSENSE)?;
        let name = body.text().ok_or(NONSENSE)?;
        let exclusive = if flags & libc::O_EXCL == 0 { 0 } else { EXCLUSIVE };
        let asked = Opening { flags: flags_of(flags) | CREATE | exclusive, mode };
        let (handle, found) = self.open_new(folder, name, asked, attempt)?;
        let node = self.nodes.reach(folder, name, found.identity());
        let file = self.opened(node, asked.flags, handle);
        Ok(Reply::default().entry(node, &found).opened(file))
    }

    pub fn open_new(
        &mut self,
        folder: u64,
        name: &[u8],
        asked: Opening,
        attempt: Attempt,
    ) -> Result<(Vec<u8>, Attributes), Trouble> {
        let path = self.path_in(folder, name)?;
        // What the first attempt made is what is wanted.
        let flags = if attempt == Attempt::First { asked.flags } else { asked.flags & !EXCLUSIVE };
        let change = Change { mode: Some(asked.mode & 0o7777), ..Change::default() };
        let remote = self.remote()?;
        let opened = remote.ask(wire::OPEN, Body::of(&path).number(flags).change(&change));
        let looked = remote.ask(wire::LSTAT, Body::of(&path));
        let handle = remote.said(opened)?.expect(wire::HANDLE)?.text()?.to_vec();
        Ok((handle, self.attributes_said(looked)?))
    }

    fn opened(&mut self, node: u64, flags: u32, remote: Vec<u8>) -> u64 {
        let flags = flags & (READ | WRITE | APPEND);
        let handle = self.files.add(OpenFile { node, flags, remote, connection: self.connection });
        self.nodes.opened(node, handle);
        handle
    }

    /// Opened again when it was opened over a connection that is lost. A file without a path is lost with it.
    pub fn remote_handle(&mut self, handle: u64) -> Result<Vec<u8>, Trouble> {
        let connection = self.connection;
        let file = self.files.get(handle).ok_or(Trouble::Errno(libc::EBADF))?;
        if file.connection == connection {
            return Ok(file.remote.clone());
        }
        let (node, flags) = (file.node, file.flags);
        let path = self.nodes.path(node).ok_or(Trouble::Errno(libc::ESTALE))?;
        let remote = self.remote()?;
        let id = remote.ask(wire::OPEN, Body::of(&path).number(flags).number(0));
        let fresh = remote.said(id)?.expect(wire::HANDLE)?.text()?.to_vec();
        if let Some(file) = self.files.get(handle) {
            file.remote = fresh.clone();
            file.connection = connection;
        }
        Ok(fresh)
    }

    pub fn read(&mut self, mut body: Asked) -> Outcome {
        let (open, offset, size) =
            (body.long().ok_or(NONSENSE)?, body.long().ok_or(NONSENSE)?, body.word().ok_or(NONSENSE)?);
        let handle = self.remote_handle(open)?;
        let remote = self.remote()?;
        let id = remote.ask(wire::READ, Body::of(&handle).long(offset).number(size));
        match remote.said(id)?.more(wire::DATA)? {
            Some(mut data) => Ok(Reply::default().bytes(data.text()?)),
            None => Ok(Reply::default()),
        }
    }

    pub fn write(&mut self, mut body: Asked, attempt: Attempt) -> Outcome {
        let (open, offset, size) =
            (body.long().ok_or(NONSENSE)?, body.long().ok_or(NONSENSE)?, body.word().ok_or(NONSENSE)?);
        body.skip(20).ok_or(NONSENSE)?;
        let data = body.bytes(size as usize).ok_or(NONSENSE)?;
        let appends = self.files.get(open).map_or(false, |file| file.flags & APPEND != 0);
        // What was appended once would be there twice.
        if appends && attempt == Attempt::Again {
            return Err(Trouble::Errno(libc::EIO));
        }
        let handle = self.remote_handle(open)?;
        self.tell(wire::WRITE, Body::of(&handle).long(offset).text(data))?;
        Ok(Reply::default().word(size).word(0))
    }

    /// Nobody waits for the answer, because a file that was written is written already.
    pub fn release(&mut self, handle: u64) -> Outcome {
        let file = self.files.remove(handle).ok_or(NONSENSE)?;
        self.nodes.closed(file.node, handle);
        if file.connection == self.connection {
            let remote = self.remote()?;
            remote.ask(wire::CLOSE, Body::of(&file.remote));
            // A lost connection has closed everything.
            let _ = remote.flush();
        }
        Ok(Reply::default())
    }

    pub fn list(&mut self, node: u64, mut body: Asked) -> Outcome {
        let (handle, offset, size) =
            (body.long().ok_or(NONSENSE)?, body.long().ok_or(NONSENSE)?, body.word().ok_or(NONSENSE)?);
        if offset == 0 {
            let entries = self.entries(node)?;
            self.files.fill_listing(handle, entries);
        }
        let mut listing = Vec::new();
        for (index, entry) in self.files.listing(handle).iter().enumerate().skip(offset as usize) {
            let next = index as u64 + 1;
            let entry = abi::Entry { name: &entry.name, number: entry.number, mode: entry.mode, next };
            if !abi::add_entry(&mut listing, size as usize, &entry) {
                break;
            }
        }
        Ok(Reply(listing))
    }

    fn entries(&mut self, node: u64) -> Result<Vec<Listed>, Trouble> {
        let path = self.path(node)?;
        let remote = self.remote()?;
        let id = remote.ask(wire::OPENDIR, Body::of(&path));
        let handle = remote.said(id)?.expect(wire::HANDLE)?.text()?.to_vec();
        let mut entries = Vec::new();
        loop {
            let remote = self.remote()?;
            let id = remote.ask(wire::READDIR, Body::of(&handle));
            let mut names = match remote.said(id)?.more(wire::NAME)? {
                Some(names) => names,
                None => break,
            };
            let mut page = Vec::new();
            for _ in 0..names.number()? {
                let name = names.text()?.to_vec();
                names.text()?;
                page.push((name, attributes(&mut names)?));
            }
            for (name, found) in page {
                let found = self.told(found);
                entries.push(Listed { name, number: found.number.max(1), mode: found.mode });
            }
        }
        self.remote()?.ask(wire::CLOSE, Body::of(&handle));
        Ok(entries)
    }

    pub fn sync_folder(&mut self, node: u64) -> Outcome {
        let path = self.path(node)?;
        let remote = self.remote()?;
        let id = remote.ask(wire::OPEN, Body::of(&path).number(READ).number(0));
        let handle = remote.said(id)?.expect(wire::HANDLE)?.text()?.to_vec();
        let synced = remote.ask(wire::EXTENDED, Body::of(b"fsync@openssh.com").text(&handle));
        remote.ask(wire::CLOSE, Body::of(&handle));
        remote.said(synced)?.done()?;
        Ok(Reply::default())
    }
}

#[derive(Clone, Copy)]
pub struct Opening {
    pub flags: u32,
    pub mode: u32,
}

fn flags_of(asked: i32) -> u32 {
    let access = match asked & libc::O_ACCMODE {
        libc::O_RDONLY => READ,
        libc::O_WRONLY => WRITE,
        _ => READ | WRITE,
    };
    let has = |flag: i32, means: u32| if asked & flag == 0 { 0 } else { means };
    access | has(libc::O_APPEND, APPEND) | has(libc::O_TRUNC, TRUNCATE)
}
