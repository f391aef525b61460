// The serve mode: accepts connections inside the guest, each of which is for one operation.
use crate::connection;
use crate::guest::{Control, Guest};
use crate::launch;
use crate::mux;
use crate::processes;
use crate::reaper;
use crate::sys;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::io::{FromRawFd, IntoRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const USAGE: &str = "usage: heyvm-guest serve (--fd N [--lifeline N] | --socket PATH) [--mux]";

pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let plan = parse(arguments).ok_or(USAGE)?;
    let broken = |error: io::Error| format!("cannot serve: {}", sys::describe(&error));
    let fd = match &plan.listener {
        Listener::Inherited(fd) => *fd,
        Listener::Own(path) => listen(path)?,
    };
    harden(Privileges::Never).map_err(broken)?;
    check_listening(fd)?;
    processes::block_signals().map_err(broken)?;
    // SAFETY: the descriptor was given to this process for this purpose alone, or was made for it.
    let listener = unsafe { UnixListener::from_raw_fd(fd) };
    let guest = Arc::new(Guest::new(Control::None));
    reaper::start(Arc::clone(&guest), || std::process::exit(0)).map_err(broken)?;
    if let Some(lifeline) = plan.lifeline {
        follow(lifeline).map_err(broken)?;
    }
    if plan.mux {
        start_mux(Arc::clone(&guest)).map_err(broken)?;
    }
    loop {
        match listener.accept() {
            Ok((stream, _)) => connection::dispatch(stream, &guest),
            // Out of descriptors or memory: connections wait in the queue until something has ended.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(broken(error)),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Plan {
    listener: Listener,
    /// Its other end is held by the owner alone.
    lifeline: Option<RawFd>,
    /// Standard input and output carry connections as well.
    mux: bool,
}

#[derive(Debug, PartialEq)]
enum Listener {
    Inherited(RawFd),
    Own(PathBuf),
}

fn parse(arguments: &[OsString]) -> Option<Plan> {
    let number = |text: &OsString| text.to_str()?.parse::<RawFd>().ok();
    let (mux, arguments) = match arguments {
        [rest @ .., flag] if flag == "--mux" => (true, rest),
        _ => (false, arguments),
    };
    let (fd, lifeline) = match arguments {
        [flag, path] if flag == "--socket" => {
            return Some(Plan { listener: Listener::Own(path.into()), lifeline: None, mux });
        }
        [flag, fd] if flag == "--fd" => (fd, None),
        [flag, fd, other, lifeline] if flag == "--fd" && other == "--lifeline" => (fd, Some(number(lifeline)?)),
        _ => return None,
    };
    let fd = number(fd).filter(|fd| *fd > 2)?;
    Some(Plan { listener: Listener::Inherited(fd), lifeline: lifeline.filter(|lifeline| *lifeline >= 0), mux })
}

fn listen(path: &Path) -> Result<RawFd, String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {}", folder.display(), sys::describe(&error)))?;
    }
    launch::bind(path).map_err(|error| format!("cannot listen on {}: {}", path.display(), sys::describe(&error)))
}

/// Ends this process, and with it the guest, when the owner is gone. Signals on a parent's death do not reach a guest
/// whose owner dies while the guest is still being made.
fn follow(lifeline: RawFd) -> io::Result<()> {
    let work = move || {
        let mut byte = [0];
        // Nothing is ever written to it, so that whatever is read here means that it was closed.
        let _ = sys::read(lifeline, &mut byte);
        std::process::exit(1);
    };
    thread::Builder::new().stack_size(connection::STACK).spawn(work).map(|_| ())
}

/// Whether programs may get more rights than this one, by the mode of their files.
#[derive(Clone, Copy, PartialEq)]
pub enum Privileges {
    Never,
    AsUsual,
}

/// Keeps the programs of the guest away from this process and from its descriptors.
pub fn harden(privileges: Privileges) -> io::Result<()> {
    for target in 0..3 {
        // SAFETY: fcntl touches no memory.
        if unsafe { libc::fcntl(target, libc::F_GETFD) } < 0 {
            // The lowest free number is taken, so that this fills the gap and stays open on purpose.
            let _ = File::options().read(true).write(true).open("/dev/null")?.into_raw_fd();
        }
    }
    // SAFETY: these calls touch no memory of ours.
    unsafe {
        if privileges == Privileges::Never {
            sys::check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        }
        sys::check(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))?;
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    sys::close_range(3, u32::MAX, sys::CLOSE_ON_EXEC)
}

/// Serves whoever is attached to this process, until the engine that attaches them closes the input.
fn start_mux(guest: Arc<Guest>) -> io::Result<()> {
    let work = move || mux::attached(&|| connection::pair(&guest).map(Some));
    thread::Builder::new().stack_size(connection::STACK).spawn(work).map(|_| ())
}

fn check_listening(fd: RawFd) -> Result<(), String> {
    let mut listening: libc::c_int = 0;
    let mut length = std::mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: getsockopt writes one int, whose size it is told.
    let result = unsafe {
        let value = (&mut listening as *mut libc::c_int).cast();
        sys::check(libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, value, &mut length))
    };
    match result {
        Ok(_) if listening == 1 => Ok(()),
        _ => Err(format!("descriptor {} is no listening socket", fd)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Option<Plan> {
        parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_descriptors_are_numbers_beyond_the_standard_ones() {
        let inherited = |lifeline| Some(Plan { listener: Listener::Inherited(6), lifeline, mux: false });
        assert_eq!(parsed(&["--fd", "6"]), inherited(None));
        assert_eq!(parsed(&["--fd", "6", "--lifeline", "0"]), inherited(Some(0)));
        let own = |mux| Some(Plan { listener: Listener::Own("/s".into()), lifeline: None, mux });
        assert_eq!(parsed(&["--socket", "/s"]), own(false));
        assert_eq!(parsed(&["--socket", "/s", "--mux"]), own(true));
        for arguments in [
            &["--socket"][..],
            &["--fd"],
            &["--fd", "2"],
            &["--fd", "x"],
            &["--fd", "6", "--lifeline"],
            &["--fd", "6", "--lifeline", "x"],
        ] {
            assert_eq!(parsed(arguments), None, "{:?}", arguments);
        }
    }
}
