// The ssh server that a vendor's image brings along: machines that go on from one saved moment would all have its key.
use super::replace;
use super::request::HostKey;
use crate::sys;
use std::fs;
use std::io;
use std::path::Path;

const FOLDER: &str = "/etc/ssh";
const NAME: &str = "ssh_host_ed25519_key";
const PID_FILE: &str = "/run/sshd.pid";

/// Gives the server its key. One that runs with another key reads it anew, and keeps the sessions that it has.
pub fn identify_as(key: &HostKey) -> io::Result<()> {
    let folder = Path::new(FOLDER);
    if !folder.is_dir() {
        return Ok(());
    }
    let private = folder.join(NAME);
    let known = fs::read(&private).map_or(false, |known| known == key.private.as_bytes());
    replace(&folder.join(format!("{}.pub", NAME)), format!("{}\n", key.public).as_bytes(), 0o644)?;
    replace(&private, key.private.as_bytes(), 0o600)?;
    match running_server() {
        // SAFETY: a signal to a process that is known to be the server.
        Some(pid) if !known => sys::check(unsafe { libc::kill(pid, libc::SIGHUP) }).map(|_| ()),
        _ => Ok(()),
    }
}

/// A server that is only started for a connection reads its key then.
fn running_server() -> Option<libc::pid_t> {
    let pid: libc::pid_t = fs::read_to_string(PID_FILE).ok()?.trim().parse().ok()?;
    let program = fs::read_link(format!("/proc/{}/exe", pid)).ok()?;
    if pid > 1 && program.file_name()? == "sshd" {
        return Some(pid);
    }
    None
}
