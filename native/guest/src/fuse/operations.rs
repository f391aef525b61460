// What the kernel asks, said in SFTP.
use super::abi::{self, Body as Asked, Reply, Request};
use super::remote::{attributes, Attributes, Body, Change, Remote, Trouble};
use super::service::{Attempt, Session};
use crate::sftp::wire;

pub type Outcome = Result<Reply, Trouble>;

/// What a kernel does not send is not worth a reason.
pub const NONSENSE: Trouble = Trouble::Errno(libc::EINVAL);

impl Session {
    pub fn operate(&mut self, request: &Request, attempt: Attempt) -> Outcome {
        let (node, mut body) = (request.node, request.body);
        match request.operation {
            abi::LOOKUP => self.lookup(node, body.text().ok_or(NONSENSE)?),
            abi::GETATTR => self.look_at(node).map(|found| Reply::default().attributes(&found)),
            abi::SETATTR => self.set_attributes(node, body),
            abi::READLINK => self.read_link(node),
            abi::SYMLINK => {
                let (name, target) = (body.text().ok_or(NONSENSE)?, body.text().ok_or(NONSENSE)?);
                let link = self.path_in(node, name)?;
                self.make(node, name, attempt, |remote| remote.ask(wire::SYMLINK, Body::of(target).text(&link)))
            }
            abi::MKNOD => self.make_node(node, body, attempt),
            abi::MKDIR => {
                let mode = body.word().ok_or(NONSENSE)? & 0o7777;
                body.skip(4).ok_or(NONSENSE)?;
                let name = body.text().ok_or(NONSENSE)?;
                let path = self.path_in(node, name)?;
                let change = Change { mode: Some(mode), ..Change::default() };
                self.make(node, name, attempt, |remote| remote.ask(wire::MKDIR, Body::of(&path).change(&change)))
            }
            abi::UNLINK => self.remove(wire::REMOVE, node, body, attempt),
            abi::RMDIR => self.remove(wire::RMDIR, node, body, attempt),
            abi::RENAME => {
                let folder = body.long().ok_or(NONSENSE)?;
                self.rename(node, folder, 0, body, attempt)
            }
            abi::RENAME2 => {
                let (folder, flags) = (body.long().ok_or(NONSENSE)?, body.word().ok_or(NONSENSE)?);
                body.skip(4).ok_or(NONSENSE)?;
                self.rename(node, folder, flags, body, attempt)
            }
            abi::LINK => {
                let from = self.path(body.long().ok_or(NONSENSE)?)?;
                let name = body.text().ok_or(NONSENSE)?;
                let to = self.path_in(node, name)?;
                let words = Body::of(b"hardlink@openssh.com").text(&from).text(&to);
                self.make(node, name, attempt, |remote| remote.ask(wire::EXTENDED, words))
            }
            abi::OPEN => self.open(node, body),
            abi::CREATE => self.create(node, body, attempt),
            abi::READ => self.read(body),
            abi::WRITE => self.write(body, attempt),
            abi::STATFS => self.room(node),
            abi::RELEASE => self.release(body.long().ok_or(NONSENSE)?),
            abi::FSYNC => {
                let handle = self.remote_handle(body.long().ok_or(NONSENSE)?)?;
                self.tell(wire::EXTENDED, Body::of(b"fsync@openssh.com").text(&handle))
            }
            abi::OPENDIR => Ok(Reply::default().opened(self.files.add_listing())),
            abi::READDIR => self.list(node, body),
            abi::RELEASEDIR => {
                self.files.remove_listing(body.long().ok_or(NONSENSE)?);
                Ok(Reply::default())
            }
            abi::FSYNCDIR => self.sync_folder(node),
            _ => Err(Trouble::Errno(libc::ENOSYS)),
        }
    }

    pub fn forget(&mut self, request: &Request) {
        let mut body = request.body;
        if request.operation == abi::FORGET {
            self.nodes.forget(request.node, body.long().unwrap_or(0));
            return;
        }
        let count = body.word().unwrap_or(0);
        let _ = body.skip(4);
        for _ in 0..count {
            if let (Some(node), Some(times)) = (body.long(), body.long()) {
                self.nodes.forget(node, times);
            }
        }
    }

    pub fn remote(&mut self) -> Result<&mut Remote, Trouble> {
        self.remote.as_mut().ok_or(Trouble::Lost)
    }

    pub fn path(&self, node: u64) -> Result<Vec<u8>, Trouble> {
        self.nodes.path(node).ok_or(Trouble::Errno(libc::ENOENT))
    }

    pub fn path_in(&self, folder: u64, name: &[u8]) -> Result<Vec<u8>, Trouble> {
        self.nodes.path_in(folder, name).ok_or(Trouble::Errno(libc::ENOENT))
    }

    pub fn tell(&mut self, kind: u8, body: Body) -> Outcome {
        let remote = self.remote()?;
        let id = remote.ask(kind, body);
        remote.said(id)?.done()?;
        Ok(Reply::default())
    }

    /// Numbers of files on another device than the first are told apart by their highest bits.
    pub fn told(&mut self, mut found: Attributes) -> Attributes {
        let known = self.devices.iter().position(|device| *device == found.device);
        let index = known.unwrap_or_else(|| {
            self.devices.push(found.device);
            self.devices.len() - 1
        });
        found.number ^= (index as u64) << 48;
        found
    }

    pub fn attributes_said(&mut self, id: u32) -> Result<Attributes, Trouble> {
        let found = attributes(&mut self.remote()?.said(id)?.expect(wire::ATTRS)?)?;
        Ok(self.told(found))
    }

    pub fn entry(&mut self, folder: u64, name: &[u8], found: &Attributes) -> Reply {
        let node = self.nodes.reach(folder, name, found.identity());
        Reply::default().entry(node, found)
    }

    fn lookup(&mut self, folder: u64, name: &[u8]) -> Outcome {
        let path = self.path_in(folder, name)?;
        let id = self.remote()?.ask(wire::LSTAT, Body::of(&path));
        let found = self.attributes_said(id)?;
        Ok(self.entry(folder, name, &found))
    }

    /// A file whose name is that of another one by now is asked about where it is open.
    fn look_at(&mut self, node: u64) -> Result<Attributes, Trouble> {
        if let Some(path) = self.nodes.path(node) {
            let id = self.remote()?.ask(wire::LSTAT, Body::of(&path));
            match self.attributes_said(id) {
                Ok(found) if self.nodes.is(node, found.identity()) => return Ok(found),
                Ok(_) | Err(Trouble::Errno(libc::ENOENT)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        // The kernel looks for the name anew then.
        let open = self.nodes.open_file(node).ok_or(Trouble::Errno(libc::ESTALE))?;
        let handle = self.remote_handle(open)?;
        let id = self.remote()?.ask(wire::FSTAT, Body::of(&handle));
        self.attributes_said(id)
    }

    fn set_attributes(&mut self, node: u64, body: Asked) -> Outcome {
        let (change, by_handle) = asked_change(body).ok_or(NONSENSE)?;
        let open = by_handle.or_else(|| match self.nodes.path(node) {
            Some(_) => None,
            None => self.nodes.open_file(node),
        });
        let ids = match open {
            Some(open) => {
                let handle = self.remote_handle(open)?;
                vec![self.remote()?.ask(wire::FSETSTAT, Body::of(&handle).change(&change))]
            }
            None => {
                let path = self.path(node)?;
                let remote = self.remote()?;
                let followed = Change { size: change.size, mode: change.mode, ..Change::default() };
                let own = Change { owner: change.owner, times: change.times, ..Change::default() };
                let mut ids = Vec::new();
                if followed != Change::default() {
                    ids.push(remote.ask(wire::SETSTAT, Body::of(&path).change(&followed)));
                }
                if own != Change::default() {
                    let words = Body::of(b"lsetstat@openssh.com").text(&path).change(&own);
                    ids.push(remote.ask(wire::EXTENDED, words));
                }
                ids
            }
        };
        for id in ids {
            self.remote()?.said(id)?.done()?;
        }
        let found = self.look_at(node)?;
        Ok(Reply::default().attributes(&found))
    }

    fn read_link(&mut self, node: u64) -> Outcome {
        let path = self.path(node)?;
        let remote = self.remote()?;
        let id = remote.ask(wire::READLINK, Body::of(&path));
        let mut names = remote.said(id)?.expect(wire::NAME)?;
        names.number()?;
        Ok(Reply::default().bytes(names.text()?))
    }

    fn room(&mut self, node: u64) -> Outcome {
        let path = self.nodes.path(node).unwrap_or_else(|| b"/".to_vec());
        let remote = self.remote()?;
        let id = remote.ask(wire::EXTENDED, Body::of(b"statvfs@openssh.com").text(&path));
        let mut said = remote.said(id)?.expect(wire::EXTENDED_REPLY)?;
        let mut fields = [0; 11];
        for field in &mut fields {
            *field = said.long()?;
        }
        let [size, fragment, blocks, free, available, files, files_free, _, _, _, longest] = fields;
        let reply = Reply::default().long(blocks).long(free).long(available).long(files).long(files_free);
        let reply = reply.word(size as u32).word(longest as u32).word(fragment as u32).word(0);
        Ok((0..6).fold(reply, |reply, _| reply.word(0)))
    }
}

/// What shall be changed, and the open file by which that was asked.
fn asked_change(mut body: Asked) -> Option<(Change, Option<u64>)> {
    let valid = body.word()?;
    body.skip(4)?;
    let (handle, size) = (body.long()?, body.long()?);
    body.skip(8)?;
    let (accessed, modified) = (body.long()? as i64, body.long()? as i64);
    body.skip(8)?;
    let (accessed_ns, modified_ns) = (body.word()?, body.word()?);
    body.skip(4)?;
    let mode = body.word()?;
    body.skip(4)?;
    let (uid, gid) = (body.word()?, body.word()?);
    let has = |flag: u32| valid & flag != 0;
    let time = |set: u32, now: u32, time: (i64, u32)| match (has(now), has(set)) {
        (true, _) => (0, libc::UTIME_NOW as u32),
        (false, true) => time,
        (false, false) => (0, libc::UTIME_OMIT as u32),
    };
    let any_time = has(abi::SET_ATIME | abi::SET_MTIME | abi::SET_ATIME_NOW | abi::SET_MTIME_NOW);
    let times = [
        time(abi::SET_ATIME, abi::SET_ATIME_NOW, (accessed, accessed_ns)),
        time(abi::SET_MTIME, abi::SET_MTIME_NOW, (modified, modified_ns)),
    ];
    let number = |flag: u32, number: u32| if has(flag) { number } else { u32::MAX };
    let change = Change {
        size: Some(size).filter(|_| has(abi::SET_SIZE)),
        owner: Some((number(abi::SET_UID, uid), number(abi::SET_GID, gid)))
            .filter(|_| has(abi::SET_UID | abi::SET_GID)),
        mode: Some(mode & 0o7777).filter(|_| has(abi::SET_MODE)),
        times: Some(times).filter(|_| any_time),
    };
    Some((change, Some(handle).filter(|_| has(abi::SET_BY_HANDLE))))
}
