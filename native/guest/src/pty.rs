// Terminals: made inside the guest, so that programs find them under /dev/pts.
use crate::header::Size;
use crate::sys;
use std::io;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};

pub struct Pty {
    pub master: OwnedFd,
    pub slave: OwnedFd,
}

pub fn open(size: Size) -> io::Result<Pty> {
    // SAFETY: the new descriptor is owned by nobody else.
    let master = unsafe {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        OwnedFd::from_raw_fd(sys::check(libc::posix_openpt(flags))?)
    };
    // SAFETY: the name is written into a buffer of the given size; the new descriptor is owned by nobody else.
    let slave = unsafe {
        sys::check(libc::unlockpt(master.as_raw_fd()))?;
        let mut name = [0; 64];
        if libc::ptsname_r(master.as_raw_fd(), name.as_mut_ptr(), name.len()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        OwnedFd::from_raw_fd(sys::check(libc::open(name.as_ptr(), flags))?)
    };
    resize(&master, size)?;
    expect_utf8(&slave)?;
    Ok(Pty { master, slave })
}

pub fn resize(master: &OwnedFd, size: Size) -> io::Result<()> {
    let size = libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCSWINSZ reads one winsize.
    sys::check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ as _, &size) }).map(|_| ())
}

/// What typed input must be followed by to be an end of file: the first one only sends an unfinished line.
pub fn end_of_file(master: &OwnedFd, last_byte: Option<u8>) -> Vec<u8> {
    let Settings { end, by_lines } = match settings(master) {
        Ok(settings) => settings,
        Err(_) => Settings { end: 4, by_lines: true },
    };
    let unfinished = by_lines && !matches!(last_byte, None | Some(b'\n' | b'\r'));
    vec![end; if unfinished { 2 } else { 1 }]
}

struct Settings {
    end: u8,
    by_lines: bool,
}

fn settings(terminal: &OwnedFd) -> io::Result<Settings> {
    let modes = modes(terminal)?;
    Ok(Settings { end: modes.c_cc[libc::VEOF], by_lines: modes.c_lflag & libc::ICANON != 0 })
}

/// With this, erasing a character in a line removes all its bytes.
fn expect_utf8(terminal: &OwnedFd) -> io::Result<()> {
    let mut modes = modes(terminal)?;
    modes.c_iflag |= libc::IUTF8;
    // SAFETY: tcsetattr reads one termios.
    sys::check(unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &modes) }).map(|_| ())
}

fn modes(terminal: &OwnedFd) -> io::Result<libc::termios> {
    // SAFETY: tcgetattr fills the termios; it is read only when that succeeded.
    unsafe {
        let mut modes = std::mem::zeroed();
        sys::check(libc::tcgetattr(terminal.as_raw_fd(), &mut modes))?;
        Ok(modes)
    }
}
