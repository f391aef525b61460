// The server answered by hand-made packets, on a folder of its own.
use super::wire::{self, Answer};
use super::*;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

struct Bench {
    folder: PathBuf,
    session: Session,
}

impl Bench {
    fn new() -> Bench {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("heyvm-sftp-{}-{}", std::process::id(), number));
        std::fs::create_dir(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let session = Session {
            start: folder.clone(),
            home: folder.clone(),
            handles: Handles::new(MAX_HANDLES),
            names: Names::default(),
            reach: Reach::Everything,
        };
        Bench { folder, session }
    }

    /// The answer to one request: its kind and what follows the number of the request.
    fn ask(&mut self, kind: u8, body: &[&[u8]]) -> (u8, Vec<u8>) {
        let packet = [&[kind][..], &7u32.to_be_bytes(), &body.concat()].concat();
        let mut answer = Answer::default();
        self.session.handle(&packet, &mut answer).unwrap();
        let bytes = answer.finish();
        assert_eq!(u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize, bytes.len() - 4);
        assert_eq!(bytes[5..9], 7u32.to_be_bytes());
        (bytes[4], bytes[9..].to_vec())
    }

    fn status(&mut self, kind: u8, body: &[&[u8]]) -> u32 {
        let (kind, rest) = self.ask(kind, body);
        assert_eq!(kind, 101);
        u32::from_be_bytes(rest[..4].try_into().unwrap())
    }

    fn open(&mut self, path: &str, flags: u32) -> Vec<u8> {
        let (kind, handle) = self.ask(wire::OPEN, &[&text(path), &flags.to_be_bytes(), &[0; 4]]);
        assert_eq!(kind, wire::HANDLE);
        handle
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = text.as_ref();
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

fn one_name(body: &[u8]) -> String {
    let length = u32::from_be_bytes(body[4..8].try_into().unwrap()) as usize;
    String::from_utf8(body[8..8 + length].to_vec()).unwrap()
}

const OK: u32 = 0;
const END: u32 = 1;
const NOT_FOUND: u32 = 2;
const FAILURE: u32 = 4;
const BAD: u32 = 5;
const UNSUPPORTED: u32 = 8;

#[test]
fn the_greeting_names_version_and_extensions() {
    let mut bench = Bench::new();
    let mut answer = Answer::default();
    bench.session.handle(&[1, 0, 0, 0, 6], &mut answer).unwrap();
    let bytes = answer.finish();
    assert_eq!(bytes[4..9], [2, 0, 0, 0, 3]);
    let all = String::from_utf8_lossy(bytes).into_owned();
    for name in ["posix-rename", "statvfs", "fstatvfs", "hardlink", "fsync", "lsetstat", "limits", "expand-path"] {
        assert!(all.contains(&format!("{}@openssh.com", name)), "{}", name);
    }
}

#[test]
fn what_was_written_is_read_again() {
    let mut bench = Bench::new();
    let handle = bench.open("a file", 0x01 | 0x02 | 0x08);
    assert_eq!(bench.status(wire::WRITE, &[&handle, &0u64.to_be_bytes(), &text("hello world")]), OK);
    assert_eq!(bench.status(wire::WRITE, &[&handle, &6u64.to_be_bytes(), &text("there")]), OK);
    let (kind, data) = bench.ask(wire::READ, &[&handle, &4u64.to_be_bytes(), &100u32.to_be_bytes()]);
    assert_eq!((kind, data), (wire::DATA, text("o there")));
    assert_eq!(bench.status(wire::READ, &[&handle, &11u64.to_be_bytes(), &1u32.to_be_bytes()]), END);
    assert_eq!(bench.status(wire::CLOSE, &[&handle]), OK);
    assert_eq!(bench.status(wire::CLOSE, &[&handle]), BAD);
    assert_eq!(std::fs::read(bench.file("a file")).unwrap(), b"hello there");
}

#[test]
fn an_exclusive_open_refuses_what_exists_and_a_truncating_one_empties_it() {
    let mut bench = Bench::new();
    std::fs::write(bench.file("f"), "old").unwrap();
    assert_eq!(bench.status(wire::OPEN, &[&text("f"), &0x2au32.to_be_bytes(), &[0; 4]]), FAILURE);
    bench.open("f", 0x02 | 0x08 | 0x10);
    assert_eq!(std::fs::read(bench.file("f")).unwrap(), b"");
}

#[test]
fn the_mode_of_a_new_file_and_folder_is_the_one_asked_for() {
    let mut bench = Bench::new();
    let mode = [&4u32.to_be_bytes()[..], &0o700u32.to_be_bytes()].concat();
    let (kind, _) = bench.ask(wire::OPEN, &[&text("f"), &0x0au32.to_be_bytes(), &mode]);
    assert_eq!(kind, wire::HANDLE);
    assert_eq!(bench.status(wire::MKDIR, &[&text("d"), &mode]), OK);
    for name in ["f", "d"] {
        assert_eq!(std::fs::metadata(bench.file(name)).unwrap().permissions().mode() & 0o777, 0o700);
    }
    let mode = [&4u32.to_be_bytes()[..], &0o640u32.to_be_bytes()].concat();
    assert_eq!(bench.status(wire::SETSTAT, &[&text("f"), &mode]), OK);
    assert_eq!(std::fs::metadata(bench.file("f")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_plain_rename_replaces_nothing_and_a_posix_one_does() {
    let mut bench = Bench::new();
    std::fs::write(bench.file("a"), "a").unwrap();
    std::fs::write(bench.file("b"), "b").unwrap();
    assert_eq!(bench.status(wire::RENAME, &[&text("a"), &text("b")]), FAILURE);
    assert_eq!(std::fs::read(bench.file("b")).unwrap(), b"b");
    let posix = text("posix-rename@openssh.com");
    assert_eq!(bench.status(wire::EXTENDED, &[&posix, &text("a"), &text("b")]), OK);
    assert_eq!(std::fs::read(bench.file("b")).unwrap(), b"a");
    assert_eq!(bench.status(wire::RENAME, &[&text("b"), &text("c")]), OK);
    assert!(bench.file("c").exists());
}

#[test]
fn links_are_made_read_and_not_followed_where_they_must_not_be() {
    let mut bench = Bench::new();
    assert_eq!(bench.status(wire::SYMLINK, &[&text("some where"), &text("link")]), OK);
    let (kind, body) = bench.ask(wire::READLINK, &[&text("link")]);
    assert_eq!((kind, one_name(&body)), (wire::NAME, "some where".to_owned()));
    assert_eq!(bench.status(wire::STAT, &[&text("link")]), NOT_FOUND);
    assert_eq!(bench.ask(wire::LSTAT, &[&text("link")]).0, wire::ATTRS);
    let times = [&8u32.to_be_bytes()[..], &1000u32.to_be_bytes(), &2000u32.to_be_bytes()].concat();
    assert_eq!(bench.status(wire::EXTENDED, &[&text("lsetstat@openssh.com"), &text("link"), &times]), OK);
    let modified = std::fs::symlink_metadata(bench.file("link")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 2000);
    std::fs::write(bench.file("one"), "x").unwrap();
    assert_eq!(bench.status(wire::EXTENDED, &[&text("hardlink@openssh.com"), &text("one"), &text("two")]), OK);
    assert_eq!(std::fs::read(bench.file("two")).unwrap(), b"x");
}

#[test]
fn relative_paths_begin_at_the_start_and_the_last_part_may_be_missing() {
    let mut bench = Bench::new();
    std::fs::create_dir(bench.file("d")).unwrap();
    symlink("d", bench.file("link")).unwrap();
    let home = bench.folder.to_str().unwrap().to_owned();
    let table =
        [(".", home.clone()), ("", home.clone()), ("link/../d/new", format!("{}/d/new", home)), ("/", "/".to_owned())];
    for (asked, expected) in table {
        assert_eq!(one_name(&bench.ask(wire::REALPATH, &[&text(asked)]).1), expected, "{:?}", asked);
    }
    assert_eq!(bench.status(wire::REALPATH, &[&text("missing/new")]), NOT_FOUND);
    let expand = text("expand-path@openssh.com");
    let table = [
        ("~", home.clone()),
        ("~/d", format!("{}/d", home)),
        ("~root", "/root".to_owned()),
        ("d", format!("{}/d", home)),
    ];
    for (asked, expected) in table {
        let (_, body) = bench.ask(wire::EXTENDED, &[&expand, &text(asked)]);
        assert_eq!(one_name(&body), Path::new(&expected).canonicalize().unwrap().to_str().unwrap(), "{:?}", asked);
    }
    assert_eq!(bench.status(wire::EXTENDED, &[&expand, &text("~nobody-has-this-name")]), FAILURE);
}

#[test]
fn a_folder_is_listed_whole_in_packets_that_are_not_too_large() {
    let mut bench = Bench::new();
    for number in 0..1500 {
        std::fs::write(bench.file(&format!("file-{:04}", number)), "").unwrap();
    }
    let (kind, handle) = bench.ask(wire::OPENDIR, &[&text(".")]);
    assert_eq!(kind, wire::HANDLE);
    let (mut entries, mut packets) = (0, 0);
    loop {
        let (kind, body) = bench.ask(wire::READDIR, &[&handle]);
        if kind != wire::NAME {
            break;
        }
        assert!(body.len() < MAX_PACKET);
        entries += u32::from_be_bytes(body[..4].try_into().unwrap());
        packets += 1;
    }
    assert_eq!(entries, 1502);
    assert!(packets > 1);
    assert_eq!(bench.status(wire::READ, &[&handle, &[0; 8], &[0, 0, 0, 1]]), BAD);
}

#[test]
fn what_is_open_at_once_is_bounded() {
    let mut bench = Bench::new();
    for _ in 0..MAX_HANDLES {
        assert_eq!(bench.ask(wire::OPENDIR, &[&text(".")]).0, wire::HANDLE);
    }
    assert_eq!(bench.status(wire::OPENDIR, &[&text(".")]), FAILURE);
}

#[test]
fn broken_and_unknown_requests_get_an_answer() {
    let mut bench = Bench::new();
    assert_eq!(bench.status(wire::STAT, &[&100u32.to_be_bytes(), b"short"]), BAD);
    assert_eq!(bench.status(wire::STAT, &[&text("zero\0byte")]), BAD);
    assert_eq!(bench.status(99, &[]), UNSUPPORTED);
    assert_eq!(bench.status(wire::EXTENDED, &[&text("nobody@knows")]), UNSUPPORTED);
    assert_eq!(bench.status(wire::READ, &[&text("no handle"), &[0; 12]]), BAD);
    assert_eq!(bench.status(wire::RMDIR, &[&text("missing")]), NOT_FOUND);
    let mut answer = Answer::default();
    assert!(bench.session.handle(&[wire::STAT, 0, 0], &mut answer).is_err());
}

#[test]
fn limits_and_space_are_told() {
    let mut bench = Bench::new();
    let (kind, body) = bench.ask(wire::EXTENDED, &[&text("limits@openssh.com")]);
    assert_eq!((kind, body.len()), (wire::EXTENDED_REPLY, 32));
    assert_eq!(body[..8], (MAX_PACKET as u64).to_be_bytes());
    let (kind, body) = bench.ask(wire::EXTENDED, &[&text("statvfs@openssh.com"), &text("/")]);
    assert_eq!((kind, body.len()), (wire::EXTENDED_REPLY, 88));
}

#[test]
fn a_pipe_that_nobody_writes_to_does_not_hold_the_session_up() {
    let mut bench = Bench::new();
    let path = std::ffi::CString::new(bench.file("pipe").to_str().unwrap()).unwrap();
    // SAFETY: the path ends with a zero byte.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let handle = bench.open("pipe", 0x01);
    assert_eq!(bench.status(wire::READ, &[&handle, &[0; 8], &10u32.to_be_bytes()]), END);
}

#[test]
fn packets_that_are_too_long_end_the_session() {
    let mut bench = Bench::new();
    let long = (MAX_PACKET as u32 + 1).to_be_bytes();
    assert!(bench.session.run(&long[..], Vec::new()).is_err());
    assert!(bench.session.run(&[0u8; 4][..], Vec::new()).is_err());
    assert!(bench.session.run(&[][..], Vec::new()).is_ok());
}
