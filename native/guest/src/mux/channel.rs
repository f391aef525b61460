// One channel of the multiplexer: a connection to the server inside, no faster than either side reads.
use super::frames::{self, HEAD, MAX_PIECE, WINDOW};
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, OwnedFd};

pub struct Channel {
    id: u32,
    /// Missing while the server has no room for another connection.
    inside: Option<OwnedFd>,
    /// How much the owner still takes.
    credit: usize,
    /// What came from the owner and was not taken inside yet.
    pending: Vec<u8>,
    start: usize,
    /// How much of the owner's credit is used up, and how much of that was taken inside since the last grant.
    used: usize,
    taken: usize,
    /// The owner has said all, or the side inside has.
    owner_ended: bool,
    inside_ended: bool,
    /// The side inside was told that the owner has said all.
    told: bool,
    /// Nobody inside reads any more.
    deaf: bool,
}

/// Whether a channel goes on to exist.
#[derive(Debug, PartialEq)]
pub enum Next {
    Stay,
    /// Both sides know that it is over.
    Forget,
    /// The owner must be told.
    Close,
}

impl Channel {
    pub fn new(id: u32) -> Channel {
        Channel {
            id,
            inside: None,
            credit: WINDOW,
            pending: Vec::new(),
            start: 0,
            used: 0,
            taken: 0,
            owner_ended: false,
            inside_ended: false,
            told: false,
            deaf: false,
        }
    }

    pub fn is_waiting(&self) -> bool {
        self.inside.is_none()
    }

    pub fn connected(&mut self, inside: OwnedFd) -> io::Result<()> {
        sys::set_nonblocking(inside.as_raw_fd())?;
        self.inside = Some(inside);
        Ok(())
    }

    /// What to wait for; a side with nothing to do is not watched, because its end would wake us all the time.
    pub fn watched(&self, room: bool) -> libc::pollfd {
        let mut events = 0;
        if room && self.credit > 0 && !self.inside_ended {
            events |= libc::POLLIN;
        }
        if !self.is_drained() {
            events |= libc::POLLOUT;
        }
        let fd = if events == 0 { -1 } else { self.inside.as_ref().map_or(-1, |inside| inside.as_raw_fd()) };
        sys::watch(fd, events)
    }

    /// False when the owner takes more credit than it has.
    pub fn add_credit(&mut self, bytes: u32) -> bool {
        self.credit += bytes as usize;
        self.credit <= WINDOW
    }

    /// Takes a part of the owner's data; false when the owner sends more than it may.
    pub fn receive(&mut self, bytes: &[u8]) -> bool {
        self.used += bytes.len();
        if self.used > WINDOW || self.owner_ended {
            return false;
        }
        if self.deaf {
            return true;
        }
        let direct = if self.is_drained() { self.give(bytes) } else { 0 };
        if !self.deaf && direct < bytes.len() {
            self.pending.extend_from_slice(&bytes[direct..]);
        }
        true
    }

    pub fn owner_end(&mut self) {
        self.owner_ended = true;
    }

    /// Passes on what waits, in both directions, at most one frame; `out` is what goes to the owner.
    pub fn pump(&mut self, out: &mut Vec<u8>, revents: libc::c_short) -> Next {
        if self.inside.is_none() {
            return Next::Stay;
        }
        self.flush();
        self.grant(out);
        if revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0
            && self.credit > 0
            && !self.inside_ended
            && self.listen(out).is_err()
        {
            return Next::Close;
        }
        match (self.inside_ended, self.owner_ended && self.is_drained(), self.deaf) {
            (true, true, _) => Next::Forget,
            (true, false, true) => Next::Close,
            _ => Next::Stay,
        }
    }

    fn is_drained(&self) -> bool {
        self.start == self.pending.len()
    }

    fn flush(&mut self) {
        if !self.is_drained() {
            let pending = std::mem::take(&mut self.pending);
            self.start += self.give(&pending[self.start..]);
            if self.start < pending.len() && !self.deaf {
                self.pending = pending;
            } else {
                self.start = 0;
            }
        }
        if let (false, true, true, Some(inside)) = (self.told, self.owner_ended, self.is_drained(), &self.inside) {
            self.told = true;
            // SAFETY: shutdown touches no memory. A side that is gone already has nothing to be told.
            unsafe { libc::shutdown(inside.as_raw_fd(), libc::SHUT_WR) };
        }
    }

    /// How much of it was taken inside.
    fn give(&mut self, bytes: &[u8]) -> usize {
        let fd = match &self.inside {
            Some(inside) => inside.as_raw_fd(),
            None => return 0,
        };
        let mut given = 0;
        while given < bytes.len() {
            match sys::write(fd, &bytes[given..]) {
                Ok(count) => given += count,
                Err(error) if sys::would_block(&error) => break,
                Err(_) => {
                    self.deaf = true;
                    break;
                }
            }
        }
        self.taken += given;
        given
    }

    fn grant(&mut self, out: &mut Vec<u8>) {
        if self.taken < WINDOW / 2 {
            return;
        }
        out.extend_from_slice(&frames::head(self.id, frames::CREDIT, 4));
        out.extend_from_slice(&(self.taken as u32).to_be_bytes());
        self.used -= self.taken;
        self.taken = 0;
    }

    fn listen(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let fd = match &self.inside {
            Some(inside) => inside.as_raw_fd(),
            None => return Ok(()),
        };
        let at = out.len();
        out.resize(at + HEAD + self.credit.min(MAX_PIECE), 0);
        let result = sys::read(fd, &mut out[at + HEAD..]);
        let length = match &result {
            Ok(count) => *count,
            Err(_) => 0,
        };
        out.truncate(if length == 0 { at } else { at + HEAD + length });
        match result {
            Ok(0) => {
                self.inside_ended = true;
                out.extend_from_slice(&frames::head(self.id, frames::END, 0));
            }
            Ok(count) => {
                self.credit -= count;
                out[at..at + HEAD].copy_from_slice(&frames::head(self.id, frames::DATA, count));
            }
            Err(error) if sys::would_block(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    fn channel() -> (Channel, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        let mut channel = Channel::new(3);
        channel.connected(near.into()).unwrap();
        (channel, far)
    }

    #[test]
    fn an_owner_cannot_send_more_than_the_window() {
        let (mut channel, _far) = channel();
        let piece = vec![0; MAX_PIECE];
        for _ in 0..WINDOW / MAX_PIECE {
            assert!(channel.receive(&piece));
        }
        assert!(!channel.receive(&[0]));
    }

    #[test]
    fn credit_comes_back_when_it_was_read_inside() {
        let (mut channel, mut far) = channel();
        let mut out = Vec::new();
        let piece = vec![7; MAX_PIECE];
        for _ in 0..WINDOW / MAX_PIECE {
            assert!(channel.receive(&piece));
        }
        let mut got = vec![0; WINDOW];
        let reader = std::thread::spawn(move || far.read_exact(&mut got).map(|()| got));
        while !channel.is_drained() {
            channel.pump(&mut out, 0);
        }
        assert_eq!(reader.join().unwrap().unwrap(), vec![7; WINDOW]);
        assert_eq!(out[..HEAD], frames::head(3, frames::CREDIT, 4));
        assert!(channel.receive(&piece));
    }

    #[test]
    fn it_is_over_when_both_sides_have_said_all() {
        let (mut channel, far) = channel();
        let mut out = Vec::new();
        channel.owner_end();
        assert_eq!(channel.pump(&mut out, 0), Next::Stay);
        far.shutdown(Shutdown::Write).unwrap();
        assert_eq!(channel.pump(&mut out, libc::POLLIN), Next::Forget);
        assert_eq!(out, frames::head(3, frames::END, 0));
    }

    #[test]
    fn the_owner_is_told_when_nobody_inside_reads_any_more() {
        let (mut channel, far) = channel();
        let mut out = Vec::new();
        drop(far);
        assert!(channel.receive(b"x"));
        assert_eq!(channel.pump(&mut out, libc::POLLIN), Next::Close);
    }
}
