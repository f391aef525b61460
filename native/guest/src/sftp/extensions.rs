// The extensions that OpenSSH's clients and sshfs ask for.
use super::attributes::{self, Subject};
use super::files::MAX_DATA;
use super::longname::home_of;
use super::paths::resolved;
use super::wire::{self, Answer, Packet, Status};
use super::{Session, MAX_PACKET};
use crate::sys;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::AsRawFd;
use std::path::PathBuf;

const PROTOCOL: u32 = 3;

/// Ours, for a client that names it in its greeting and shows the files as if they were its own: attributes carry all
/// that the system knows of a file, the times that it sets have nanoseconds, and errors say the system's number.
pub const EXACT: &str = "exact@heyvm";

const EXTENSIONS: [(&str, &str); 9] = [
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("hardlink@openssh.com", "1"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
    (EXACT, "1"),
];

pub fn greet(packet: &mut Packet, answer: &mut Answer) {
    while let (Ok(name), Ok(_)) = (packet.text(), packet.text()) {
        answer.exact |= name == EXACT.as_bytes();
    }
    answer.kind(wire::VERSION).number(PROTOCOL);
    for (name, version) in EXTENSIONS {
        answer.text(name.as_bytes()).text(version.as_bytes());
    }
}

impl Session {
    pub fn extended(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        match packet.text()? {
            b"posix-rename@openssh.com" => std::fs::rename(self.path(packet)?, self.path(packet)?)?,
            b"hardlink@openssh.com" => std::fs::hard_link(self.path(packet)?, self.path(packet)?)?,
            b"fsync@openssh.com" => self.handles.file(packet.text()?)?.sync_all()?,
            b"lsetstat@openssh.com" => {
                let path = self.path(packet)?;
                attributes::set(&Subject::Link(&path), &attributes::read(packet)?)?;
            }
            b"statvfs@openssh.com" => {
                let path = CString::new(self.path(packet)?.as_os_str().as_bytes()).map_err(io::Error::from)?;
                // SAFETY: the path ends with a zero byte, and the call fills what it is given.
                return statvfs(answer, |into| unsafe { libc::statvfs64(path.as_ptr(), into) });
            }
            b"fstatvfs@openssh.com" => {
                let fd = self.handles.file(packet.text()?)?.as_raw_fd();
                // SAFETY: the call fills what it is given.
                return statvfs(answer, |into| unsafe { libc::fstatvfs64(fd, into) });
            }
            b"limits@openssh.com" => {
                let limits = [MAX_PACKET, MAX_DATA, MAX_DATA, self.handles.most()];
                answer.kind(wire::EXTENDED_REPLY);
                for limit in limits {
                    answer.long(limit as u64);
                }
                return Ok(());
            }
            b"expand-path@openssh.com" => {
                let path = self.expanded(packet.text()?)?;
                self.name_one(&resolved(&path)?, answer);
                return Ok(());
            }
            _ => return Err(Status::unsupported()),
        }
        answer.status(&Status::ok());
        Ok(())
    }

    /// `~` and `~user` as a shell understands them.
    fn expanded(&self, text: &[u8]) -> Result<PathBuf, Status> {
        let tilde = match text.strip_prefix(b"~") {
            Some(rest) => rest,
            None => return Ok(self.start.join(OsStr::from_bytes(text))),
        };
        let end = tilde.iter().position(|byte| *byte == b'/').unwrap_or(tilde.len());
        let (user, rest) = tilde.split_at(end);
        let home = match user {
            b"" => self.home.clone(),
            user => home_of(user).map(PathBuf::from).ok_or_else(|| Status::failure("no such user"))?,
        };
        let rest = OsStr::from_bytes(rest.strip_prefix(b"/").unwrap_or(rest));
        Ok(if rest.is_empty() { home } else { home.join(rest) })
    }
}

fn statvfs(answer: &mut Answer, ask: impl FnOnce(*mut libc::statvfs64) -> libc::c_int) -> Result<(), Status> {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut found: libc::statvfs64 = unsafe { std::mem::zeroed() };
    sys::check(ask(&mut found))?;
    const READ_ONLY: u64 = 1;
    const NO_SETUID: u64 = 2;
    let has = |flag: libc::c_ulong, bit: u64| if found.f_flag & flag != 0 { bit } else { 0 };
    answer.kind(wire::EXTENDED_REPLY);
    let fields = [
        found.f_bsize as u64,
        found.f_frsize as u64,
        found.f_blocks as u64,
        found.f_bfree as u64,
        found.f_bavail as u64,
        found.f_files as u64,
        found.f_ffree as u64,
        found.f_favail as u64,
        found.f_fsid as u64,
        has(libc::ST_RDONLY, READ_ONLY) | has(libc::ST_NOSUID, NO_SETUID),
        found.f_namemax as u64,
    ];
    for field in fields {
        answer.long(field);
    }
    Ok(())
}
