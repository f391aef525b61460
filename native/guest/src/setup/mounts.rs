// The shares of the host and their parts at the places where programs expect them.
use super::c_path;
use super::release;
use super::request::{Access, Bind, Mounts, Share, ShareKind};
use crate::failure::Failure;
use crate::fuse;
use crate::guest::Guest;
use crate::sys;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A device that was there before the machine was saved is there at once; a fresh one may come up late.
const PATIENCE: Duration = Duration::from_secs(5);

/// Mounts what is not mounted yet. Mounts that the last setup asked for and this one does not are taken away first.
pub fn establish(guest: &Guest, wanted: &Mounts) -> Result<(), Failure> {
    let mut mounted = guest.mounts();
    if *mounted != *wanted {
        release::unmount_all(guest, &mounted).map_err(|busy| busy.to_failure())?;
        *mounted = wanted.clone();
    }
    for share in &wanted.shares {
        mount_share(guest, share)?;
    }
    for bind in &wanted.binds {
        mount_bind(bind)?;
    }
    Ok(())
}

fn mount_share(guest: &Guest, share: &Share) -> Result<(), Failure> {
    let what = format!("cannot mount the share {} at {}", share.tag, share.at.display());
    let broken = |error: io::Error| Failure::system(&what, &error);
    let (kind, options): (&str, &str) = match share.kind {
        ShareKind::Plan9 => ("9p", "trans=virtio,version=9p2000.L,msize=512000,cache=mmap"),
        ShareKind::Virtiofs => ("virtiofs", ""),
        ShareKind::Sftp => (fuse::KIND, ""),
    };
    if mounted_at(&share.at).as_deref() == Some(kind) {
        return Ok(());
    }
    if share.kind == ShareKind::Sftp {
        return fuse::mount(&guest.links, &share.tag, &share.at);
    }
    fs::create_dir_all(&share.at).map_err(broken)?;
    let text = |text: &str| CString::new(text).map_err(|_| Failure::usage("a zero byte in a text"));
    let (tag, kind, options, at) = (text(&share.tag)?, text(kind)?, text(options)?, c_path(&share.at)?);
    let until = Instant::now() + PATIENCE;
    loop {
        match mount(&tag, &at, Some(&kind), libc::MS_NOSUID | libc::MS_NODEV, Some(&options)) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {
                let kind = kind.to_string_lossy();
                let reason = format!("the kernel of this image has no {}, by which the workspace is shared", kind);
                return Err(Failure::new("unsupported", reason));
            }
            result => return result.map_err(broken),
        }
    }
}

fn mount_bind(bind: &Bind) -> Result<(), Failure> {
    let what = format!("cannot show {} at {}", bind.from.display(), bind.to.display());
    let broken = |error: io::Error| Failure::system(&what, &error);
    if is_same(&bind.from, &bind.to) && mounted_at(&bind.to).is_some() {
        return Ok(());
    }
    make_place(&bind.from, &bind.to).map_err(broken)?;
    let (from, to) = (c_path(&bind.from)?, c_path(&bind.to)?);
    mount(&from, &to, None, libc::MS_BIND, None).map_err(broken)?;
    if bind.access == Access::ReadOnly {
        let flags = libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV;
        mount(&from, &to, None, flags, None).map_err(broken)?;
    }
    Ok(())
}

/// A folder for a folder, a file for anything else.
fn make_place(from: &Path, to: &Path) -> io::Result<()> {
    if fs::metadata(from)?.is_dir() {
        return fs::create_dir_all(to);
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::symlink_metadata(to).is_err() {
        fs::File::create(to)?;
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.dev() == other.dev() && one.ino() == other.ino(),
        _ => false,
    }
}

/// The type of what is mounted exactly there.
fn mounted_at(path: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_in(&table, path)
}

fn kind_in(table: &str, path: &Path) -> Option<String> {
    let wanted = escaped(&path.to_string_lossy());
    // Later lines cover earlier ones.
    let line = table.lines().rev().find(|line| line.split(' ').nth(4) == Some(&wanted))?;
    let (_, after) = line.split_once(" - ")?;
    Some(after.split(' ').next()?.to_owned())
}

/// As the kernel writes paths into that table.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

pub fn mount(
    source: &CStr,
    target: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    options: Option<&CStr>,
) -> io::Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), |text| text.as_ptr());
    // SAFETY: all pointers are null or those of live texts that end with a zero byte.
    let result =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), pointer(kind), flags, pointer(options).cast()) };
    sys::check(result).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_at_a_place_counts() {
        let table = "22 1 0:20 / / rw - ext4 /dev/vda rw\n30 22 0:30 / /work\\040space rw - tmpfs x rw\n\
                     31 30 0:31 /1 /work\\040space rw,nosuid shared:3 - 9p stage rw\n";
        assert_eq!(kind_in(table, Path::new("/work space")).as_deref(), Some("9p"));
        assert_eq!(kind_in(table, Path::new("/")).as_deref(), Some("ext4"));
        assert_eq!(kind_in(table, Path::new("/work")), None);
    }
}
