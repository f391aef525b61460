// Names to addresses. The system's resolver may load libraries of the guest, so it runs in a process of its own.
use crate::failure::Failure;
use crate::processes::{Ended, Processes};
use crate::spawn::{self, Program, SpawnError, Stdio, Terminal};
use crate::sys;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::io::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

pub fn addresses(host: &str, processes: &Processes) -> Result<Vec<IpAddr>, Failure> {
    if let Some(known) = literal(host) {
        return Ok(known);
    }
    let unknown = || Failure::new("path-not-found", format!("no address is known for the host {:?}", host));
    if host.is_empty() || host.len() > 253 || host.starts_with('-') {
        return Err(unknown());
    }
    let found = ask(host, processes)?;
    if found.is_empty() {
        return Err(unknown());
    }
    Ok(found)
}

/// The mode in which this program resolves one name and prints the addresses.
pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let host = arguments.first().and_then(|host| host.to_str()).ok_or("usage: heyvm-guest resolve HOST")?;
    let found = (host, 0).to_socket_addrs().map_err(|error| format!("{}: {}", host, sys::describe(&error)))?;
    for address in found {
        println!("{}", address.ip());
    }
    Ok(())
}

fn literal(host: &str) -> Option<Vec<IpAddr>> {
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    match host.to_ascii_lowercase().as_str() {
        "localhost" | "localhost." | "ip6-localhost" => Some(loopback.to_vec()),
        // Clients that forward a wildcard listener mean this machine.
        "0.0.0.0" => Some(vec![loopback[0]]),
        "::" | "[::]" | "*" => Some(loopback.to_vec()),
        other => other.trim_start_matches('[').trim_end_matches(']').parse().ok().map(|address| vec![address]),
    }
}

fn ask(host: &str, processes: &Processes) -> Result<Vec<IpAddr>, Failure> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let broken = |error: std::io::Error| Failure::system("cannot look a name up", &error);
    let (answer, out) = sys::pipe().map_err(broken)?;
    let null = File::options().read(true).write(true).open("/dev/null").map_err(broken)?;
    let text = |text: &str| CString::new(text).map_err(|_| Failure::usage("a zero byte in a text"));
    let envp = std::env::vars_os().filter_map(|(name, value)| {
        let entry = [name.into_vec(), value.into_vec()].join(&b'=');
        CString::new(entry).ok()
    });
    let program = Program {
        candidates: vec![text("/proc/self/exe")?],
        argv: vec![text("heyvm-guest")?, text("resolve")?, text(host)?],
        envp: envp.collect(),
        cwd: text("/")?,
        identity: None,
    };
    let fds = [null.as_raw_fd(), out.as_raw_fd(), null.as_raw_fd()];
    let stdio = Stdio { fds, terminal: Terminal::None };
    // No client can choose this key, for keys of clients have no colon.
    let key = format!("resolve:{}", COUNTER.fetch_add(1, Ordering::Relaxed));
    let process = processes.start(&key, None, || {
        spawn::spawn(&program, &stdio).map_err(|error| match error {
            SpawnError::Fork(error) | SpawnError::Folder(error) | SpawnError::Execute(error) => broken(error),
        })
    })?;
    drop(out);
    let mut lines = String::new();
    File::from(answer).read_to_string(&mut lines).map_err(broken)?;
    sys::poll(&mut [sys::watch(process.event.as_raw_fd(), libc::POLLIN)], -1).map_err(broken)?;
    match process.ended() {
        Some(Ended::Exited(0)) => Ok(lines.lines().filter_map(|line| line.parse().ok()).collect()),
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_need_no_resolver() {
        let v4: IpAddr = "127.0.0.1".parse().unwrap();
        let v6: IpAddr = "::1".parse().unwrap();
        let table = [
            ("localhost", vec![v4, v6]),
            ("LocalHost", vec![v4, v6]),
            ("127.0.0.1", vec![v4]),
            ("::1", vec![v6]),
            ("[::1]", vec![v6]),
            ("0.0.0.0", vec![v4]),
        ];
        for (host, expected) in table {
            assert_eq!(literal(host), Some(expected), "{}", host);
        }
        assert_eq!(literal("example.org"), None);
    }
}
