// The dial operation: a connection from inside to a port or socket inside.
use crate::failure::Failure;
use crate::header::Target;
use crate::processes::Processes;
use crate::resolve;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::io::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where a target may be; names are looked up with the rights of this program.
pub fn prepare(target: &Target, processes: &Processes) -> Result<Vec<IpAddr>, Failure> {
    match target {
        Target::Unix { .. } => Ok(Vec::new()),
        Target::Tcp { host, .. } => resolve::addresses(host, processes),
    }
}

pub fn connect(target: &Target, addresses: &[IpAddr]) -> Result<OwnedFd, Failure> {
    match target {
        Target::Unix { path } => {
            let stream = UnixStream::connect(path);
            stream.map(OwnedFd::from).map_err(|error| Failure::system(&format!("cannot connect to {}", path), &error))
        }
        Target::Tcp { host, port } => {
            let stream = first_answer(addresses, *port);
            stream.map(OwnedFd::from).map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => Failure::new("timeout", format!("{}:{} does not answer", host, port)),
                _ => Failure::system(&format!("cannot connect to {}:{}", host, port), &error),
            })
        }
    }
}

fn first_answer(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from_raw_os_error(libc::EHOSTUNREACH);
    for (index, address) in addresses.iter().enumerate() {
        match TcpStream::connect_timeout(&SocketAddr::new(*address, port), PATIENCE) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            // The first address is the one that people expect, so that its error is told.
            Err(error) if index == 0 => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}
