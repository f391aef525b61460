// The state of one stream to the owner: the session that was agreed on, its channels, and what is on its way.
use super::channel::{Channel, Next};
use super::frames::{self, Finder, Head, HEAD, MAGIC, SESSION};
use super::{Connect, Stream};
use crate::sys;
use std::collections::BTreeMap;
use std::io;

const CHUNK: usize = 128 * 1024;

/// Beyond this much on its way out, nothing more is read; the owner always reads, so that this ends.
const MOST_OUT: usize = 256 * 1024;

const MOST_CHANNELS: usize = 1024;

/// How soon a connection that the server had no room for is tried again.
const RETRY_MS: libc::c_int = 10;

pub struct Line {
    stream: Stream,
    finder: Finder,
    /// The session's name as far as it has come, while a new one begins.
    greeting: Option<Vec<u8>>,
    /// Everything is thrown away until there is one.
    session: Option<Vec<u8>>,
    head: Vec<u8>,
    frame: Option<Frame>,
    channels: BTreeMap<u32, Channel>,
    /// The channel that was served last; the next one goes first, so that none can starve another.
    last: u32,
    out: Vec<u8>,
    sent: usize,
    buffer: Vec<u8>,
    complaint: Option<String>,
}

/// A frame whose payload is still coming.
struct Frame {
    head: Head,
    missing: usize,
    /// Only of frames that are no data.
    payload: Vec<u8>,
}

impl Line {
    pub fn new(stream: Stream) -> Line {
        Line {
            stream,
            finder: Finder::default(),
            greeting: None,
            session: None,
            head: Vec::new(),
            frame: None,
            channels: BTreeMap::new(),
            last: 0,
            out: Vec::new(),
            sent: 0,
            buffer: vec![0; CHUNK],
            complaint: None,
        }
    }

    /// What the owner did wrong last, when it did.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.clone()
    }

    /// Waits for something to do and does it; false when nobody is at the other end.
    pub fn turn(&mut self, connect: &Connect) -> io::Result<bool> {
        let room = self.out.len() - self.sent < MOST_OUT;
        let output = if self.sent < self.out.len() { self.stream.output() } else { -1 };
        let mut fds = vec![
            sys::watch(if room { self.stream.input() } else { -1 }, libc::POLLIN),
            sys::watch(output, libc::POLLOUT),
        ];
        fds.extend(self.channels.values().map(|channel| channel.watched(room)));
        let waiting = self.channels.values().any(Channel::is_waiting);
        sys::poll(&mut fds, if waiting { RETRY_MS } else { -1 })?;
        let ready: BTreeMap<u32, libc::c_short> =
            self.channels.keys().copied().zip(fds[2..].iter().map(|fd| fd.revents)).collect();
        // A port without anyone at the other end takes nothing, and does not come to be read while much is waiting.
        if fds[1].revents & libc::POLLHUP != 0 || (fds[0].revents != 0 && !self.read()?) {
            return Ok(false);
        }
        self.serve(connect, &ready);
        self.write()?;
        Ok(true)
    }

    /// Nobody seems to be at the other end. A port may bring the greeting before it says that somebody came, so that an
    /// answer of which nothing was sent is kept.
    pub fn pause(&mut self) {
        let fresh = self.sent == 0 && self.out.len() == MAGIC.len() + SESSION && self.session.is_some();
        if !fresh {
            self.lose();
        }
    }

    /// Nobody is at the other end any more; whoever comes next begins anew.
    pub fn lose(&mut self) {
        self.greeting = None;
        self.session = None;
        self.head.clear();
        self.frame = None;
        self.channels.clear();
        self.out.clear();
        self.sent = 0;
    }

    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = sys::read(self.stream.input(), &mut buffer);
        if let Ok(count) = result {
            self.take(&buffer[..count]);
        }
        self.buffer = buffer;
        match result {
            Ok(count) => Ok(count > 0),
            Err(error) if sys::would_block(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = self.finder.find(bytes) {
            // A magic that began in an earlier piece was taken for the rest of a frame, whose session ends now anyway.
            self.take_ordinary(&bytes[..end.saturating_sub(MAGIC.len())]);
            self.greeting = Some(Vec::with_capacity(SESSION));
            bytes = &bytes[end..];
        }
        self.take_ordinary(bytes);
    }

    fn take_ordinary(&mut self, mut bytes: &[u8]) {
        if let Some(name) = &mut self.greeting {
            let count = (SESSION - name.len()).min(bytes.len());
            name.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            if name.len() == SESSION {
                self.begin();
            }
        }
        while self.session.is_some() && !bytes.is_empty() {
            let count = match &self.frame {
                Some(frame) => frame.missing.min(bytes.len()),
                None => (HEAD - self.head.len()).min(bytes.len()),
            };
            let (part, rest) = bytes.split_at(count);
            bytes = rest;
            if let Err(problem) = self.take_part(part) {
                self.complain(problem);
            }
        }
    }

    fn begin(&mut self) {
        let name = self.greeting.take();
        // An owner that got no answer for a while repeats itself.
        if name == self.session {
            return;
        }
        self.lose();
        self.out.extend_from_slice(&MAGIC);
        self.out.extend_from_slice(name.as_deref().unwrap_or_default());
        self.session = name;
        self.complaint = None;
    }

    /// The owner does not speak this protocol: it is told once, and what it says next must be a new beginning.
    fn complain(&mut self, problem: &str) {
        self.channels.clear();
        self.session = None;
        self.head.clear();
        self.frame = None;
        self.out.extend_from_slice(&frames::head(0, frames::RESET, problem.len()));
        self.out.extend_from_slice(problem.as_bytes());
        self.complaint = Some(problem.to_owned());
    }

    fn take_part(&mut self, part: &[u8]) -> Result<(), &'static str> {
        let mut frame = match self.frame.take() {
            Some(frame) => frame,
            None => {
                self.head.extend_from_slice(part);
                let bytes: [u8; HEAD] = match self.head.as_slice().try_into() {
                    Ok(bytes) => bytes,
                    Err(_) => return Ok(()),
                };
                self.head.clear();
                let head = frames::parse_head(&bytes).ok_or("a frame that is not known")?;
                return self.take_payload(Frame { head, missing: head.length, payload: Vec::new() }, &[]);
            }
        };
        frame.missing -= part.len();
        self.take_payload(frame, part)
    }

    fn take_payload(&mut self, mut frame: Frame, part: &[u8]) -> Result<(), &'static str> {
        let id = frame.head.channel;
        if frame.head.kind == frames::DATA {
            // Data for a channel that was closed here may still be on its way.
            let accepted = self.channels.get_mut(&id).map_or(true, |channel| channel.receive(part));
            if !accepted {
                return Err("more data than there is credit for");
            }
        } else {
            frame.payload.extend_from_slice(part);
        }
        if frame.missing > 0 {
            self.frame = Some(frame);
            return Ok(());
        }
        match frame.head.kind {
            frames::OPEN => self.open(id)?,
            frames::CLOSE => drop(self.channels.remove(&id)),
            frames::END => {
                if let Some(channel) = self.channels.get_mut(&id) {
                    channel.owner_end();
                }
            }
            frames::CREDIT => {
                let bytes = frame.payload.as_slice().try_into().map_or(0, u32::from_be_bytes);
                let accepted = self.channels.get_mut(&id).map_or(true, |channel| channel.add_credit(bytes));
                if !accepted {
                    return Err("more credit than there is");
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, id: u32) -> Result<(), &'static str> {
        if self.channels.len() >= MOST_CHANNELS {
            self.out.extend_from_slice(&frames::head(id, frames::CLOSE, 0));
            return Ok(());
        }
        match self.channels.insert(id, Channel::new(id)) {
            None => Ok(()),
            Some(_) => Err("a channel for the second time"),
        }
    }

    fn serve(&mut self, connect: &Connect, ready: &BTreeMap<u32, libc::c_short>) {
        let (early, late): (Vec<u32>, Vec<u32>) = self.channels.keys().partition(|id| **id <= self.last);
        for id in late.into_iter().chain(early) {
            let room = self.out.len() - self.sent < MOST_OUT;
            let channel = match self.channels.get_mut(&id) {
                Some(channel) => channel,
                None => continue,
            };
            if channel.is_waiting() {
                let connected = match connect() {
                    Ok(Some(inside)) => channel.connected(inside),
                    Ok(None) => continue,
                    Err(error) => Err(error),
                };
                if connected.is_err() {
                    self.forget(id, &Next::Close);
                    continue;
                }
            }
            let revents = if room { ready.get(&id).copied().unwrap_or(0) } else { 0 };
            let before = self.out.len();
            let next = channel.pump(&mut self.out, revents);
            if self.out.len() > before {
                self.last = id;
            }
            self.forget(id, &next);
        }
    }

    fn forget(&mut self, id: u32, next: &Next) {
        if *next == Next::Stay {
            return;
        }
        self.channels.remove(&id);
        if *next == Next::Close {
            self.out.extend_from_slice(&frames::head(id, frames::CLOSE, 0));
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match sys::write(self.stream.output(), &self.out[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if sys::would_block(&error) => break,
                Err(error) => return Err(error),
            }
        }
        if self.sent == self.out.len() {
            self.out.clear();
            self.sent = 0;
        } else if self.sent >= MOST_OUT {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}
