// What a client sends to its program: frames taken apart and written on, no faster than the program reads.
use crate::frames::{self, HEAD};
use crate::pty;
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

const CHUNK: usize = 64 * 1024;

pub enum Flow {
    Pipe(OwnedFd),
    Terminal(Arc<OwnedFd>),
    /// The program ended or closed its input; what still comes is thrown away.
    Discard,
}

pub struct Stdin {
    flow: Flow,
    /// Bytes from the client that were not looked at yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    head: [u8; HEAD],
    head_length: usize,
    /// How much of the current frame's payload is still to come.
    payload: usize,
    /// The control characters that stand for the end of a terminal's input.
    ending: Vec<u8>,
    last_byte: Option<u8>,
    blocked: bool,
}

impl Stdin {
    pub fn new(flow: impl Into<Flow>) -> Stdin {
        Stdin {
            flow: flow.into(),
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            head: [0; HEAD],
            head_length: 0,
            payload: 0,
            ending: Vec::new(),
            last_byte: None,
            blocked: false,
        }
    }

    pub fn wants_more(&self) -> bool {
        self.start == self.end && self.ending.is_empty()
    }

    /// The descriptor that must become writable before anything can go on.
    pub fn blocked_fd(&self) -> Option<RawFd> {
        if self.blocked {
            self.fd()
        } else {
            None
        }
    }

    pub fn discard(&mut self) {
        self.flow = Flow::Discard;
        self.ending.clear();
        self.blocked = false;
    }

    /// Takes what the client has sent; call it only when `wants_more`.
    pub fn fill(&mut self, socket: RawFd) -> io::Result<()> {
        match sys::read(socket, &mut self.buffer) {
            // The end of input has its own frame; a client that closes has left.
            Ok(0) => return Err(io::ErrorKind::ConnectionReset.into()),
            Ok(count) => {
                self.start = 0;
                self.end = count;
            }
            Err(error) if sys::would_block(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes on as much as the program takes; an error means that the client broke the protocol.
    pub fn pump(&mut self) -> io::Result<()> {
        self.blocked = false;
        while !self.blocked {
            if !self.ending.is_empty() {
                self.write_ending();
            } else if self.start == self.end {
                break;
            } else if self.payload > 0 {
                self.write_payload();
            } else {
                self.take_head()?;
            }
        }
        Ok(())
    }

    fn fd(&self) -> Option<RawFd> {
        match &self.flow {
            Flow::Pipe(fd) => Some(fd.as_raw_fd()),
            Flow::Terminal(master) => Some(master.as_raw_fd()),
            Flow::Discard => None,
        }
    }

    fn take_head(&mut self) -> io::Result<()> {
        let count = (HEAD - self.head_length).min(self.end - self.start);
        self.head[self.head_length..self.head_length + count]
            .copy_from_slice(&self.buffer[self.start..self.start + count]);
        self.head_length += count;
        self.start += count;
        if self.head_length < HEAD {
            return Ok(());
        }
        self.head_length = 0;
        match frames::parse_head(&self.head) {
            (frames::STDIN, length) if length <= frames::MAX_FRAME => self.payload = length,
            (frames::STDIN_END, 0) => self.finish(),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    }

    fn write_payload(&mut self) {
        let available = self.payload.min(self.end - self.start);
        let chunk = self.start..self.start + available;
        let count = match self.fd() {
            Some(fd) => self.try_write(fd, chunk),
            None => available,
        };
        if count > 0 {
            self.last_byte = Some(self.buffer[self.start + count - 1]);
        }
        self.start += count;
        self.payload -= count;
    }

    fn try_write(&mut self, fd: RawFd, chunk: std::ops::Range<usize>) -> usize {
        let length = chunk.len();
        match sys::write(fd, &self.buffer[chunk]) {
            Ok(count) => count,
            Err(error) if sys::would_block(&error) => {
                self.blocked = true;
                0
            }
            // The program closed its input early, which is its right.
            Err(_) => {
                self.discard();
                length
            }
        }
    }

    fn finish(&mut self) {
        match &self.flow {
            Flow::Terminal(master) => self.ending = pty::end_of_file(master, self.last_byte),
            Flow::Pipe(_) | Flow::Discard => self.discard(),
        }
    }

    fn write_ending(&mut self) {
        let result = match self.fd() {
            Some(fd) => sys::write(fd, &self.ending),
            None => Ok(self.ending.len()),
        };
        match result {
            Ok(count) => {
                self.ending.drain(..count);
            }
            Err(error) if sys::would_block(&error) => self.blocked = true,
            Err(_) => self.discard(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    /// Feeds `bytes` in pieces and gives back what the program would read.
    fn fed(bytes: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let (read_end, write_end) = sys::pipe()?;
        sys::set_nonblocking(write_end.as_raw_fd())?;
        let mut stdin = Stdin::new(Flow::Pipe(write_end));
        let (near, mut far) = UnixStream::pair()?;
        for part in bytes.chunks(piece) {
            far.write_all(part)?;
            assert!(stdin.wants_more());
            stdin.fill(near.as_raw_fd())?;
            stdin.pump()?;
        }
        drop(stdin);
        let mut text = Vec::new();
        std::fs::File::from(read_end).read_to_end(&mut text)?;
        Ok(text)
    }

    fn frames_of(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().flat_map(|part| [&frames::head(frames::STDIN, part.len())[..], part].concat()).collect()
    }

    #[test]
    fn frames_arrive_whole_however_they_are_cut() {
        let bytes = frames_of(&[b"one", b"", b"two and a half", b"3"]);
        for piece in 1..bytes.len() + 1 {
            assert_eq!(fed(&bytes, piece).unwrap(), b"onetwo and a half3");
        }
    }

    #[test]
    fn what_comes_after_the_end_is_thrown_away() {
        let bytes = [frames_of(&[b"in"]), frames::head(frames::STDIN_END, 0).to_vec(), frames_of(&[b"late"])].concat();
        assert_eq!(fed(&bytes, bytes.len()).unwrap(), b"in");
    }

    #[test]
    fn frames_that_a_client_must_not_send_are_an_error() {
        let wrong =
            [(frames::HEADER, 0), (frames::STDOUT, 0), (frames::STDIN_END, 1), (frames::STDIN, frames::MAX_FRAME + 1)];
        for (kind, length) in wrong {
            assert!(fed(&frames::head(kind, length), HEAD).is_err(), "{} {}", kind, length);
        }
    }

    #[test]
    fn a_program_that_does_not_read_stops_the_flow_and_loses_nothing() {
        let (read_end, write_end) = sys::pipe().unwrap();
        sys::set_nonblocking(write_end.as_raw_fd()).unwrap();
        let mut stdin = Stdin::new(Flow::Pipe(write_end));
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let sent: Vec<u8> = (0..100_000u32).map(|number| (number % 251) as u8).collect();
        let mut got = Vec::new();
        let writer = {
            let bytes = frames_of(&[&sent]);
            std::thread::spawn(move || far.write_all(&bytes).map(|()| far).unwrap())
        };
        let mut stopped = 0;
        while got.len() < sent.len() {
            if stdin.wants_more() {
                stdin.fill(near.as_raw_fd()).unwrap();
            }
            stdin.pump().unwrap();
            if stdin.blocked_fd().is_some() {
                stopped += 1;
            }
            if stdin.blocked_fd().is_some() || got.len() + sys::readable_bytes(read_end.as_raw_fd()) == sent.len() {
                let mut part = vec![0; 10_000];
                let count = sys::read(read_end.as_raw_fd(), &mut part).unwrap();
                got.extend_from_slice(&part[..count]);
            }
        }
        writer.join().unwrap();
        assert!(stopped > 0);
        assert_eq!(got, sent);
    }
}
