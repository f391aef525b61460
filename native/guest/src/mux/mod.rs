// The mux mode: many connections to the server inside over the one stream that reaches the guest.
mod channel;
mod frames;
mod session;
mod stream;

use crate::sys;
use crate::virtio;
pub use session::Line;
use std::ffi::OsString;
use std::io;
use std::os::unix::io::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
pub use stream::Stream;

const USAGE: &str = "usage: heyvm-guest mux (--stdio | --port NAME) --socket PATH";

/// A port sends a signal when somebody opens its other side. Should one be missed, it is looked at again after this.
const IDLE: Duration = Duration::from_secs(1);

/// Devices come up late.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a connection to the server inside; `None` when it has no room now.
pub type Connect<'a> = dyn Fn() -> io::Result<Option<OwnedFd>> + 'a;

pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let plan = parse(arguments).ok_or(USAGE)?;
    // SAFETY: this touches no memory of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let connect = || connect_to(&plan.socket);
    let outcome = match &plan.port {
        None => Stream::stdio().and_then(|stream| once(stream, &connect)),
        Some(name) => forever(name, &connect, &|| ()),
    };
    outcome.map_err(|error| format!("the line to the owner broke: {}", sys::describe(&error)))
}

/// Serves a stream until it ends.
fn once(stream: Stream, connect: &Connect) -> io::Result<()> {
    let mut line = Line::new(stream);
    while line.turn(connect)? {}
    line.complaint().map_or(Ok(()), |problem| Err(io::Error::new(io::ErrorKind::InvalidData, problem)))
}

/// Serves standard input and output beside everything else that this process does. Their numbers stay taken at the
/// end, because whatever was opened next would get them.
pub fn attached(connect: &Connect) {
    if let Ok(stream) = Stream::stdio() {
        let mut line = Line::new(stream);
        while let Ok(true) = line.turn(connect) {}
        line.lose();
        std::mem::forget(line);
    }
}

/// Serves a port of the machine, whoever opens its other side, as often as it is closed and opened again.
pub fn forever(name: &str, connect: &Connect, opened: &dyn Fn()) -> io::Result<()> {
    loop {
        let mut line = Line::new(Stream::port(virtio::open(name, PATIENCE)?)?);
        opened();
        loop {
            match line.turn(connect) {
                Ok(true) => {}
                Ok(false) => {
                    line.pause();
                    sys::await_sigio(IDLE);
                }
                // The device was unplugged; another one may come.
                Err(_) => break,
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn connect_to(path: &Path) -> io::Result<Option<OwnedFd>> {
    match sys::connect_unix(path) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if sys::would_block(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Debug, PartialEq)]
struct Plan {
    /// Standard input and output when there is none.
    port: Option<String>,
    socket: PathBuf,
}

fn parse(arguments: &[OsString]) -> Option<Plan> {
    let (port, rest) = match arguments {
        [flag, rest @ ..] if flag == "--stdio" => (None, rest),
        [flag, name, rest @ ..] if flag == "--port" => (Some(name.to_str()?.to_owned()), rest),
        _ => return None,
    };
    match rest {
        [flag, socket] if flag == "--socket" => Some(Plan { port, socket: socket.into() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_say_which_stream_and_which_socket() {
        let parsed = |words: &[&str]| parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(parsed(&["--stdio", "--socket", "/s"]), Some(Plan { port: None, socket: "/s".into() }));
        let port = Some("heyvm.0".to_owned());
        assert_eq!(parsed(&["--port", "heyvm.0", "--socket", "/s"]), Some(Plan { port, socket: "/s".into() }));
        for words in [&[][..], &["--stdio"], &["--socket", "/s"], &["--port", "--socket", "/s"], &["--stdio", "x"]] {
            assert_eq!(parsed(words), None, "{:?}", words);
        }
    }
}
