// A real mount, where this process may make one: the kernel on one side, our SFTP server on the other.
use super::links::Links;
use crate::sftp;
use crate::sys;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::io::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::thread;

/// The same folder, as it is and as it is seen through the mount.
struct Bench {
    links: Arc<Links>,
    base: PathBuf,
    at: PathBuf,
    host: PathBuf,
    guest: PathBuf,
}

const TAG: &str = "t";

impl Bench {
    /// Each test has a thread of its own, and with it mounts of its own. Nothing where they are not allowed.
    fn new() -> Option<Bench> {
        // SAFETY: unshare touches no memory.
        let own = sys::check(unsafe { libc::unshare(libc::CLONE_FS | libc::CLONE_NEWNS) });
        let may = own.and_then(|_| crate::stage::keep_mounts_private()).is_ok() && super::device::open().is_ok();
        if !may {
            eprintln!("not run: this process may not mount");
            return None;
        }
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().canonicalize().unwrap();
        let base = base.join(format!("heyvm-fuse-{}-{}", std::process::id(), number));
        let (at, host) = (base.join("at"), base.join("host"));
        fs::create_dir_all(&host).unwrap();
        let guest = at.join(host.strip_prefix("/").unwrap());
        let bench = Bench { links: Arc::new(Links::default()), base, at, host, guest };
        bench.serve();
        super::mount(&bench.links, TAG, &bench.at).map_err(|failure| failure.message).unwrap();
        Some(bench)
    }

    /// As an owner does; answers what breaks the connection.
    fn serve(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().unwrap();
        let kept = far.try_clone().unwrap();
        thread::spawn(move || sftp::serve_root(far.try_clone().unwrap(), far, 1000));
        self.links.get(TAG).offer(near);
        kept
    }

    fn seen(&self, name: &str) -> PathBuf {
        self.guest.join(name)
    }

    fn real(&self, name: &str) -> PathBuf {
        self.host.join(name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let at = CString::new(self.at.as_os_str().as_bytes()).unwrap();
        // SAFETY: the path lives until the call returns.
        unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) };
        fs::remove_dir_all(&self.host).unwrap();
        // Never all of it: should it still be mounted, that would be everything.
        fs::remove_dir(&self.at).and_then(|_| fs::remove_dir(&self.base)).unwrap();
    }
}

fn errno<T>(result: std::io::Result<T>) -> i32 {
    result.err().and_then(|error| error.raw_os_error()).unwrap_or(0)
}

#[test]
fn files_are_the_same_on_both_sides() {
    let bench = match Bench::new() {
        Some(bench) => bench,
        None => return,
    };
    fs::write(bench.real("a"), "from the host").unwrap();
    assert_eq!(fs::read_to_string(bench.seen("a")).unwrap(), "from the host");
    fs::write(bench.real("a"), "changed at once").unwrap();
    assert_eq!(fs::read_to_string(bench.seen("a")).unwrap(), "changed at once");
    let large: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    fs::write(bench.seen("large"), &large).unwrap();
    assert_eq!(fs::read(bench.real("large")).unwrap(), large);
    assert_eq!(fs::read(bench.seen("large")).unwrap(), large);
    let mut log = OpenOptions::new().append(true).create(true).open(bench.seen("log")).unwrap();
    log.write_all(b"one ").unwrap();
    OpenOptions::new().append(true).open(bench.real("log")).unwrap().write_all(b"two ").unwrap();
    log.write_all(b"three").unwrap();
    assert_eq!(fs::read_to_string(bench.real("log")).unwrap(), "one two three");
}

#[test]
fn what_is_known_of_a_file_is_exact() {
    let bench = match Bench::new() {
        Some(bench) => bench,
        None => return,
    };
    let options = || OpenOptions::new().write(true).create_new(true).mode(0o640).to_owned();
    options().open(bench.seen("a")).unwrap().write_all(b"12345").unwrap();
    fs::hard_link(bench.seen("a"), bench.seen("b")).unwrap();
    let (seen, real) = (fs::metadata(bench.seen("b")).unwrap(), fs::metadata(bench.real("a")).unwrap());
    let facts = |found: &fs::Metadata| {
        let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
        (found.ino(), found.nlink(), found.size(), found.mode(), found.uid(), found.blocks(), times)
    };
    assert_eq!(facts(&seen), facts(&real));
    assert_eq!(seen.nlink(), 2);
    assert_eq!(errno(options().open(bench.seen("a"))), libc::EEXIST);
    fs::set_permissions(bench.seen("a"), fs::Permissions::from_mode(0o751)).unwrap();
    assert_eq!(fs::metadata(bench.real("b")).unwrap().mode() & 0o7777, 0o751);
    let time = libc::timespec { tv_sec: 1_234_567_890, tv_nsec: 123_456_789 };
    let omitted = libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT };
    let before = fs::metadata(bench.real("a")).unwrap();
    let file = File::open(bench.seen("a")).unwrap();
    // SAFETY: there are two times.
    sys::check(unsafe { libc::futimens(file.as_raw_fd(), [omitted, time].as_ptr()) }).unwrap();
    let after = fs::metadata(bench.real("a")).unwrap();
    assert_eq!((after.mtime(), after.mtime_nsec()), (1_234_567_890, 123_456_789));
    assert_eq!((after.atime(), after.atime_nsec()), (before.atime(), before.atime_nsec()));
    file.sync_all().unwrap();
    File::open(&bench.guest).unwrap().sync_all().unwrap();
}

#[test]
fn names_change_as_they_do_elsewhere() {
    let bench = match Bench::new() {
        Some(bench) => bench,
        None => return,
    };
    fs::create_dir(bench.seen("folder")).unwrap();
    for index in 0..700 {
        fs::write(bench.seen(&format!("folder/{:03}-{}", index, "x".repeat(200))), "").unwrap();
    }
    let mut names: Vec<_> =
        fs::read_dir(bench.seen("folder")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 700);
    assert!(names[699].to_str().unwrap().starts_with("699-"));
    assert_eq!(errno(fs::remove_dir(bench.seen("folder"))), libc::ENOTEMPTY);
    fs::rename(bench.seen("folder"), bench.seen("moved")).unwrap();
    assert_eq!(fs::read_dir(bench.real("moved")).unwrap().count(), 700);
    assert!(fs::metadata(bench.seen("moved").join(&names[3])).unwrap().is_file());
    symlink("moved", bench.seen("link")).unwrap();
    assert_eq!(fs::read_link(bench.real("link")).unwrap(), Path::new("moved"));
    assert_eq!(fs::read_dir(bench.seen("link")).unwrap().count(), 700);
    fs::remove_dir_all(bench.seen("moved")).unwrap();
    assert_eq!(errno(fs::metadata(bench.seen("link"))), libc::ENOENT);
    fs::write(bench.seen("old"), "old").unwrap();
    let mut kept = File::open(bench.seen("old")).unwrap();
    fs::write(bench.seen("new"), "new").unwrap();
    fs::rename(bench.seen("new"), bench.seen("old")).unwrap();
    assert_eq!(fs::read_to_string(bench.seen("old")).unwrap(), "new");
    let mut text = String::new();
    kept.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), kept.metadata().unwrap().nlink()), ("old", 0));
    fs::remove_file(bench.real("old")).unwrap();
    fs::create_dir(bench.real("old")).unwrap();
    assert!(fs::metadata(bench.seen("old")).unwrap().is_dir());
    let name = CString::new(bench.seen("pipe").as_os_str().as_bytes()).unwrap();
    // SAFETY: the path lives until the call returns.
    assert_eq!(errno(sys::check(unsafe { libc::mkfifo(name.as_ptr(), 0o600) })), libc::EPERM);
}

#[test]
fn a_lost_connection_is_waited_for_and_open_files_go_on() {
    let bench = match Bench::new() {
        Some(bench) => bench,
        None => return,
    };
    let broken = bench.serve();
    let mut file = OpenOptions::new().read(true).write(true).create(true).open(bench.seen("file")).unwrap();
    let removed = File::create(bench.seen("removed")).unwrap();
    fs::remove_file(bench.seen("removed")).unwrap();
    file.write_all(b"before ").unwrap();
    broken.shutdown(std::net::Shutdown::Both).unwrap();
    let waiting = thread::spawn(move || {
        file.write_all(b"after").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    });
    while bench.links.get(TAG).is_used() {
        thread::yield_now();
    }
    assert!(!waiting.is_finished());
    bench.serve();
    assert_eq!(waiting.join().unwrap(), "before after");
    assert_eq!(fs::read_to_string(bench.real("file")).unwrap(), "before after");
    assert_eq!(errno(removed.write_at(b"x", 0)), libc::ESTALE);
}
