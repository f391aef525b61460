// Relays one running program and its client: frames in one direction, streams in the other, the exit at the end.
use crate::exec::{Input, Started};
use crate::frames::{self, HEAD};
use crate::header::HangUp;
use crate::processes::{Ended, Process, Processes};
use crate::stdin::{Flow, Stdin};
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

const CHUNK: usize = 64 * 1024;

/// How long a client that has been told everything may stay silent before the connection is closed.
const LINGER_MS: libc::c_int = 30_000;

/// What the kernel can hold of a terminal's output after its program has ended is far less than this.
const TERMINAL_REST: usize = 256 * 1024;

/// Ends when the exit frame was sent, or when the client left; in that case the program is hung up.
pub fn run(stream: &UnixStream, started: Started, processes: &Processes) {
    let process = Arc::clone(&started.process);
    let hang_up = started.hang_up;
    let finished = stream.set_nonblocking(true).and_then(|()| Session::new(stream, started).relay());
    if finished.is_err() {
        for signal in [libc::SIGHUP, libc::SIGCONT] {
            match hang_up {
                HangUp::Group => processes.signal(&process, signal),
                HangUp::Alone => processes.signal_alone(&process, signal),
            }
        }
    }
}

struct Session<'a> {
    stream: &'a UnixStream,
    process: Arc<Process>,
    stdin: Stdin,
    outputs: [Output; 2],
    /// Which of the outputs goes first next time, so that neither can starve the other.
    turn: usize,
    /// One frame on its way to the client: what of `buffer` was not sent yet.
    buffer: Vec<u8>,
    pending: std::ops::Range<usize>,
    ended: Option<Ended>,
}

struct Output {
    kind: u8,
    fd: Option<OwnedFd>,
    /// After the end of the program: how much of its output may still be there. Others who hold the stream
    /// open and go on writing cannot keep the connection alive.
    rest: usize,
    ready: bool,
}

impl Session<'_> {
    fn new(stream: &UnixStream, started: Started) -> Session<'_> {
        let [stdout, stderr] = started.outputs;
        let output = |kind, fd| Output { kind, fd, rest: usize::MAX, ready: false };
        Session {
            stream,
            process: started.process,
            stdin: Stdin::new(started.stdin),
            outputs: [output(frames::STDOUT, stdout), output(frames::STDERR, stderr)],
            turn: 0,
            buffer: vec![0; HEAD + CHUNK],
            pending: 0..0,
            ended: None,
        }
    }

    fn relay(&mut self) -> io::Result<()> {
        loop {
            self.wait()?;
            self.stdin.pump()?;
            self.send()?;
            while self.pending.is_empty() && self.fill() {
                self.send()?;
            }
            if let (Some(ended), true, true) = (self.ended, self.pending.is_empty(), self.drained()) {
                return self.farewell(ended);
            }
        }
    }

    /// Waits for whatever can move on, and notes what is ready.
    fn wait(&mut self) -> io::Result<()> {
        let idle = self.pending.is_empty();
        let socket_events =
            if self.stdin.wants_more() { libc::POLLIN } else { 0 } | if idle { 0 } else { libc::POLLOUT };
        let mut fds = [
            sys::watch(self.stream.as_raw_fd(), socket_events),
            sys::watch(if self.ended.is_none() { self.process.event.as_raw_fd() } else { -1 }, libc::POLLIN),
            sys::watch(self.stdin.blocked_fd().unwrap_or(-1), libc::POLLOUT),
            sys::watch(self.outputs[0].fd(idle), libc::POLLIN),
            sys::watch(self.outputs[1].fd(idle), libc::POLLIN),
        ];
        sys::poll(&mut fds, -1)?;
        if fds[0].revents & (libc::POLLHUP | libc::POLLERR) != 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if fds[0].revents & libc::POLLIN != 0 {
            self.stdin.fill(self.stream.as_raw_fd())?;
        }
        self.outputs[0].ready |= fds[3].revents != 0;
        self.outputs[1].ready |= fds[4].revents != 0;
        if self.ended.is_none() && fds[1].revents != 0 {
            self.note_end();
        }
        Ok(())
    }

    fn note_end(&mut self) {
        self.ended = self.process.ended();
        self.stdin.discard();
        for output in &mut self.outputs {
            let fd = output.fd(true);
            output.rest = match self.process.terminal {
                Some(_) => TERMINAL_REST,
                None => sys::readable_bytes(fd),
            };
            output.ready = true;
        }
    }

    fn drained(&self) -> bool {
        self.outputs.iter().all(|output| output.fd.is_none() || output.rest == 0)
    }

    /// Makes the next frame out of what a program wrote; false when there is nothing now.
    fn fill(&mut self) -> bool {
        for _ in 0..2 {
            let output = &mut self.outputs[self.turn];
            self.turn = 1 - self.turn;
            let length = output.read(&mut self.buffer[HEAD..]);
            if length > 0 {
                self.buffer[..HEAD].copy_from_slice(&frames::head(output.kind, length));
                self.pending = 0..HEAD + length;
                return true;
            }
        }
        false
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match sys::write(self.stream.as_raw_fd(), &self.buffer[self.pending.clone()]) {
                Ok(count) => self.pending.start += count,
                Err(error) if sys::would_block(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn farewell(&mut self, ended: Ended) -> io::Result<()> {
        let frame = frames::frame(frames::EXIT, &ended.to_value());
        self.buffer[..frame.len()].copy_from_slice(&frame);
        self.pending = 0..frame.len();
        self.send()?;
        while !self.pending.is_empty() {
            let mut fds = [sys::watch(self.stream.as_raw_fd(), libc::POLLOUT)];
            sys::poll(&mut fds, -1)?;
            self.send()?;
        }
        self.linger();
        Ok(())
    }

    /// Closing at once would break the connection of a client that still sends, and with it what it has not read.
    fn linger(&mut self) {
        if self.stream.shutdown(std::net::Shutdown::Write).is_err() {
            return;
        }
        loop {
            let mut fds = [sys::watch(self.stream.as_raw_fd(), libc::POLLIN)];
            if sys::poll(&mut fds, LINGER_MS).is_err() || fds[0].revents == 0 {
                return;
            }
            match sys::read(self.stream.as_raw_fd(), &mut self.buffer) {
                Ok(count) if count > 0 => {}
                Err(error) if sys::would_block(&error) => {}
                _ => return,
            }
        }
    }
}

impl Output {
    fn fd(&self, wanted: bool) -> libc::c_int {
        match &self.fd {
            Some(fd) if wanted && self.rest > 0 => fd.as_raw_fd(),
            _ => -1,
        }
    }

    /// Zero when there is nothing now, or nothing any more.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let limit = buffer.len().min(self.rest);
        let fd = match &self.fd {
            Some(fd) if self.ready && limit > 0 => fd.as_raw_fd(),
            _ => return 0,
        };
        // A stream that gave less than asked is empty; the next turn waits for it.
        match sys::read(fd, &mut buffer[..limit]) {
            Ok(count) if count > 0 => {
                self.ready = count == limit || self.rest != usize::MAX;
                if self.rest != usize::MAX {
                    self.rest -= count;
                }
                return count;
            }
            Err(error) if sys::would_block(&error) => {
                self.ready = false;
                if self.rest != usize::MAX {
                    self.rest = 0;
                }
            }
            // The end, or EIO from a terminal that nobody has open any more.
            _ => self.fd = None,
        }
        0
    }
}

impl From<Input> for Flow {
    fn from(input: Input) -> Flow {
        match input {
            Input::Pipe(fd) => Flow::Pipe(fd),
            Input::Terminal(master) => Flow::Terminal(master),
        }
    }
}
