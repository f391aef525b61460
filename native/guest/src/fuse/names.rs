// What changes the names of a folder. What an attempt may have done whose answer was lost is no error of the next one.
use super::abi::{self, Body as Asked, Reply};
use super::contents::{Opening, CREATE, EXCLUSIVE, WRITE};
use super::operations::{Outcome, NONSENSE};
use super::remote::{Body, Remote, Trouble};
use super::service::{Attempt, Session};
use crate::sftp::wire;

impl Session {
    /// Asks for something new and, in the same moment, what it is.
    pub fn make(
        &mut self,
        folder: u64,
        name: &[u8],
        attempt: Attempt,
        ask: impl FnOnce(&mut Remote) -> u32,
    ) -> Outcome {
        let path = self.path_in(folder, name)?;
        let remote = self.remote()?;
        let made = ask(remote);
        let looked = remote.ask(wire::LSTAT, Body::of(&path));
        forgive(remote.said(made)?.done(), libc::EEXIST, attempt)?;
        let found = self.attributes_said(looked)?;
        Ok(self.entry(folder, name, &found))
    }

    /// Files alone: pipes, sockets and devices would be things of the host.
    pub fn make_node(&mut self, folder: u64, mut body: Asked, attempt: Attempt) -> Outcome {
        let mode = body.word().ok_or(NONSENSE)?;
        body.skip(12).ok_or(NONSENSE)?;
        let name = body.text().ok_or(NONSENSE)?;
        if mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Trouble::Errno(libc::EPERM));
        }
        let asked = Opening { flags: WRITE | CREATE | EXCLUSIVE, mode };
        let (file, found) = self.open_new(folder, name, asked, attempt)?;
        self.remote()?.ask(wire::CLOSE, Body::of(&file));
        Ok(self.entry(folder, name, &found))
    }

    pub fn remove(&mut self, kind: u8, folder: u64, mut body: Asked, attempt: Attempt) -> Outcome {
        let name = body.text().ok_or(NONSENSE)?;
        let path = self.path_in(folder, name)?;
        let remote = self.remote()?;
        let id = remote.ask(kind, Body::of(&path));
        forgive(remote.said(id)?.done(), libc::ENOENT, attempt)?;
        self.nodes.detach(folder, name);
        Ok(Reply::default())
    }

    pub fn rename(&mut self, folder: u64, other: u64, flags: u32, mut body: Asked, attempt: Attempt) -> Outcome {
        let (name, new_name) = (body.text().ok_or(NONSENSE)?, body.text().ok_or(NONSENSE)?);
        let (from, to) = (self.path_in(folder, name)?, self.path_in(other, new_name)?);
        let remote = self.remote()?;
        let id = match flags {
            0 => remote.ask(wire::EXTENDED, Body::of(b"posix-rename@openssh.com").text(&from).text(&to)),
            abi::RENAME_NOREPLACE => remote.ask(wire::RENAME, Body::of(&from).text(&to)),
            _ => return Err(Trouble::Errno(libc::EINVAL)),
        };
        forgive(remote.said(id)?.done(), libc::ENOENT, attempt)?;
        // Two names of one file stay as they are.
        self.nodes.moved((folder, name), (other, new_name));
        Ok(Reply::default())
    }
}

fn forgive(outcome: Result<(), Trouble>, errno: i32, attempt: Attempt) -> Result<(), Trouble> {
    match outcome {
        Err(Trouble::Errno(found)) if found == errno && attempt == Attempt::Again => Ok(()),
        other => other,
    }
}
