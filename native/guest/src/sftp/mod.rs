// The sftp operation: a server of version 3 of the protocol, with the extensions that OpenSSH's clients use.
pub mod attributes;
pub mod extensions;
mod files;
mod folders;
mod handles;
mod longname;
mod paths;
pub mod wire;

use crate::guest::Place;
use handles::Handles;
use longname::Names;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use wire::{Answer, Packet, Status};

pub const MAX_PACKET: usize = 256 * 1024;

/// What one session may have open at the same time.
const MAX_HANDLES: usize = 256;

/// Serves until the client leaves or breaks the protocol.
pub fn serve(stream: &UnixStream, place: &Place) {
    let home = place.home();
    // Programs begin in the workspace, and a path without a folder means the same for both.
    let start = Some(PathBuf::from(place.workdir())).filter(|folder| folder.is_dir()).unwrap_or_else(|| home.clone());
    let mut session =
        Session { start, home, handles: Handles::new(MAX_HANDLES), names: Names::default(), reach: Reach::Everything };
    // Whatever ends the session, closing the connection tells the client.
    let _ = session.run(BufReader::with_capacity(64 * 1024, stream), stream);
}

/// Serves everything that this process sees, for somebody who mounts it.
pub fn serve_root(from: impl Read, to: impl Write, most_handles: usize) -> io::Result<()> {
    let root = PathBuf::from("/");
    let handles = Handles::new(most_handles);
    let mut session =
        Session { start: root.clone(), home: root, handles, names: Names::default(), reach: Reach::PlainFiles };
    session.run(BufReader::with_capacity(64 * 1024, from), to)
}

pub struct Session {
    /// Where relative paths begin.
    start: PathBuf,
    /// What `~` stands for.
    home: PathBuf,
    handles: Handles,
    names: Names,
    /// What may be opened.
    reach: Reach,
}

#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// Whatever the paths of a person lead to.
    Everything,
    /// No links, pipes or devices: whoever mounts the files has those of its own.
    PlainFiles,
}

impl Session {
    fn run(&mut self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut packet = Vec::new();
        let mut answer = Answer::default();
        while read_packet(&mut from, &mut packet)? {
            self.handle(&packet, &mut answer)?;
            to.write_all(answer.finish())?;
        }
        Ok(())
    }

    /// An error is a packet so broken that there is nothing to answer to.
    fn handle(&mut self, packet: &[u8], answer: &mut Answer) -> io::Result<()> {
        let mut packet = Packet::new(packet);
        let kind = packet.byte().map_err(broken)?;
        if kind == wire::INIT {
            packet.number().map_err(broken)?;
            extensions::greet(&mut packet, answer);
            return Ok(());
        }
        let id = packet.number().map_err(broken)?;
        answer.begin(id);
        if let Err(status) = self.operate(kind, &mut packet, answer) {
            answer.begin(id);
            answer.status(&status);
        }
        Ok(())
    }

    fn operate(&mut self, kind: u8, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        match kind {
            wire::OPEN => self.open(packet, answer),
            wire::CLOSE => self.close(packet, answer),
            wire::READ => self.read(packet, answer),
            wire::WRITE => self.write(packet, answer),
            wire::FSTAT => self.fstat(packet, answer),
            wire::FSETSTAT => self.fsetstat(packet, answer),
            wire::OPENDIR => self.opendir(packet, answer),
            wire::READDIR => self.readdir(packet, answer),
            wire::LSTAT => self.lstat(packet, answer),
            wire::STAT => self.stat(packet, answer),
            wire::SETSTAT => self.setstat(packet, answer),
            wire::REMOVE => self.remove(packet, answer),
            wire::MKDIR => self.mkdir(packet, answer),
            wire::RMDIR => self.rmdir(packet, answer),
            wire::REALPATH => self.realpath(packet, answer),
            wire::RENAME => self.rename(packet, answer),
            wire::READLINK => self.readlink(packet, answer),
            wire::SYMLINK => self.symlink(packet, answer),
            wire::EXTENDED => self.extended(packet, answer),
            _ => Err(Status::unsupported()),
        }
    }

    /// The next text of a packet as a path; relative ones begin at the start.
    fn path(&self, packet: &mut Packet) -> Result<PathBuf, Status> {
        let text = packet.text()?;
        Ok(self.start.join(std::ffi::OsString::from_vec(text.to_vec())))
    }
}

fn broken(_: Status) -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// False when the client has left between two packets.
fn read_packet(from: &mut impl Read, packet: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    if from.read(&mut length[..1])? == 0 {
        return Ok(false);
    }
    from.read_exact(&mut length[1..])?;
    let length = u32::from_be_bytes(length) as usize;
    if length == 0 || length > MAX_PACKET {
        return Err(io::ErrorKind::InvalidData.into());
    }
    packet.resize(length, 0);
    from.read_exact(packet)?;
    Ok(true)
}

#[cfg(test)]
mod tests;
