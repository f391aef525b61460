// The journal of systemd lies in a folder named after the machine, and its service takes that name when it starts.
use crate::sys;
use std::fs;
use std::io;

const PROGRAM: &str = "systemd-journald";

/// Its manager starts it again at once and keeps what is written to it meanwhile; where there is none, nothing is done.
pub fn start_anew() -> io::Result<()> {
    let entries = fs::read_dir("/proc")?;
    for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<libc::pid_t>().ok()) {
        let program = fs::read_link(format!("/proc/{}/exe", pid)).unwrap_or_default();
        if program.ends_with(PROGRAM) && parent(pid) == Some(1) {
            // SAFETY: a signal to a process that is known to be the service.
            sys::check(unsafe { libc::kill(pid, libc::SIGTERM) })?;
        }
    }
    Ok(())
}

/// One inside of a container has another parent, and a name of its own.
fn parent(pid: libc::pid_t) -> Option<libc::pid_t> {
    parent_in(&fs::read_to_string(format!("/proc/{}/stat", pid)).ok()?)
}

/// Whoever named the program could have put anything between the brackets.
fn parent_in(stat: &str) -> Option<libc::pid_t> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("7 (a) b (c) S 1 7 7 0"), Some(1));
        assert_eq!(parent_in("7 (a"), None);
        let own = std::os::unix::process::parent_id() as libc::pid_t;
        assert_eq!(parent(std::process::id() as libc::pid_t), Some(own));
    }
}
