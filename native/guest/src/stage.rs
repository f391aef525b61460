// The stage mode: composes the folders that a machine shares in a private mount namespace, and becomes the hypervisor.
use crate::filter;
use crate::json::{self, Value};
use crate::sys;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

/// A hypervisor's driver starts this program under this name in the place of the hypervisor.
pub const NAME: &str = "heyvm-qemu";
/// Names the plan; without it, as when the hypervisor is only asked what it can do, nothing is composed.
const PLAN: &str = "HEYVM_STAGE";
/// Stands beside this program and leads to the real hypervisor.
const PROGRAM: &str = "heyvm-qemu.program";

pub fn run(name: &OsStr, arguments: &[OsString]) -> Result<(), String> {
    if let Some(path) = std::env::var_os(PLAN) {
        let plan = read(Path::new(&path))?;
        own_namespaces().map_err(|error| format!("cannot make namespaces: {}", sys::describe(&error)))?;
        compose(&plan)?;
        plan.filter.as_deref().map_or(Ok(()), filter::apply)?;
    }
    let link = Path::new(name).with_file_name(PROGRAM);
    let program = std::fs::read_link(&link).map_err(|error| problem("follow", &link, &error))?;
    let error = std::process::Command::new(&program).args(arguments).env_remove(PLAN).exec();
    Err(problem("run", &program, &error))
}

pub fn is_asked_for(name: &OsStr) -> bool {
    Path::new(name).file_name() == Some(OsStr::new(NAME))
}

#[derive(Debug, PartialEq)]
pub struct Plan {
    root: PathBuf,
    /// What the hypervisor is denied; nothing where nobody's files are shown.
    pub filter: Option<PathBuf>,
    binds: Vec<Bind>,
}

pub fn read(path: &Path) -> Result<Plan, String> {
    let text = std::fs::read(path).map_err(|error| problem("read", path, &error))?;
    parse(&text).map_err(|error| format!("{}: {}", path.display(), error))
}

#[derive(Debug, PartialEq)]
struct Bind {
    from: PathBuf,
    /// Absolute in the guest; the same path below the root.
    to: PathBuf,
    access: Access,
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Access {
    Read,
    Write,
}

fn parse(text: &[u8]) -> Result<Plan, String> {
    let value = json::parse(text)?;
    let list = match member(&value, "binds") {
        Some(Value::List(list)) => list,
        _ => return Err("binds is missing".to_owned()),
    };
    let binds = list.iter().map(bind).collect::<Result<_, _>>()?;
    let filter = member(&value, "filter").map(|_| path(&value, "filter")).transpose()?;
    Ok(Plan { root: path(&value, "root")?, filter, binds })
}

fn bind(value: &Value) -> Result<Bind, String> {
    let access = match member(value, "mode") {
        Some(Value::Text(mode)) if mode == "ro" => Access::Read,
        Some(Value::Text(mode)) if mode == "rw" => Access::Write,
        _ => return Err("mode must be ro or rw".to_owned()),
    };
    Ok(Bind { from: path(value, "from")?, to: path(value, "to")?, access })
}

fn path(value: &Value, name: &str) -> Result<PathBuf, String> {
    match member(value, name) {
        Some(Value::Text(text)) if text.starts_with('/') && !text.split('/').any(|part| part == "..") => {
            Ok(PathBuf::from(text))
        }
        _ => Err(format!("{} must be an absolute path", name)),
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, found)| found),
        _ => None,
    }
}

/// In a mount namespace of this process's own; answers the root of what it made.
pub fn compose(plan: &Plan) -> Result<OwnedFd, String> {
    let root = text(&plan.root)?;
    let options = text(Path::new("mode=0755,size=1m"))?;
    // SAFETY: all pointers are to strings that live until the calls return.
    unsafe {
        let flags = libc::MS_NOSUID | libc::MS_NODEV;
        let kind = b"tmpfs\0".as_ptr().cast();
        sys::check(libc::mount(kind, root.as_ptr(), kind, flags, options.as_ptr().cast()))
            .map_err(|error| problem("mount a folder on", &plan.root, &error))?;
    }
    let root = open(libc::AT_FDCWD, &plan.root, 0).map_err(|error| problem("open", &plan.root, &error))?;
    for bind in &plan.binds {
        attach(&root, bind)?;
    }
    // What is not a mount must not be a place in which a guest can fill the memory of the host.
    restrict(&root, 0, Access::Read).map_err(|error| problem("protect", &plan.root, &error))?;
    drop_capabilities().map_err(|error| format!("cannot drop privileges: {}", sys::describe(&error)))?;
    Ok(root)
}

/// A user namespace with the own number alone gives the right to mount, and nothing else of the host.
pub fn own_namespaces() -> io::Result<()> {
    // SAFETY: these calls touch no memory but the given strings.
    unsafe {
        let (user, group) = (libc::geteuid(), libc::getegid());
        sys::check(libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS))?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("{} {} 1", user, user))?;
        std::fs::write("/proc/self/gid_map", format!("{} {} 1", group, group))?;
    }
    keep_mounts_private()
}

/// What is mounted from now on is seen by nobody else.
pub fn keep_mounts_private() -> io::Result<()> {
    let nothing = std::ptr::null();
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the only string is static.
    sys::check(unsafe { libc::mount(nothing, b"/\0".as_ptr().cast(), nothing, flags, nothing.cast()) }).map(|_| ())
}

/// Everything goes over descriptors, so that no link put there meanwhile can lead elsewhere.
fn attach(root: &OwnedFd, bind: &Bind) -> Result<(), String> {
    let broken = |what: &str, path: &Path| {
        let (what, path) = (what.to_owned(), path.to_owned());
        move |error: io::Error| match error.raw_os_error() {
            Some(libc::ELOOP) => format!("{} is a link or lies behind one", path.display()),
            _ => problem(&what, &path, &error),
        }
    };
    let source = open(libc::AT_FDCWD, &bind.from, 0).map_err(broken("show", &bind.from))?;
    let target = mount_point(root, &source, &bind.to).map_err(broken("make the mount point", &bind.to))?;
    let tree = clone_tree(&source).map_err(broken("show", &bind.from))?;
    restrict(&tree, libc::AT_RECURSIVE, bind.access).map_err(broken("protect", &bind.from))?;
    move_mount(&tree, &target).map_err(broken("mount on", &bind.to))
}

/// Makes what is missing of it, in the earlier mount that it lies in.
fn mount_point(root: &OwnedFd, source: &OwnedFd, target: &Path) -> io::Result<OwnedFd> {
    let parts: Vec<&OsStr> = target.iter().filter(|part| *part != OsStr::new("/")).collect();
    let mut folder = root.try_clone()?;
    for (index, part) in parts.iter().enumerate() {
        let name = Path::new(part);
        folder = match open(folder.as_raw_fd(), name, BENEATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_file = index + 1 == parts.len() && !is_folder(source)?;
                make(&folder, name, is_file)?;
                open(folder.as_raw_fd(), name, BENEATH)?
            }
            other => other?,
        };
    }
    Ok(folder)
}

fn make(folder: &OwnedFd, name: &Path, is_file: bool) -> io::Result<()> {
    let name = c_text(name)?;
    // SAFETY: the string lives until the call returns.
    unsafe {
        let made = match is_file {
            true => libc::mknodat(folder.as_raw_fd(), name.as_ptr(), libc::S_IFREG | 0o644, 0),
            false => libc::mkdirat(folder.as_raw_fd(), name.as_ptr(), 0o755),
        };
        sys::check(made).map(|_| ())
    }
}

fn is_folder(fd: &OwnedFd) -> io::Result<bool> {
    Ok(std::fs::File::from(fd.try_clone()?).metadata()?.is_dir())
}

const EMPTY: &[u8; 1] = b"\0";
const NO_SYMLINKS: u64 = 0x04;
const BENEATH: u64 = 0x08;

fn open(folder: libc::c_int, path: &Path, resolve: u64) -> io::Result<OwnedFd> {
    let path = c_text(path)?;
    let how: [u64; 3] = [(libc::O_PATH | libc::O_CLOEXEC) as u64, 0, NO_SYMLINKS | resolve];
    // SAFETY: the string and the structure live until the call returns; the descriptor is new.
    unsafe { owned(libc::syscall(libc::SYS_openat2, folder, path.as_ptr(), how.as_ptr(), std::mem::size_of_val(&how))) }
}

fn clone_tree(source: &OwnedFd) -> io::Result<OwnedFd> {
    const CLONE: libc::c_int = 1;
    let flags = CLONE | libc::O_CLOEXEC | libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the empty string is static; the descriptor is new.
    unsafe { owned(libc::syscall(libc::SYS_open_tree, source.as_raw_fd(), EMPTY.as_ptr(), flags)) }
}

fn restrict(mount: &OwnedFd, depth: libc::c_int, access: Access) -> io::Result<()> {
    const READ_ONLY: u64 = 1;
    const NO_SET_ID: u64 = 2;
    const NO_DEVICES: u64 = 4;
    let read_only = if access == Access::Read { READ_ONLY } else { 0 };
    let attributes: [u64; 4] = [NO_SET_ID | NO_DEVICES | read_only, 0, 0, 0];
    let size = std::mem::size_of_val(&attributes);
    // SAFETY: the structure lives until the call returns.
    let result = unsafe {
        let flags = libc::AT_EMPTY_PATH | depth;
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), EMPTY.as_ptr(), flags, attributes.as_ptr(), size)
    };
    sys::check(result as libc::c_int).map(|_| ())
}

fn move_mount(tree: &OwnedFd, target: &OwnedFd) -> io::Result<()> {
    const BY_DESCRIPTORS: libc::c_int = 0x04 | 0x40;
    let (from, to, empty) = (tree.as_raw_fd(), target.as_raw_fd(), EMPTY.as_ptr().cast::<libc::c_char>());
    // SAFETY: the empty string is static.
    let result = unsafe { libc::syscall(libc::SYS_move_mount, from, empty, to, empty, BY_DESCRIPTORS) };
    sys::check(result as libc::c_int).map(|_| ())
}

/// Where root runs this, its number alone would give the right to take the protections off again.
fn drop_capabilities() -> io::Result<()> {
    const NO_ROOT: libc::c_ulong = 0b11;
    // SAFETY: these calls touch no memory.
    unsafe { sys::check(libc::prctl(libc::PR_SET_SECUREBITS, NO_ROOT)).map(|_| ()) }
}

/// # Safety
/// The number must be a new descriptor, or the -1 of a call that failed.
unsafe fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    sys::check(result as libc::c_int).map(|fd| OwnedFd::from_raw_fd(fd))
}

fn text(path: &Path) -> Result<CString, String> {
    c_text(path).map_err(|error| problem("use", path, &error))
}

fn c_text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn problem(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {} {}: {}", what, path.display(), sys::describe(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_understood() {
        let text =
            br#"{"root":"/s","filter":"/f","binds":[{"from":"/a","to":"/b","mode":"ro"},{"from":"/c","to":"/d","mode":"rw"}]}"#;
        let bind = |from: &str, to: &str, access| Bind { from: from.into(), to: to.into(), access };
        let binds = vec![bind("/a", "/b", Access::Read), bind("/c", "/d", Access::Write)];
        assert_eq!(parse(text), Ok(Plan { root: "/s".into(), filter: Some("/f".into()), binds }));
        let bare = Plan { root: "/s".into(), filter: None, binds: vec![] };
        assert_eq!(parse(br#"{"root":"/s","binds":[]}"#), Ok(bare));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let table = [
            ("[]", "binds is missing"),
            (r#"{"root":"s","binds":[]}"#, "root must be an absolute path"),
            (r#"{"root":"/s/../t","binds":[]}"#, "root must be an absolute path"),
            (r#"{"root":"/s","filter":"f","binds":[]}"#, "filter must be an absolute path"),
            (r#"{"root":"/s","binds":[{"from":"/a","to":"/b"}]}"#, "mode must be ro or rw"),
            (r#"{"root":"/s","binds":[{"from":"/a","to":"b","mode":"ro"}]}"#, "to must be an absolute path"),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), expected);
        }
    }

    #[test]
    fn only_its_own_name_asks_for_it() {
        assert!(is_asked_for(OsStr::new("/x/heyvm-qemu")));
        assert!(!is_asked_for(OsStr::new("/x/heyvm-guest")));
        assert!(!is_asked_for(OsStr::new("")));
    }
}
