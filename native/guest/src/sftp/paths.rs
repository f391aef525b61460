// Operations that name a file by its path.
use super::attributes::{self, Subject};
use super::wire::{self, Answer, Packet, Status};
use super::Session;
use std::ffi::{CString, OsStr};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

impl Session {
    pub fn stat(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let metadata = std::fs::metadata(self.path(packet)?)?;
        attributes::write(&metadata, answer.kind(wire::ATTRS));
        Ok(())
    }

    pub fn lstat(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let metadata = std::fs::symlink_metadata(self.path(packet)?)?;
        attributes::write(&metadata, answer.kind(wire::ATTRS));
        Ok(())
    }

    pub fn setstat(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let path = self.path(packet)?;
        attributes::set(&Subject::Path(&path), &attributes::read(packet)?)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn remove(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        std::fs::remove_file(self.path(packet)?)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn mkdir(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let path = self.path(packet)?;
        let asked = attributes::read(packet)?;
        DirBuilder::new().mode(asked.permissions.unwrap_or(0o777)).create(path)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn rmdir(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        std::fs::remove_dir(self.path(packet)?)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn realpath(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let path = self.path(packet)?;
        self.name_one(&resolved(&path)?, answer);
        Ok(())
    }

    /// Never replaces what is there; that is what posix-rename is for.
    pub fn rename(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let (from, to) = (self.path(packet)?, self.path(packet)?);
        rename_without_replacing(&from, &to)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn readlink(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let target = std::fs::read_link(self.path(packet)?)?;
        self.name_one(&target, answer);
        Ok(())
    }

    /// The target comes first, as OpenSSH has it, against the letter of the protocol.
    pub fn symlink(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let target = OsStr::from_bytes(packet.text()?);
        let link = self.path(packet)?;
        std::os::unix::fs::symlink(target, link)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn name_one(&self, path: &Path, answer: &mut Answer) {
        let name = path.as_os_str().as_bytes();
        attributes::write_none(answer.kind(wire::NAME).number(1).text(name).text(name));
    }
}

/// Like realpath(3), except that the last part need not exist.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
            _ => Err(error),
        },
        result => result,
    }
}

fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    const NO_REPLACE: libc::c_uint = 1;
    let (source, target) = (CString::new(from.as_os_str().as_bytes())?, CString::new(to.as_os_str().as_bytes())?);
    // SAFETY: both paths end with a zero byte.
    let result = unsafe {
        let here = libc::AT_FDCWD;
        libc::syscall(libc::SYS_renameat2, here, source.as_ptr(), here, target.as_ptr(), NO_REPLACE)
    };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Some file systems do not know the flag.
        Some(libc::EINVAL | libc::ENOSYS) => match std::fs::symlink_metadata(to) {
            Ok(_) => Err(io::Error::from_raw_os_error(libc::EEXIST)),
            Err(_) => std::fs::rename(from, to),
        },
        _ => Err(error),
    }
}
