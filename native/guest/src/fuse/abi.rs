// What the kernel and a program that serves a file system say to each other, as <linux/fuse.h> lays it out.
use super::remote::Attributes;

pub const LOOKUP: u32 = 1;
pub const FORGET: u32 = 2;
pub const GETATTR: u32 = 3;
pub const SETATTR: u32 = 4;
pub const READLINK: u32 = 5;
pub const SYMLINK: u32 = 6;
pub const MKNOD: u32 = 8;
pub const MKDIR: u32 = 9;
pub const UNLINK: u32 = 10;
pub const RMDIR: u32 = 11;
pub const RENAME: u32 = 12;
pub const LINK: u32 = 13;
pub const OPEN: u32 = 14;
pub const READ: u32 = 15;
pub const WRITE: u32 = 16;
pub const STATFS: u32 = 17;
pub const RELEASE: u32 = 18;
pub const FSYNC: u32 = 20;
pub const INIT: u32 = 26;
pub const OPENDIR: u32 = 27;
pub const READDIR: u32 = 28;
pub const RELEASEDIR: u32 = 29;
pub const FSYNCDIR: u32 = 30;
pub const CREATE: u32 = 35;
pub const INTERRUPT: u32 = 36;
pub const DESTROY: u32 = 38;
pub const BATCH_FORGET: u32 = 42;
pub const RENAME2: u32 = 45;

pub const ROOT: u64 = 1;

/// The most that is read or written at once.
pub const MOST_DATA: usize = 128 * 1024;
/// Room for a request with that much.
pub const BUFFER: usize = MOST_DATA + 8192;

pub const SET_MODE: u32 = 1;
pub const SET_UID: u32 = 1 << 1;
pub const SET_GID: u32 = 1 << 2;
pub const SET_SIZE: u32 = 1 << 3;
pub const SET_ATIME: u32 = 1 << 4;
pub const SET_MTIME: u32 = 1 << 5;
pub const SET_BY_HANDLE: u32 = 1 << 6;
pub const SET_ATIME_NOW: u32 = 1 << 7;
pub const SET_MTIME_NOW: u32 = 1 << 8;

pub const RENAME_NOREPLACE: u32 = 1;

const VERSION: u32 = 7;
const MINOR: u32 = 31;
const ASYNC_READ: u32 = 1;
const ATOMIC_TRUNCATE: u32 = 1 << 3;
const BIG_WRITES: u32 = 1 << 5;
/// What the kernel holds of a file is thrown away when the file has changed on the host.
const INVALIDATE: u32 = 1 << 12;

pub struct Request<'a> {
    pub operation: u32,
    pub unique: u64,
    pub node: u64,
    pub body: Body<'a>,
}

const HEAD: usize = 40;

/// `None` for what no kernel sends.
pub fn parse(bytes: &[u8]) -> Option<Request<'_>> {
    let mut head = Body(bytes.get(..HEAD)?);
    head.word()?;
    let operation = head.word()?;
    let (unique, node) = (head.long()?, head.long()?);
    Some(Request { operation, unique, node, body: Body(&bytes[HEAD..]) })
}

/// The rest of a request, read from its beginning.
#[derive(Clone, Copy)]
pub struct Body<'a>(pub &'a [u8]);

impl<'a> Body<'a> {
    pub fn word(&mut self) -> Option<u32> {
        Some(u32::from_ne_bytes(self.bytes(4)?.try_into().ok()?))
    }

    pub fn long(&mut self) -> Option<u64> {
        Some(u64::from_ne_bytes(self.bytes(8)?.try_into().ok()?))
    }

    pub fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(|_| ())
    }

    /// A text that ends with a zero byte.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        if count > self.0.len() {
            return None;
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(taken)
    }
}

/// What follows the head of an answer.
#[derive(Default)]
pub struct Reply(pub Vec<u8>);

impl Reply {
    pub fn word(mut self, number: u32) -> Reply {
        self.0.extend_from_slice(&number.to_ne_bytes());
        self
    }

    pub fn long(mut self, number: u64) -> Reply {
        self.0.extend_from_slice(&number.to_ne_bytes());
        self
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Reply {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn attributes(self, attributes: &Attributes) -> Reply {
        let (seconds, nanoseconds) = validity(attributes);
        self.long(seconds).word(nanoseconds).word(0).attribute_fields(attributes)
    }

    pub fn entry(self, node: u64, attributes: &Attributes) -> Reply {
        let generation = 0;
        let (seconds, nanoseconds) = validity(attributes);
        let reply = self.long(node).long(generation).long(seconds).long(seconds);
        reply.word(nanoseconds).word(nanoseconds).attribute_fields(attributes)
    }

    pub fn opened(self, handle: u64) -> Reply {
        self.long(handle).word(0).word(0)
    }

    fn attribute_fields(self, of: &Attributes) -> Reply {
        let reply = self.long(of.number).long(of.size).long(of.blocks);
        let reply = of.times.iter().fold(reply, |reply, (seconds, _)| reply.long(*seconds as u64));
        let reply = of.times.iter().fold(reply, |reply, (_, nanoseconds)| reply.word(*nanoseconds));
        reply.word(of.mode).word(of.links).word(of.uid).word(of.gid).word(0).word(4096).word(0)
    }
}

/// How long the kernel need not ask again. The way to a file is asked for with each use of it, and what is asked for one
/// system call is asked in pieces; a file that is opened is looked at anew in any case.
fn validity(attributes: &Attributes) -> (u64, u32) {
    match attributes.mode & libc::S_IFMT {
        libc::S_IFDIR => (1, 0),
        _ => (0, 100_000_000),
    }
}

/// Tells the kernel that what it knows of a file may not be so any more.
pub fn forget_attributes(node: u64) -> Vec<u8> {
    const INVALIDATE_NODE: u32 = 2;
    let nobody = 0u64;
    let (no_data, length) = ((-1i64) as u64, 0u64);
    let mut bytes = Vec::with_capacity(40);
    bytes.extend_from_slice(&40u32.to_ne_bytes());
    bytes.extend_from_slice(&INVALIDATE_NODE.to_ne_bytes());
    for number in [nobody, node, no_data, length] {
        bytes.extend_from_slice(&number.to_ne_bytes());
    }
    bytes
}

/// Adds an entry to a listing that may have `limit` bytes; false when it does not fit.
pub fn add_entry(listing: &mut Vec<u8>, limit: usize, entry: &Entry<'_>) -> bool {
    let length = 24 + entry.name.len();
    let padded = (length + 7) / 8 * 8;
    if listing.len() + padded > limit {
        return false;
    }
    listing.extend_from_slice(&entry.number.to_ne_bytes());
    listing.extend_from_slice(&entry.next.to_ne_bytes());
    listing.extend_from_slice(&(entry.name.len() as u32).to_ne_bytes());
    listing.extend_from_slice(&((entry.mode & libc::S_IFMT) >> 12).to_ne_bytes());
    listing.extend_from_slice(entry.name);
    listing.resize(listing.len() + padded - length, 0);
    true
}

pub struct Entry<'a> {
    pub name: &'a [u8],
    pub number: u64,
    pub mode: u32,
    /// Where a listing goes on after it.
    pub next: u64,
}

pub fn answer(unique: u64, outcome: Result<Reply, i32>) -> Vec<u8> {
    let (error, body) = match outcome {
        Ok(reply) => (0, reply.0),
        Err(errno) => (-errno, Vec::new()),
    };
    let mut bytes = Vec::with_capacity(16 + body.len());
    bytes.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    bytes.extend_from_slice(&error.to_ne_bytes());
    bytes.extend_from_slice(&unique.to_ne_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// What this program can, of what the kernel offers; `None` for a kernel whose protocol is another one.
pub fn init(mut body: Body) -> Option<Reply> {
    let (version, _minor, read_ahead, offered) = (body.word()?, body.word()?, body.word()?, body.word()?);
    if version != VERSION {
        return None;
    }
    let flags = offered & (ASYNC_READ | ATOMIC_TRUNCATE | BIG_WRITES | INVALIDATE);
    let (background, congestion) = (12u32, 9u32);
    let reply = Reply::default().word(VERSION).word(MINOR).word(read_ahead).word(flags);
    let reply = reply.word(congestion << 16 | background).word(MOST_DATA as u32).word(1).word(0);
    Some((0..8).fold(reply, |reply, _| reply.word(0)))
}
