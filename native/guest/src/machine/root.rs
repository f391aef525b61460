// The root of a machine: from the ramdisk to the disk, with the folders that the kernel provides.
use crate::setup::mount;
use crate::sys;
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{symlink, MetadataExt};
use std::os::unix::io::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const NEW_ROOT: &str = "/root";
const PATIENCE: Duration = Duration::from_secs(60);
const SAFE: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;

pub fn mount_kernel_folders() -> Result<(), String> {
    put("proc", "/proc", "proc", SAFE | libc::MS_NOEXEC, "")?;
    put("sysfs", "/sys", "sysfs", SAFE | libc::MS_NOEXEC, "")?;
    put("devtmpfs", "/dev", "devtmpfs", libc::MS_NOSUID, "mode=755")
}

/// Mounts the disk, moves everything there and forgets the ramdisk, whose memory becomes free.
pub fn switch_to(device: &str, kind: &str) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    while !Path::new(device).exists() {
        if Instant::now() > until {
            return Err(format!("there is no disk {}", device));
        }
        thread::sleep(Duration::from_millis(5));
    }
    put(device, NEW_ROOT, kind, libc::MS_NOATIME, "")?;
    grow(device);
    for folder in ["/dev", "/proc", "/sys"] {
        let target = format!("{}{}", NEW_ROOT, folder);
        put(folder, &target, "", libc::MS_MOVE, "")?;
    }
    let ramdisk = fs::metadata("/").map(|found| found.dev());
    if let Ok(device) = ramdisk {
        clear(Path::new("/"), device);
    }
    let broken = |error: io::Error| format!("cannot switch to {}: {}", device, sys::describe(&error));
    std::env::set_current_dir(NEW_ROOT).map_err(broken)?;
    put(".", "/", "", libc::MS_MOVE, "")?;
    let here = c_text(".")?;
    // SAFETY: the pointer is that of a live text.
    sys::check(unsafe { libc::chroot(here.as_ptr()) }).map_err(broken)?;
    std::env::set_current_dir("/").map_err(broken)
}

/// What programs expect on every machine. One that cannot be mounted is told, and left out.
pub fn mount_ordinary_folders() {
    let folders = [
        ("devpts", "/dev/pts", "devpts", libc::MS_NOSUID | libc::MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"),
        ("tmpfs", "/dev/shm", "tmpfs", SAFE, "mode=1777"),
        ("tmpfs", "/run", "tmpfs", SAFE, "mode=755"),
        ("tmpfs", "/tmp", "tmpfs", SAFE, "mode=1777"),
        ("cgroup2", "/sys/fs/cgroup", "cgroup2", SAFE | libc::MS_NOEXEC, ""),
    ];
    for (source, target, kind, flags, options) in folders {
        if let Err(problem) = put(source, target, kind, flags, options) {
            println!("heyvm-guest: {}", problem);
        }
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        // They may be there already.
        let _ = symlink(target, Path::new("/dev").join(name));
    }
    let _ = fs::create_dir_all("/run/lock");
    // As most systems have it: everybody may ask whether a machine answers.
    let _ = fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

fn put(source: &str, target: &str, kind: &str, flags: libc::c_ulong, options: &str) -> Result<(), String> {
    let broken = |error: io::Error| format!("cannot mount {} at {}: {}", source, target, sys::describe(&error));
    fs::create_dir_all(target).map_err(broken)?;
    mount(&c_text(source)?, &c_text(target)?, Some(&c_text(kind)?), flags, Some(&c_text(options)?)).map_err(broken)
}

fn c_text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| format!("{:?} has a zero byte", text))
}

/// Removes what is on that device, and nothing that is mounted into it. What stays only costs memory.
fn clear(folder: &Path, device: u64) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) => return,
    };
    for entry in entries.flatten() {
        let path = entry.path();
        match fs::symlink_metadata(&path) {
            Ok(found) if found.dev() == device && found.is_dir() => {
                clear(&path, device);
                let _ = fs::remove_dir(&path);
            }
            Ok(found) if found.dev() == device => {
                let _ = fs::remove_file(&path);
            }
            _ => {}
        }
    }
}

/// A disk may be larger than what was made for it. A file system that cannot grow stays as it is.
fn grow(device: &str) {
    const EXT4_IOC_RESIZE_FS: libc::c_ulong = 0x4008_6610;
    const BLKGETSIZE64: libc::c_ulong = 0x8008_1272;
    let (disk, root) = match (File::open(device), File::open(NEW_ROOT)) {
        (Ok(disk), Ok(root)) => (disk, root),
        _ => return,
    };
    let mut bytes: u64 = 0;
    // SAFETY: zeroes are a valid answer, and the kernel writes one; the ioctls read and write one number each.
    unsafe {
        let mut found: libc::statfs = std::mem::zeroed();
        if libc::ioctl(disk.as_raw_fd(), BLKGETSIZE64 as _, &mut bytes) < 0
            || libc::fstatfs(root.as_raw_fd(), &mut found) < 0
        {
            return;
        }
        let block = found.f_bsize as u64;
        // What the file system keeps for itself is not counted, and is far less than an eighth.
        if bytes / block > found.f_blocks as u64 / 8 * 9 {
            let blocks = bytes / block;
            libc::ioctl(root.as_raw_fd(), EXT4_IOC_RESIZE_FS as _, &blocks);
        }
    }
}
