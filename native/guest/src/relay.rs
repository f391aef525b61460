// Copies between a client and a connection inside, both ways, until both have said all; half-close is passed on.
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, RawFd};

const CHUNK: usize = 64 * 1024;

/// An error of either side ends both.
pub fn run(client: &impl AsRawFd, inside: &impl AsRawFd) -> io::Result<()> {
    let (client, inside) = (client.as_raw_fd(), inside.as_raw_fd());
    sys::set_nonblocking(client)?;
    sys::set_nonblocking(inside)?;
    let mut lanes = [Lane::new(client, inside), Lane::new(inside, client)];
    while lanes.iter().any(|lane| !lane.done) {
        let mut fds = [watched(&lanes, client), watched(&lanes, inside)];
        sys::poll(&mut fds, -1)?;
        // Who has said all and hears nothing any more cannot be given the rest.
        if fds.iter().any(|fd| fd.events == 0 && fd.revents & (libc::POLLERR | libc::POLLHUP) != 0) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        for lane in &mut lanes {
            lane.pump()?;
        }
    }
    Ok(())
}

/// Where nothing can be done now, a side is watched only for vanishing, and only when all that it sent was passed on:
/// both directions of a side may be closed while there is still something of it to deliver.
fn watched(lanes: &[Lane; 2], fd: RawFd) -> libc::pollfd {
    let events = lanes.iter().fold(0, |events, lane| events | lane.events(fd));
    let silent = lanes.iter().all(|lane| lane.done == (lane.from == fd));
    sys::watch(if events != 0 || silent { fd } else { -1 }, events)
}

struct Lane {
    from: RawFd,
    to: RawFd,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    done: bool,
}

impl Lane {
    fn new(from: RawFd, to: RawFd) -> Lane {
        Lane { from, to, buffer: vec![0; CHUNK], start: 0, end: 0, done: false }
    }

    fn events(&self, fd: RawFd) -> libc::c_short {
        let empty = self.start == self.end;
        match (self.done, empty) {
            (true, _) => 0,
            (false, true) if fd == self.from => libc::POLLIN,
            (false, false) if fd == self.to => libc::POLLOUT,
            _ => 0,
        }
    }

    fn pump(&mut self) -> io::Result<()> {
        while !self.done {
            if self.start == self.end {
                match sys::read(self.from, &mut self.buffer) {
                    Ok(0) => {
                        self.done = true;
                        // SAFETY: shutdown touches no memory. A peer that is gone already has nothing to be told.
                        unsafe { libc::shutdown(self.to, libc::SHUT_WR) };
                        return Ok(());
                    }
                    Ok(count) => {
                        self.start = 0;
                        self.end = count;
                    }
                    Err(error) if sys::would_block(&error) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            match sys::write(self.to, &self.buffer[self.start..self.end]) {
                Ok(count) => self.start += count,
                Err(error) if sys::would_block(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    #[test]
    fn both_directions_are_copied_and_half_close_is_passed_on() {
        let (mut client, near_client) = UnixStream::pair().unwrap();
        let (near_inside, mut inside) = UnixStream::pair().unwrap();
        let relay = std::thread::spawn(move || run(&near_client, &near_inside));
        let sent: Vec<u8> = (0..1_000_000u32).map(|number| (number % 253) as u8).collect();
        let expected = sent.clone();
        let writer = std::thread::spawn(move || {
            client.write_all(&sent).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            answer
        });
        let mut got = Vec::new();
        inside.read_to_end(&mut got).unwrap();
        assert_eq!(got, expected);
        inside.write_all(b"answer after the end").unwrap();
        drop(inside);
        assert_eq!(writer.join().unwrap(), "answer after the end");
        relay.join().unwrap().unwrap();
    }

    #[test]
    fn nothing_is_lost_when_both_sides_have_said_all_before_the_client_reads() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near_inside = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut inside, _) = listener.accept().unwrap();
        let (mut client, near_client) = UnixStream::pair().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let relay = std::thread::spawn(move || run(&near_client, &near_inside));
        let writer = std::thread::spawn(move || inside.write_all(&vec![7; 3_000_000]).unwrap());
        while sys::readable_bytes(client.as_raw_fd()) == 0 {
            std::thread::yield_now();
        }
        let mut got = Vec::new();
        let mut part = vec![0; 1000];
        while got.len() < 300_000 {
            let count = client.read(&mut part).unwrap();
            got.extend_from_slice(&part[..count]);
        }
        client.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), 3_000_000);
        writer.join().unwrap();
        relay.join().unwrap().unwrap();
    }

    #[test]
    fn a_client_that_leaves_after_half_close_ends_the_connection_inside() {
        let (client, near_client) = UnixStream::pair().unwrap();
        let (near_inside, mut inside) = UnixStream::pair().unwrap();
        let relay = std::thread::spawn(move || {
            let result = run(&near_client, &near_inside);
            drop((near_client, near_inside));
            result
        });
        client.shutdown(Shutdown::Write).unwrap();
        let mut nothing = Vec::new();
        inside.read_to_end(&mut nothing).unwrap();
        drop(client);
        assert!(relay.join().unwrap().is_err());
        assert!(inside.write_all(b"x").is_err());
    }

    #[test]
    fn a_client_that_vanishes_ends_the_connection_inside() {
        let (client, near_client) = UnixStream::pair().unwrap();
        let (near_inside, mut inside) = UnixStream::pair().unwrap();
        let relay = std::thread::spawn(move || {
            let _ = run(&near_client, &near_inside);
        });
        drop(client);
        let mut rest = Vec::new();
        inside.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
        drop(inside);
        relay.join().unwrap();
    }
}
