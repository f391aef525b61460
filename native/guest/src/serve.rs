// The serve mode: accepts connections inside the guest and answers one operation on each.
use crate::dial;
use crate::exec;
use crate::failure::Failure;
use crate::frames;
use crate::header::{self, Header};
use crate::json::{object, Value};
use crate::mux;
use crate::ports;
use crate::processes::{self, Processes};
use crate::pty;
use crate::relay;
use crate::session;
use crate::sftp;
use crate::sys;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::io::{FromRawFd, IntoRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Enough for everything that a connection does; the memory is only taken when it is used.
const STACK: usize = 256 * 1024;

/// How long a client may take to say what it wants.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);

pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let plan = parse(arguments).ok_or("usage: heyvm-guest serve --fd N [--lifeline N] [--mux]")?;
    let fd = plan.fd;
    let broken = |error: io::Error| format!("cannot serve: {}", sys::describe(&error));
    harden().map_err(broken)?;
    check_listening(fd)?;
    processes::block_signals().map_err(broken)?;
    // SAFETY: the descriptor was given to this process for this purpose alone.
    let listener = unsafe { UnixListener::from_raw_fd(fd) };
    let processes = Arc::new(Processes::default());
    start_reaper(Arc::clone(&processes)).map_err(broken)?;
    if let Some(lifeline) = plan.lifeline {
        follow(lifeline).map_err(broken)?;
    }
    if plan.mux {
        start_mux(Arc::clone(&processes)).map_err(broken)?;
    }
    loop {
        match listener.accept() {
            Ok((stream, _)) => dispatch(stream, &processes),
            // Out of descriptors or memory: connections wait in the queue until something has ended.
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(broken(error)),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Plan {
    fd: RawFd,
    /// Its other end is held by the owner alone.
    lifeline: Option<RawFd>,
    /// Standard input and output carry connections as well.
    mux: bool,
}

fn parse(arguments: &[OsString]) -> Option<Plan> {
    let number = |text: &OsString| text.to_str()?.parse::<RawFd>().ok();
    let (mux, arguments) = match arguments {
        [rest @ .., flag] if flag == "--mux" => (true, rest),
        _ => (false, arguments),
    };
    let (fd, lifeline) = match arguments {
        [flag, fd] if flag == "--fd" => (fd, None),
        [flag, fd, other, lifeline] if flag == "--fd" && other == "--lifeline" => (fd, Some(number(lifeline)?)),
        _ => return None,
    };
    let fd = number(fd).filter(|fd| *fd > 2)?;
    Some(Plan { fd, lifeline: lifeline.filter(|lifeline| *lifeline >= 0), mux })
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
    thread::Builder::new().stack_size(STACK).spawn(work).map(|_| ())
}

/// Keeps the programs of the guest away from this process and from its descriptors.
fn harden() -> io::Result<()> {
    for target in 0..3 {
        // SAFETY: fcntl touches no memory.
        if unsafe { libc::fcntl(target, libc::F_GETFD) } < 0 {
            // The lowest free number is taken, so that this fills the gap and stays open on purpose.
            let _ = File::options().read(true).write(true).open("/dev/null")?.into_raw_fd();
        }
    }
    // SAFETY: these calls touch no memory of ours.
    unsafe {
        sys::check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        sys::check(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))?;
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
    sys::close_range(3, u32::MAX, sys::CLOSE_ON_EXEC)
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

/// One thread takes the signals: ended programs are reaped, and a request to stop is passed on to all of them.
fn start_reaper(processes: Arc<Processes>) -> io::Result<()> {
    static STOPPING: AtomicBool = AtomicBool::new(false);
    let work = move || loop {
        if processes::next_signal() == libc::SIGTERM {
            STOPPING.store(true, Ordering::Relaxed);
            for signal in [libc::SIGHUP, libc::SIGTERM, libc::SIGCONT] {
                processes.signal_all(signal);
            }
        }
        processes.reap();
        if STOPPING.load(Ordering::Relaxed) && processes.is_empty() {
            let_clients_know();
            std::process::exit(0);
        }
    };
    thread::Builder::new().stack_size(STACK).spawn(work).map(|_| ())
}

/// Programs whose client has not got the exit yet.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);

/// Gives those who relay an ended program a moment to say so; one whose client does not read is not waited for.
fn let_clients_know() {
    let patience = Instant::now() + Duration::from_secs(1);
    while SESSIONS.load(Ordering::Relaxed) > 0 && Instant::now() < patience {
        thread::sleep(Duration::from_millis(2));
    }
}

/// Serves whoever is attached to this process, until the engine that attaches them closes the input.
fn start_mux(processes: Arc<Processes>) -> io::Result<()> {
    let work = move || {
        let connect = || {
            let (inside, ours) = UnixStream::pair()?;
            dispatch(inside, &processes);
            Ok(Some(ours.into()))
        };
        mux::attached(&connect);
    };
    thread::Builder::new().stack_size(STACK).spawn(work).map(|_| ())
}

fn dispatch(stream: UnixStream, processes: &Arc<Processes>) {
    let spare = stream.try_clone();
    let shared = Arc::clone(processes);
    let started = thread::Builder::new().stack_size(STACK).spawn(move || serve(stream, &shared, Scope::All));
    // At the limit of processes no thread starts; signals must get through all the same.
    if let (Err(_), Ok(stream)) = (started, spare) {
        serve(stream, processes, Scope::Brief);
    }
}

/// Which operations may be done where the connection is served.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    All,
    /// Only what is done at once.
    Brief,
}

fn serve(stream: UnixStream, processes: &Processes, scope: Scope) {
    let patience = if scope == Scope::All { HEADER_PATIENCE } else { Duration::from_secs(1) };
    if stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(patience))).is_err() {
        return;
    }
    let bytes = match frames::read_header(&stream) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return,
        Err(error) => return refuse(&stream, &Failure::usage(sys::describe(&error))),
    };
    if stream.set_read_timeout(None).is_err() {
        return;
    }
    match header::parse(&bytes) {
        Ok(header) => {
            if let Err(failure) = answer(&stream, header, processes, scope) {
                refuse(&stream, &failure);
            }
        }
        Err(failure) => refuse(&stream, &failure),
    }
}

fn answer(stream: &UnixStream, header: Header, processes: &Processes, scope: Scope) -> Result<(), Failure> {
    match header {
        Header::Ping => reply(stream, &object(vec![("ok", Value::Bool(true))])),
        Header::Ports => reply(stream, &ports::listening()),
        Header::Signal { key, signal } => {
            processes.signal(&*processes.find(&key)?, signal);
            accept(stream);
        }
        Header::Resize { key, size } => {
            if let Some(terminal) = &processes.find(&key)?.terminal {
                pty::resize(terminal, size).map_err(|error| Failure::system("cannot resize the terminal", &error))?;
            }
            accept(stream);
        }
        _ if scope == Scope::Brief => {
            return Err(Failure::new("guest-failed", "the guest has as many processes as it may have"));
        }
        Header::Exec { key, request } => {
            let started = exec::start(&key, &request, processes)?;
            SESSIONS.fetch_add(1, Ordering::Relaxed);
            let pid = Value::Number(f64::from(started.process.pid));
            reply(stream, &object(vec![("ok", Value::Bool(true)), ("pid", pid)]));
            session::run(stream, started, processes);
            SESSIONS.fetch_sub(1, Ordering::Relaxed);
        }
        Header::Dial(target) => {
            let inside = dial::connect(&target, processes)?;
            accept(stream);
            // A broken connection is told to both sides by closing it.
            let _ = relay::run(stream, &inside);
        }
        Header::Sftp => {
            accept(stream);
            sftp::serve(stream);
        }
    }
    Ok(())
}

fn accept(stream: &UnixStream) {
    reply(stream, &object(vec![("ok", Value::Bool(true))]));
}

fn refuse(stream: &UnixStream, failure: &Failure) {
    reply(stream, &failure.to_value());
}

/// A client that is gone is found out by whoever reads from it next.
fn reply(stream: &UnixStream, value: &Value) {
    let _ = frames::write_reply(stream, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Option<Plan> {
        parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_descriptors_are_numbers_beyond_the_standard_ones() {
        assert_eq!(parsed(&["--fd", "6"]), Some(Plan { fd: 6, lifeline: None, mux: false }));
        assert_eq!(parsed(&["--fd", "6", "--lifeline", "0"]), Some(Plan { fd: 6, lifeline: Some(0), mux: false }));
        assert_eq!(parsed(&["--fd", "6", "--mux"]), Some(Plan { fd: 6, lifeline: None, mux: true }));
        for arguments in [
            &["--fd"][..],
            &["--fd", "2"],
            &["--fd", "x"],
            &["--fd", "6", "--lifeline"],
            &["--fd", "6", "--lifeline", "x"],
        ] {
            assert_eq!(parsed(arguments), None, "{:?}", arguments);
        }
    }
}
