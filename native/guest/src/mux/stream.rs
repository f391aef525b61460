// The one stream to the owner: standard input and output, or a port of the machine.
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub struct Stream {
    input: OwnedFd,
    /// Missing where the same descriptor does both.
    output: Option<OwnedFd>,
}

impl Stream {
    pub fn stdio() -> io::Result<Stream> {
        // SAFETY: this mode uses standard input and output for nothing else.
        let (input, output) = unsafe { (OwnedFd::from_raw_fd(0), OwnedFd::from_raw_fd(1)) };
        Stream::new(input, Some(output))
    }

    /// Its thread is the one that waits for the owner.
    pub fn port(fd: OwnedFd) -> io::Result<Stream> {
        let stream = Stream::new(fd, None)?;
        sys::expect_sigio(stream.input())?;
        Ok(stream)
    }

    fn new(input: OwnedFd, output: Option<OwnedFd>) -> io::Result<Stream> {
        let stream = Stream { input, output };
        sys::set_nonblocking(stream.input())?;
        sys::set_nonblocking(stream.output())?;
        Ok(stream)
    }

    pub fn input(&self) -> RawFd {
        self.input.as_raw_fd()
    }

    pub fn output(&self) -> RawFd {
        self.output.as_ref().unwrap_or(&self.input).as_raw_fd()
    }
}
