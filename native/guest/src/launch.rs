// The launch mode: prepares a process on the host (socket, cgroups, limits, lifetime) and becomes the program.
use crate::filter;
use crate::rlimits::{self, Limit};
use crate::sys;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::io::{IntoRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let plan = parse(arguments)?;
    if let Some(parent) = &plan.parent {
        die_with(parent)?;
    }
    let listener = match (&plan.listen, plan.listen_fd) {
        (Some(path), Some(fd)) => Some(listen(path, fd)?),
        (None, None) => None,
        _ => return Err("--listen and --listen-fd go together".to_owned()),
    };
    for folder in &plan.cgroups {
        join_cgroup(folder)?;
    }
    for limit in &plan.limits {
        rlimits::apply(limit)?;
    }
    if let Some(keep) = plan.keep {
        close_others(keep.into_iter().chain(listener).collect())?;
    }
    if let Some(path) = &plan.filter {
        filter::apply(path)?;
    }
    let (name, rest) = plan.program.split_first().ok_or("no program after --")?;
    let error = std::process::Command::new(name).args(rest).exec();
    Err(format!("cannot run {}: {}", name.to_string_lossy(), sys::describe(&error)))
}

#[derive(Debug, Default, PartialEq)]
struct Plan {
    listen: Option<PathBuf>,
    listen_fd: Option<RawFd>,
    cgroups: Vec<PathBuf>,
    limits: Vec<Limit>,
    parent: Option<Parent>,
    keep: Option<Vec<RawFd>>,
    filter: Option<PathBuf>,
    program: Vec<OsString>,
}

#[derive(Debug, PartialEq)]
enum Parent {
    /// Whoever started this process.
    Any,
    /// This one; when it is gone already, nothing is started.
    Process(libc::pid_t),
}

fn parse(arguments: &[OsString]) -> Result<Plan, String> {
    let mut plan = Plan::default();
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{} needs a value", flag.to_string_lossy()));
        match flag.to_str() {
            Some("--listen") => plan.listen = Some(value()?.into()),
            Some("--listen-fd") => plan.listen_fd = Some(number(value()?)?),
            Some("--cgroup") => plan.cgroups.push(value()?.into()),
            Some("--rlimit") => plan.limits.push(rlimits::parse(&value()?.to_string_lossy())?),
            Some("--die-with-parent") => plan.parent = Some(Parent::Any),
            Some("--keep-fds") => plan.keep = Some(numbers(value()?)?),
            Some("--filter") => plan.filter = Some(value()?.into()),
            Some("--") => {
                plan.program = rest.cloned().collect();
                return Ok(plan);
            }
            Some(other) if other.starts_with("--die-with-parent=") => {
                let (_, pid) = other.split_once('=').unwrap_or_default();
                plan.parent = Some(Parent::Process(number(OsStr::new(pid))?));
            }
            _ => return Err(format!("unknown option {}", flag.to_string_lossy())),
        }
    }
    Err("no program after --".to_owned())
}

fn number(text: &OsStr) -> Result<i32, String> {
    let parsed = text.to_str().and_then(|text| text.parse().ok()).filter(|number| *number >= 0);
    parsed.ok_or_else(|| format!("{} is no number", text.to_string_lossy()))
}

fn numbers(text: &OsStr) -> Result<Vec<RawFd>, String> {
    text.as_bytes()
        .split(|byte| *byte == b',')
        .filter(|part| !part.is_empty())
        .map(|part| number(OsStr::from_bytes(part)))
        .collect()
}

fn die_with(parent: &Parent) -> Result<(), String> {
    // SAFETY: these calls touch no memory.
    let before = unsafe { libc::getppid() };
    let expected = match parent {
        Parent::Any => before,
        Parent::Process(pid) => *pid,
    };
    let result = sys::check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) });
    result.map_err(|error| format!("cannot follow the parent: {}", sys::describe(&error)))?;
    // A parent that ended before the call above sends no signal any more.
    if unsafe { libc::getppid() } != expected {
        return Err("the parent has ended".to_owned());
    }
    Ok(())
}

fn listen(path: &Path, fd: RawFd) -> Result<RawFd, String> {
    let broken = |error: io::Error| format!("cannot listen on {}: {}", path.display(), sys::describe(&error));
    let made = bind(path).map_err(broken)?;
    // SAFETY: `made` is owned here; whatever was at `fd` before gives way.
    unsafe {
        if made == fd {
            sys::check(libc::fcntl(fd, libc::F_SETFD, 0)).map_err(broken)?;
        } else {
            sys::check(libc::dup2(made, fd)).map_err(broken)?;
            libc::close(made);
        }
    }
    Ok(fd)
}

/// A socket that only its owner can connect to; one that nobody listens on any more gives way.
pub fn bind(path: &Path) -> io::Result<RawFd> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else is there")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // The mode is right from the first moment on, because the umask takes everything from all others.
    // SAFETY: umask touches no memory, and this process has one thread.
    let umask = unsafe { libc::umask(0o177) };
    let listener = UnixListener::bind(path);
    unsafe { libc::umask(umask) };
    let made = listener?.into_raw_fd();
    // SAFETY: the descriptor was made just now.
    sys::check(unsafe { libc::listen(made, 1024) })?;
    Ok(made)
}

fn join_cgroup(folder: &Path) -> Result<(), String> {
    let file = folder.join("cgroup.procs");
    std::fs::write(&file, std::process::id().to_string())
        .map_err(|error| format!("cannot join {}: {}", folder.display(), sys::describe(&error)))
}

fn close_others(mut keep: Vec<RawFd>) -> Result<(), String> {
    keep.sort_unstable();
    keep.dedup();
    let mut first = 3;
    for fd in keep.into_iter().map(|fd| fd as u32).filter(|fd| *fd > 2) {
        if fd > first {
            close(first, fd - 1)?;
        }
        first = fd + 1;
    }
    close(first, u32::MAX)
}

fn close(first: u32, last: u32) -> Result<(), String> {
    sys::close_range(first, last, 0).map_err(|error| format!("cannot close descriptors: {}", sys::describe(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Plan, String> {
        parse(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_understood() {
        let plan = parsed(&[
            "--listen",
            "/s",
            "--listen-fd",
            "9",
            "--cgroup",
            "/a",
            "--cgroup",
            "/b",
            "--rlimit",
            "CORE=0",
            "--die-with-parent=7",
            "--keep-fds",
            "5,6",
            "--filter",
            "/f",
            "--",
            "bwrap",
            "--listen",
            "x",
        ]);
        let plan = plan.unwrap();
        assert_eq!(plan.listen, Some("/s".into()));
        assert_eq!(plan.listen_fd, Some(9));
        assert_eq!(plan.cgroups, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(plan.limits, [rlimits::parse("CORE=0").unwrap()]);
        assert_eq!(plan.parent, Some(Parent::Process(7)));
        assert_eq!(plan.keep, Some(vec![5, 6]));
        assert_eq!(plan.filter, Some("/f".into()));
        assert_eq!(plan.program, ["bwrap", "--listen", "x"]);
        assert_eq!(parsed(&["--die-with-parent", "--", "x"]).unwrap().parent, Some(Parent::Any));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let table: [(&[&str], &str); 6] = [
            (&[], "no program"),
            (&["--listen"], "--listen needs a value"),
            (&["--quick", "--", "x"], "unknown option --quick"),
            (&["--listen-fd", "x", "--", "x"], "x is no number"),
            (&["--keep-fds", "1,-2", "--", "x"], "-2 is no number"),
            (&["--rlimit", "X=1", "--", "x"], "unknown limit"),
        ];
        for (arguments, expected) in table {
            let problem = parsed(arguments).unwrap_err();
            assert!(problem.contains(expected), "{:?}: {}", arguments, problem);
        }
    }
}
