// Takes the shares of the host away again, so that the machine can be saved, or says who holds them.
use super::c_path;
use super::mounts;
use super::request::Mounts;
use crate::failure::Failure;
use crate::guest::Guest;
use crate::json::{object, Value};
use crate::sys;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// All mounts are gone, or all of them are as before.
pub fn release(guest: &Guest) -> Result<(), Busy> {
    // SAFETY: sync touches no memory.
    unsafe { libc::sync() };
    let mut mounted = guest.mounts();
    if let Err(busy) = unmount_all(guest, &mounted) {
        let wanted = mounted.clone();
        drop(mounted);
        // What was taken away already comes back; should even that fail, the next setup tells.
        let _ = mounts::establish(guest, &wanted);
        return Err(busy);
    }
    *mounted = Mounts::default();
    Ok(())
}

/// For a machine that is about to end: whoever holds a mount loses it.
pub fn release_by_force(guest: &Guest) {
    guest.links.end_unless_connected();
    for place in places(&guest.mounts()) {
        if let Ok(place) = c_path(&place) {
            // SAFETY: the pointer is that of a live text.
            unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

pub struct Busy {
    place: PathBuf,
    holders: Vec<Holder>,
}

struct Holder {
    pid: u32,
    command: String,
}

impl Busy {
    pub fn to_value(&self) -> Value {
        let holder = |holder: &Holder| {
            object(vec![
                ("pid", Value::Number(f64::from(holder.pid))),
                ("command", Value::text(holder.command.as_str())),
            ])
        };
        let busy = self.holders.iter().map(holder).collect();
        object(vec![("ok", Value::Bool(true)), ("busy", Value::List(busy))])
    }

    pub fn to_failure(&self) -> Failure {
        let commands: Vec<&str> = self.holders.iter().map(|holder| holder.command.as_str()).collect();
        Failure::new("busy", format!("{} is in use by {}", self.place.display(), commands.join(", ")))
    }
}

pub fn unmount_all(guest: &Guest, mounted: &Mounts) -> Result<(), Busy> {
    for place in places(mounted) {
        match unmount(&place) {
            Ok(()) => {
                for share in mounted.shares.iter().filter(|share| share.at == place) {
                    guest.links.get(&share.tag).end_present();
                }
            }
            // It is no mount, or not even there: a setup that failed half-way left it out.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {}
            Err(_) => {
                let mut holders = holders(&place);
                if holders.is_empty() {
                    holders.push(Holder { pid: 1, command: "a mount on top of it".to_owned() });
                }
                return Err(Busy { place, holders });
            }
        }
    }
    Ok(())
}

/// In the order in which they can be unmounted.
fn places(mounted: &Mounts) -> Vec<PathBuf> {
    let binds = mounted.binds.iter().rev().map(|bind| bind.to.clone());
    binds.chain(mounted.shares.iter().rev().map(|share| share.at.clone())).collect()
}

fn unmount(place: &Path) -> io::Result<()> {
    let place = c_path(place).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: the pointer is that of a live text.
    sys::check(unsafe { libc::umount2(place.as_ptr(), libc::UMOUNT_NOFOLLOW) }).map(|_| ())
}

/// Everyone who has something below that place open, or stands in it.
fn holders(place: &Path) -> Vec<Holder> {
    let entries = match fs::read_dir("/proc") {
        Ok(entries) => entries,
        Err(_) => return Vec::new(),
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| holds(*pid, place)).map(|pid| Holder { pid, command: command(pid) }).collect()
}

fn holds(pid: u32, place: &Path) -> bool {
    let folder = PathBuf::from(format!("/proc/{}", pid));
    let leads = |link: PathBuf| fs::read_link(link).map_or(false, |target| target.starts_with(place));
    let links = ["fd", "map_files"].into_iter().filter_map(|name| fs::read_dir(folder.join(name)).ok());
    ["cwd", "root", "exe"].into_iter().any(|name| leads(folder.join(name)))
        || links.flatten().flatten().any(|entry| leads(entry.path()))
}

fn command(pid: u32) -> String {
    let words = fs::read(format!("/proc/{}/cmdline", pid)).unwrap_or_default();
    let text = String::from_utf8_lossy(&words).replace('\0', " ");
    match text.trim_end() {
        "" => fs::read_to_string(format!("/proc/{}/comm", pid)).unwrap_or_default().trim_end().to_owned(),
        words => words.chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_in_a_folder_holds_it() {
        let folder = std::env::temp_dir().join(format!("heyvm-holders-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut child = std::process::Command::new("sleep").arg("100").current_dir(&folder).spawn().unwrap();
        let found = holders(&folder);
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].pid, found[0].command.as_str()), (child.id(), "sleep 100"));
    }
}
