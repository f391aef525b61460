// Open files: open, read, write, attributes, close.
use super::attributes::{self, Subject};
use super::handles::Handle;
use super::wire::{self, Answer, Packet, Status};
use super::{Reach, Session, MAX_PACKET};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::io::AsRawFd;

const FLAG_READ: u32 = 0x01;
const FLAG_WRITE: u32 = 0x02;
const FLAG_APPEND: u32 = 0x04;
const FLAG_CREATE: u32 = 0x08;
const FLAG_TRUNCATE: u32 = 0x10;
const FLAG_EXCLUSIVE: u32 = 0x20;

/// The largest piece of a file in one packet, leaving room for what is around it.
pub const MAX_DATA: usize = MAX_PACKET - 1024;

impl Session {
    pub fn open(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let path = self.path(packet)?;
        let flags = packet.number()?;
        let asked = attributes::read(packet)?;
        let has = |flag: u32| flags & flag != 0;
        let create = has(FLAG_CREATE);
        let file = OpenOptions::new()
            .read(has(FLAG_READ) || !has(FLAG_WRITE | FLAG_APPEND))
            .write(has(FLAG_WRITE))
            .append(has(FLAG_APPEND))
            .mode(asked.permissions.unwrap_or(0o666))
            // A pipe or a device must not keep the session waiting; files are not affected.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | creation_flags(flags) | self.follow())
            .open(path)?;
        if self.reach == Reach::PlainFiles && !is_plain(&file)? {
            return Err(io::Error::from_raw_os_error(libc::EACCES).into());
        }
        if create && asked.size.is_some() {
            let size = attributes::Attributes { size: asked.size, ..Default::default() };
            attributes::set(&Subject::Open(file.as_raw_fd()), &size)?;
        }
        let name = self.handles.add(Handle::File(file))?;
        answer.kind(wire::HANDLE).text(&name);
        Ok(())
    }

    fn follow(&self) -> libc::c_int {
        match self.reach {
            Reach::Everything => 0,
            Reach::PlainFiles => libc::O_NOFOLLOW,
        }
    }

    pub fn close(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        drop(self.handles.remove(packet.text()?)?);
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn read(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let file = self.handles.file(packet.text()?)?;
        let offset = packet.long()?;
        let limit = (packet.number()? as usize).min(MAX_DATA);
        let count = answer.kind(wire::DATA).text_from(limit, |buffer| read_at(file, buffer, offset))?;
        if count == 0 && limit > 0 {
            return Err(Status::end_of_file());
        }
        Ok(())
    }

    pub fn write(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let file = self.handles.file(packet.text()?)?;
        let offset = packet.long()?;
        write_at(file, packet.text()?, offset)?;
        answer.status(&Status::ok());
        Ok(())
    }

    pub fn fstat(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let metadata = self.handles.file(packet.text()?)?.metadata()?;
        attributes::write(&metadata, answer.kind(wire::ATTRS));
        Ok(())
    }

    pub fn fsetstat(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let file = self.handles.file(packet.text()?)?;
        attributes::set(&Subject::Open(file.as_raw_fd()), &attributes::read(packet)?)?;
        answer.status(&Status::ok());
        Ok(())
    }
}

fn is_plain(file: &File) -> io::Result<bool> {
    let kind = file.metadata()?.file_type();
    Ok(kind.is_file() || kind.is_dir())
}

/// Passed on as they are, because the standard library refuses combinations that the system allows.
fn creation_flags(flags: u32) -> libc::c_int {
    let pairs = [(FLAG_CREATE, libc::O_CREAT), (FLAG_TRUNCATE, libc::O_TRUNC), (FLAG_EXCLUSIVE, libc::O_EXCL)];
    pairs.iter().filter(|(flag, _)| flags & flag != 0).fold(0, |all, (_, flag)| all | flag)
}

/// Reads until the buffer is full or the file ends; pipes and devices have no places to read at.
fn read_at(file: &mut File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match file.read_at(&mut buffer[count..], offset + count as u64) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(libc::ESPIPE) => return file.read(buffer),
            Err(_) if count > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn write_at(file: &mut File, bytes: &[u8], offset: u64) -> io::Result<()> {
    match file.write_all_at(bytes, offset) {
        Err(error) if error.raw_os_error() == Some(libc::ESPIPE) => file.write_all(bytes),
        result => result,
    }
}
