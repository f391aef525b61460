// Attributes of files: as SFTP has them, from what the system says, and set on files.
use super::extensions::EXACT;
use super::wire::{Answer, Packet, Status};
use crate::sys;
use std::ffi::CString;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::io::RawFd;
use std::path::Path;

pub const SIZE: u32 = 1;
pub const OWNER: u32 = 2;
pub const PERMISSIONS: u32 = 4;
pub const TIMES: u32 = 8;
pub const EXTENDED: u32 = 0x8000_0000;

const EXACT_BYTES: u32 = 8 + 8 + 4 + 8 + 3 * 12;

/// What a client asks to be set.
#[derive(Debug, Default, PartialEq)]
pub struct Attributes {
    pub size: Option<u64>,
    pub owner: Option<(u32, u32)>,
    pub permissions: Option<u32>,
    /// Of the last access and of the last change.
    pub times: Option<[Time; 2]>,
}

/// Seconds and nanoseconds, of which some values mean what utimensat(2) says.
pub type Time = (i64, u32);

/// Where to set them.
pub enum Subject<'a> {
    Path(&'a Path),
    /// Not what a symbolic link points to, but the link.
    Link(&'a Path),
    Open(RawFd),
}

pub fn read(packet: &mut Packet) -> Result<Attributes, Status> {
    let flags = packet.number()?;
    let mut attributes = Attributes::default();
    if flags & SIZE != 0 {
        attributes.size = Some(packet.long()?);
    }
    if flags & OWNER != 0 {
        attributes.owner = Some((packet.number()?, packet.number()?));
    }
    if flags & PERMISSIONS != 0 {
        attributes.permissions = Some(packet.number()? & 0o7777);
    }
    if flags & TIMES != 0 {
        let (accessed, modified) = (packet.number()?, packet.number()?);
        attributes.times = Some([(accessed.into(), 0), (modified.into(), 0)]);
    }
    if flags & EXTENDED != 0 {
        for _ in 0..packet.number()? {
            let (name, value) = (packet.text()?, packet.text()?);
            if name == EXACT.as_bytes() {
                let mut value = Packet::new(value);
                let accessed = (value.long()? as i64, value.number()?);
                attributes.times = Some([accessed, (value.long()? as i64, value.number()?)]);
            }
        }
    }
    Ok(attributes)
}

/// To an exact client also what the protocol has no fields for: in this order device, number, links, blocks, and the
/// times of the last access, of the last change and of the last change of these, each as seconds and nanoseconds.
pub fn write(metadata: &Metadata, answer: &mut Answer) {
    let exact = if answer.exact { EXTENDED } else { 0 };
    answer
        .number(SIZE | OWNER | PERMISSIONS | TIMES | exact)
        .long(metadata.size())
        .number(metadata.uid())
        .number(metadata.gid())
        .number(metadata.mode())
        .number(seconds(metadata.atime()))
        .number(seconds(metadata.mtime()));
    if answer.exact {
        answer.number(1).text(EXACT.as_bytes()).number(EXACT_BYTES);
        answer.long(metadata.dev()).long(metadata.ino()).number(metadata.nlink() as u32).long(metadata.blocks());
        let times = [
            (metadata.atime(), metadata.atime_nsec()),
            (metadata.mtime(), metadata.mtime_nsec()),
            (metadata.ctime(), metadata.ctime_nsec()),
        ];
        for (seconds, nanoseconds) in times {
            answer.long(seconds as u64).number(nanoseconds as u32);
        }
    }
}

/// For names whose file cannot be looked at.
pub fn write_none(answer: &mut Answer) {
    answer.number(0);
}

/// The protocol has 32 bits for a time; what lies outside becomes the nearest that fits.
fn seconds(time: i64) -> u32 {
    u32::try_from(time).unwrap_or(if time < 0 { 0 } else { u32::MAX })
}

/// Sets all that was asked for, even when some of it fails, and answers the first error.
pub fn set(subject: &Subject, attributes: &Attributes) -> io::Result<()> {
    let path = match subject {
        Subject::Path(path) | Subject::Link(path) => CString::new(path.as_os_str().as_bytes())?,
        Subject::Open(_) => CString::default(),
    };
    let size = attributes.size.map(|size| set_size(subject, &path, size));
    let permissions = attributes.permissions.map(|mode| set_permissions(subject, &path, mode));
    let times = attributes.times.map(|times| set_times(subject, &path, times));
    let owner = attributes.owner.map(|owner| set_owner(subject, &path, owner));
    [size, permissions, times, owner].into_iter().flatten().collect()
}

fn set_size(subject: &Subject, path: &CString, size: u64) -> io::Result<()> {
    let size = libc::off64_t::try_from(size).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: the path ends with a zero byte.
    done(unsafe {
        match subject {
            Subject::Path(_) => libc::truncate64(path.as_ptr(), size),
            Subject::Link(_) => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
            Subject::Open(fd) => libc::ftruncate64(*fd, size),
        }
    })
}

fn set_permissions(subject: &Subject, path: &CString, mode: u32) -> io::Result<()> {
    // SAFETY: the path ends with a zero byte.
    done(unsafe {
        match subject {
            Subject::Path(_) => libc::chmod(path.as_ptr(), mode),
            Subject::Link(_) => libc::fchmodat(libc::AT_FDCWD, path.as_ptr(), mode, libc::AT_SYMLINK_NOFOLLOW),
            Subject::Open(fd) => libc::fchmod(*fd, mode),
        }
    })
}

fn set_times(subject: &Subject, path: &CString, times: [Time; 2]) -> io::Result<()> {
    let time = |(seconds, nanoseconds): Time| libc::timespec {
        tv_sec: seconds as libc::time_t,
        tv_nsec: nanoseconds as libc::c_long,
    };
    let times = times.map(time);
    // SAFETY: the path ends with a zero byte, and there are two times.
    done(unsafe {
        match subject {
            Subject::Path(_) => libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), 0),
            Subject::Link(_) => {
                libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW)
            }
            Subject::Open(fd) => libc::futimens(*fd, times.as_ptr()),
        }
    })
}

fn set_owner(subject: &Subject, path: &CString, (user, group): (u32, u32)) -> io::Result<()> {
    // SAFETY: the path ends with a zero byte.
    done(unsafe {
        match subject {
            Subject::Path(_) => libc::chown(path.as_ptr(), user, group),
            Subject::Link(_) => libc::lchown(path.as_ptr(), user, group),
            Subject::Open(fd) => libc::fchown(*fd, user, group),
        }
    })
}

fn done(result: libc::c_int) -> io::Result<()> {
    sys::check(result).map(|_| ())
}
