// One connection: what it is for, and the operation that follows.
use crate::dial;
use crate::exec;
use crate::failure::Failure;
use crate::frames;
use crate::guest::{Control, Guest, Place};
use crate::header::{self, Header};
use crate::json::{object, Value};
use crate::machine::power;
use crate::ports;
use crate::pty;
use crate::reaper::Counted;
use crate::relay;
use crate::session;
use crate::setup;
use crate::sftp;
use crate::sys;
use std::io;
use std::os::unix::io::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Enough for everything that a connection does; the memory is only taken when it is used.
pub const STACK: usize = 256 * 1024;

/// How long a client may take to say what it wants.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);

/// A connection from within this process.
pub fn pair(guest: &Arc<Guest>) -> io::Result<OwnedFd> {
    let (near, far) = UnixStream::pair()?;
    dispatch(near, guest);
    Ok(far.into())
}

pub fn dispatch(stream: UnixStream, guest: &Arc<Guest>) {
    let spare = stream.try_clone();
    let shared = Arc::clone(guest);
    let started = thread::Builder::new().stack_size(STACK).spawn(move || serve(stream, &shared, Scope::All));
    // At the limit of processes no thread starts; signals must get through all the same.
    if let (Err(_), Ok(stream)) = (started, spare) {
        serve(stream, guest, Scope::Brief);
    }
}

/// Which operations may be done where the connection is served.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    All,
    /// Only what is done at once.
    Brief,
}

fn serve(stream: UnixStream, guest: &Arc<Guest>, scope: Scope) {
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
            if let Err(failure) = answer(&stream, header, guest, scope) {
                refuse(&stream, &failure);
            }
        }
        Err(failure) => refuse(&stream, &failure),
    }
}

fn answer(stream: &UnixStream, header: Header, guest: &Arc<Guest>, scope: Scope) -> Result<(), Failure> {
    let processes = &guest.processes;
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
        Header::Setup(_) | Header::Release | Header::Shutdown | Header::Share(_) if guest.control == Control::None => {
            return Err(Failure::new("policy-refused", "this guest belongs to whoever made it"));
        }
        _ if scope == Scope::Brief => {
            return Err(Failure::new("guest-failed", "the guest has as many processes as it may have"));
        }
        Header::Exec { key, request } => {
            let started = exec::start(&key, &request, guest)?;
            let _counted = Counted::new();
            let pid = Value::Number(f64::from(started.process.pid));
            reply(stream, &object(vec![("ok", Value::Bool(true)), ("pid", pid)]));
            session::run(stream, started, processes);
        }
        Header::Dial(target) => {
            let addresses = dial::prepare(&target, processes)?;
            become_user(&guest.place())?;
            let inside = dial::connect(&target, &addresses)?;
            accept(stream);
            // A broken connection is told to both sides by closing it.
            let _ = relay::run(stream, &inside);
        }
        Header::Sftp => {
            let place = guest.place();
            become_user(&place)?;
            accept(stream);
            sftp::serve(stream, &place);
        }
        Header::Setup(setup) => {
            setup::apply(guest, &setup)?;
            accept(stream);
        }
        Header::Release => match setup::release(guest) {
            Ok(()) => accept(stream),
            Err(busy) => reply(stream, &busy.to_value()),
        },
        Header::Share(tag) => {
            let served = stream.try_clone().map_err(|error| Failure::system("cannot take the share", &error))?;
            // From here on it is the guest that asks.
            accept(stream);
            guest.links.get(&tag).offer(served);
        }
        Header::Shutdown => {
            accept(stream);
            power::off(guest);
        }
    }
    Ok(())
}

/// For the rest of this connection, which has its thread for itself.
fn become_user(place: &Place) -> Result<(), Failure> {
    let identity = match place.identity() {
        Some(identity) => identity,
        None => return Ok(()),
    };
    identity.assume().map_err(|error| Failure::system("cannot become the user", &error))
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
