// Packets of SFTP as bytes: what is read out of a request and written into an answer.
use crate::sys;
use std::io;

pub const INIT: u8 = 1;
pub const VERSION: u8 = 2;
pub const OPEN: u8 = 3;
pub const CLOSE: u8 = 4;
pub const READ: u8 = 5;
pub const WRITE: u8 = 6;
pub const LSTAT: u8 = 7;
pub const FSTAT: u8 = 8;
pub const SETSTAT: u8 = 9;
pub const FSETSTAT: u8 = 10;
pub const OPENDIR: u8 = 11;
pub const READDIR: u8 = 12;
pub const REMOVE: u8 = 13;
pub const MKDIR: u8 = 14;
pub const RMDIR: u8 = 15;
pub const REALPATH: u8 = 16;
pub const STAT: u8 = 17;
pub const RENAME: u8 = 18;
pub const READLINK: u8 = 19;
pub const SYMLINK: u8 = 20;
pub const EXTENDED: u8 = 200;

pub const STATUS: u8 = 101;
pub const HANDLE: u8 = 102;
pub const DATA: u8 = 103;
pub const NAME: u8 = 104;
pub const ATTRS: u8 = 105;
pub const EXTENDED_REPLY: u8 = 201;

/// Begins the message of a status to an exact client; the number of the system's error follows.
pub const ERRNO: &str = "errno ";

pub const OK: u32 = 0;
pub const END_OF_FILE: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const PERMISSION_DENIED: u32 = 3;
const FAILURE: u32 = 4;
const BAD_MESSAGE: u32 = 5;
const UNSUPPORTED: u32 = 8;

/// How an operation ended, when it has nothing else to say.
#[derive(Debug, PartialEq)]
pub struct Status {
    code: u32,
    message: String,
    /// What the system said, where it was asked.
    errno: Option<i32>,
}

impl Status {
    pub fn ok() -> Status {
        Status::of(OK, "success")
    }

    pub fn end_of_file() -> Status {
        Status::of(END_OF_FILE, "end of file")
    }

    pub fn unsupported() -> Status {
        Status::of(UNSUPPORTED, "operation unsupported")
    }

    pub fn bad_message(what: &str) -> Status {
        Status::of(BAD_MESSAGE, what)
    }

    pub fn failure(what: &str) -> Status {
        Status::of(FAILURE, what)
    }

    fn of(code: u32, message: &str) -> Status {
        Status { code, message: message.to_owned(), errno: None }
    }
}

impl From<io::Error> for Status {
    fn from(error: io::Error) -> Status {
        let code = match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR | libc::EBADF | libc::ELOOP) => NO_SUCH_FILE,
            Some(libc::EPERM | libc::EACCES | libc::EROFS) => PERMISSION_DENIED,
            Some(libc::ENAMETOOLONG | libc::EINVAL) => BAD_MESSAGE,
            Some(libc::ENOSYS | libc::EOPNOTSUPP) => UNSUPPORTED,
            None if error.kind() == io::ErrorKind::InvalidInput => BAD_MESSAGE,
            _ => FAILURE,
        };
        Status { code, message: sys::describe(&error), errno: error.raw_os_error() }
    }
}

/// The rest of a request that was not read yet.
pub struct Packet<'a> {
    rest: &'a [u8],
}

impl<'a> Packet<'a> {
    pub fn new(rest: &'a [u8]) -> Packet<'a> {
        Packet { rest }
    }

    pub fn byte(&mut self) -> Result<u8, Status> {
        Ok(self.take(1)?[0])
    }

    pub fn number(&mut self) -> Result<u32, Status> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn long(&mut self) -> Result<u64, Status> {
        Ok(u64::from(self.number()?) << 32 | u64::from(self.number()?))
    }

    pub fn text(&mut self) -> Result<&'a [u8], Status> {
        let length = self.number()? as usize;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Status> {
        if length > self.rest.len() {
            return Err(Status::bad_message("the request is too short"));
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }
}

/// One answer under way; its buffer is used again for the next.
#[derive(Default)]
pub struct Answer {
    bytes: Vec<u8>,
    id: u32,
    /// The client understands what `extensions::EXACT` promises.
    pub exact: bool,
}

impl Answer {
    pub fn begin(&mut self, id: u32) {
        self.id = id;
    }

    /// Starts the packet; everything but the greeting carries the number of its request.
    pub fn kind(&mut self, kind: u8) -> &mut Answer {
        self.bytes.clear();
        self.bytes.extend_from_slice(&[0, 0, 0, 0, kind]);
        if kind == VERSION {
            return self;
        }
        self.number(self.id)
    }

    pub fn number(&mut self, number: u32) -> &mut Answer {
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn long(&mut self, number: u64) -> &mut Answer {
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn text(&mut self, text: &[u8]) -> &mut Answer {
        self.number(text.len() as u32);
        self.bytes.extend_from_slice(text);
        self
    }

    pub fn status(&mut self, status: &Status) {
        let message = match (self.exact, status.errno) {
            (true, Some(errno)) => format!("{}{}", ERRNO, errno),
            _ => status.message.clone(),
        };
        self.kind(STATUS).number(status.code).text(message.as_bytes()).text(b"en");
    }

    /// A text of at most `limit` bytes that `fill` reads in; it answers how many there were.
    pub fn text_from<F>(&mut self, limit: usize, fill: F) -> io::Result<usize>
    where
        F: FnOnce(&mut [u8]) -> io::Result<usize>,
    {
        let start = self.bytes.len() + 4;
        self.bytes.resize(start + limit, 0);
        let count = fill(&mut self.bytes[start..])?;
        self.bytes.truncate(start + count);
        self.bytes[start - 4..start].copy_from_slice(&(count as u32).to_be_bytes());
        Ok(count)
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes a number again that was written before, at its place.
    pub fn amend(&mut self, at: usize, number: u32) {
        self.bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }

    pub fn finish(&mut self) -> &[u8] {
        let length = (self.bytes.len() - 4) as u32;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        &self.bytes
    }
}
