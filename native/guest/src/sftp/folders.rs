// Open folders: their entries, a packet at a time.
use super::attributes;
use super::handles::{Folder, Handle};
use super::wire::{self, Answer, Packet, Status};
use super::Session;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// A packet with entries ends with the first one that reaches this size.
const ENOUGH: usize = 64 * 1024;

impl Session {
    pub fn opendir(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let path = self.path(packet)?;
        let entries = std::fs::read_dir(&path)?;
        let name = self.handles.add(Handle::Folder(Folder { path, entries, dots: true }))?;
        answer.kind(wire::HANDLE).text(&name);
        Ok(())
    }

    pub fn readdir(&mut self, packet: &mut Packet, answer: &mut Answer) -> Result<(), Status> {
        let folder = self.handles.folder(packet.text()?)?;
        answer.kind(wire::NAME);
        let place = answer.len();
        answer.number(0);
        let mut count = 0;
        let mut put = |name: &[u8], metadata: io::Result<Metadata>| {
            match metadata {
                Ok(metadata) => {
                    answer.text(name).text(&self.names.longname(name, &metadata));
                    attributes::write(&metadata, answer);
                }
                // An entry that has vanished meanwhile, or that may not be looked at, has only its name.
                Err(_) => attributes::write_none(answer.text(name).text(name)),
            }
            count += 1;
            answer.len() < ENOUGH
        };
        if std::mem::take(&mut folder.dots) {
            for name in [".", ".."] {
                put(name.as_bytes(), std::fs::symlink_metadata(folder.path.join(name)));
            }
        }
        for entry in &mut folder.entries {
            let entry = entry?;
            if !put(entry.file_name().as_bytes(), entry.metadata()) {
                break;
            }
        }
        if count == 0 {
            return Err(Status::end_of_file());
        }
        answer.amend(place, count);
        Ok(())
    }
}
