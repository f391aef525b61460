// The client of SFTP: requests to the owner's server and what it says to them, in the order in which they were asked.
use crate::sftp::attributes::{EXTENDED, OWNER, PERMISSIONS, SIZE, TIMES};
use crate::sftp::extensions::EXACT;
use crate::sftp::wire::{self, Packet, Status};
use crate::sftp::MAX_PACKET;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

#[derive(Debug, PartialEq)]
pub enum Trouble {
    Errno(i32),
    /// The connection, and whether the request was carried out is not known.
    Lost,
}

impl From<std::io::Error> for Trouble {
    fn from(_: std::io::Error) -> Trouble {
        Trouble::Lost
    }
}

/// A server that does not keep to the protocol is as good as none.
impl From<Status> for Trouble {
    fn from(_: Status) -> Trouble {
        Trouble::Lost
    }
}

/// What the system of the host says of a file.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Attributes {
    pub device: u64,
    pub number: u64,
    pub links: u32,
    pub blocks: u64,
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Of the last access, the last change, and the last change of these.
    pub times: [(i64, u32); 3],
}

/// Device, number and kind; a number alone may soon be that of another file.
pub type Identity = (u64, u64, u32);

impl Attributes {
    pub fn identity(&self) -> Identity {
        (self.device, self.number, self.mode & libc::S_IFMT)
    }
}

pub struct Remote {
    stream: UnixStream,
    last: u32,
    out: Vec<u8>,
    reply: Vec<u8>,
}

/// What the server said to one request.
pub struct Said<'a> {
    pub kind: u8,
    pub rest: Packet<'a>,
}

impl Remote {
    pub fn greet(stream: UnixStream) -> Result<Remote, Trouble> {
        let mut remote = Remote { stream, last: 0, out: Vec::new(), reply: Vec::new() };
        let mut greeting = Body::default();
        greeting.0.push(wire::INIT);
        let greeting = greeting.number(3).text(EXACT.as_bytes()).text(b"1");
        remote.out.extend_from_slice(&(greeting.0.len() as u32).to_be_bytes());
        remote.out.extend_from_slice(&greeting.0);
        remote.flush()?;
        remote.read_packet()?;
        match remote.reply.first() {
            Some(&wire::VERSION) if remote.reply.windows(EXACT.len()).any(|part| part == EXACT.as_bytes()) => {
                Ok(remote)
            }
            _ => Err(Trouble::Lost),
        }
    }

    /// Puts a request among those that go out with the next `flush`; answers its number.
    pub fn ask(&mut self, kind: u8, body: Body) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.out.extend_from_slice(&(body.0.len() as u32 + 5).to_be_bytes());
        self.out.push(kind);
        self.out.extend_from_slice(&self.last.to_be_bytes());
        self.out.extend_from_slice(&body.0);
        self.last
    }

    pub fn flush(&mut self) -> Result<(), Trouble> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// What is said to that request; what was said to those before it, and not asked for, is passed over.
    pub fn said(&mut self, id: u32) -> Result<Said<'_>, Trouble> {
        self.flush()?;
        loop {
            self.read_packet()?;
            let mut packet = Packet::new(&self.reply);
            packet.byte()?;
            if packet.number()? == id {
                break;
            }
        }
        let mut rest = Packet::new(&self.reply);
        let kind = rest.byte()?;
        rest.number()?;
        Ok(Said { kind, rest })
    }

    fn read_packet(&mut self) -> Result<(), Trouble> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 || length > 2 * MAX_PACKET {
            return Err(Trouble::Lost);
        }
        self.reply.resize(length, 0);
        Ok(self.stream.read_exact(&mut self.reply)?)
    }
}

impl<'a> Said<'a> {
    /// The rest of an answer of that kind; a refusal is an error of the system.
    pub fn expect(mut self, kind: u8) -> Result<Packet<'a>, Trouble> {
        if self.kind == kind {
            return Ok(self.rest);
        }
        match self.refusal()? {
            Some(errno) => Err(Trouble::Errno(errno)),
            None => Err(Trouble::Lost),
        }
    }

    pub fn done(mut self) -> Result<(), Trouble> {
        match self.refusal()? {
            Some(errno) => Err(Trouble::Errno(errno)),
            None => Ok(()),
        }
    }

    /// Nothing when it is no more than the end of what there is.
    pub fn more(self, kind: u8) -> Result<Option<Packet<'a>>, Trouble> {
        if self.kind != wire::STATUS {
            return self.expect(kind).map(Some);
        }
        let mut rest = self.rest;
        match rest.number()? {
            wire::END_OF_FILE => Ok(None),
            code => Err(Trouble::Errno(errno_of(code, rest.text()?))),
        }
    }

    fn refusal(&mut self) -> Result<Option<i32>, Trouble> {
        if self.kind != wire::STATUS {
            return Err(Trouble::Lost);
        }
        match self.rest.number()? {
            wire::OK => Ok(None),
            code => Ok(Some(errno_of(code, self.rest.text()?))),
        }
    }
}

fn errno_of(code: u32, message: &[u8]) -> i32 {
    let said = std::str::from_utf8(message).ok().and_then(|text| text.strip_prefix(wire::ERRNO)?.parse().ok());
    match (said, code) {
        (Some(errno), _) if (1..4096).contains(&errno) => errno,
        (_, 8) => libc::EOPNOTSUPP,
        _ => libc::EIO,
    }
}

pub fn attributes(packet: &mut Packet) -> Result<Attributes, Trouble> {
    let mut found = Attributes::default();
    let flags = packet.number()?;
    if flags & SIZE != 0 {
        found.size = packet.long()?;
    }
    if flags & OWNER != 0 {
        found.uid = packet.number()?;
        found.gid = packet.number()?;
    }
    if flags & PERMISSIONS != 0 {
        found.mode = packet.number()?;
    }
    if flags & TIMES != 0 {
        packet.long()?;
    }
    for _ in 0..if flags & EXTENDED == 0 { 0 } else { packet.number()? } {
        let (name, value) = (packet.text()?, packet.text()?);
        if name == EXACT.as_bytes() {
            let mut value = Packet::new(value);
            found.device = value.long()?;
            found.number = value.long()?;
            found.links = value.number()?;
            found.blocks = value.long()?;
            for time in &mut found.times {
                *time = (value.long()? as i64, value.number()?);
            }
        }
    }
    Ok(found)
}

/// What a request says after its number.
#[derive(Default)]
pub struct Body(Vec<u8>);

impl Body {
    pub fn of(text: &[u8]) -> Body {
        Body::default().text(text)
    }

    pub fn number(mut self, number: u32) -> Body {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn long(mut self, number: u64) -> Body {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn text(self, text: &[u8]) -> Body {
        let mut longer = self.number(text.len() as u32);
        longer.0.extend_from_slice(text);
        longer
    }

    /// As attributes of a request: what is left out stays as it is.
    pub fn change(self, change: &Change) -> Body {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let flags = flag(change.size.is_some(), SIZE)
            | flag(change.owner.is_some(), OWNER)
            | flag(change.mode.is_some(), PERMISSIONS)
            | flag(change.times.is_some(), EXTENDED);
        let mut body = self.number(flags);
        if let Some(size) = change.size {
            body = body.long(size);
        }
        if let Some((uid, gid)) = change.owner {
            body = body.number(uid).number(gid);
        }
        if let Some(mode) = change.mode {
            body = body.number(mode);
        }
        if let Some(times) = change.times {
            let value = times.iter().fold(Body::default(), |value, time| value.long(time.0 as u64).number(time.1));
            body = body.number(1).text(EXACT.as_bytes()).text(&value.0);
        }
        body
    }
}

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Change {
    pub size: Option<u64>,
    /// All bits set is what leaves one of them.
    pub owner: Option<(u32, u32)>,
    pub mode: Option<u32>,
    pub times: Option<[(i64, u32); 2]>,
}
