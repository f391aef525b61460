// The share mode: on the host, serves the folders that a machine is shown over SFTP, and can reach nothing else.
use crate::filter;
use crate::identity::Identity;
use crate::rlimits;
use crate::sftp;
use crate::stage;
use crate::sys;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;

const USAGE: &str = "usage: heyvm-guest share [--as UID:GID] PLAN";

/// Programs inside may have this many files of the share open.
const MOST_HANDLES: usize = 16_384;

const READY: &str = "ready";

/// Serves standard input and output until either is closed; ends with its parent.
pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let asked = parse(arguments).ok_or(USAGE)?;
    let broken = |what: &'static str| move |error: io::Error| format!("cannot {}: {}", what, sys::describe(&error));
    let plan = stage::read(&asked.plan)?;
    match asked.identity {
        // Whoever may become another user may mount already.
        // SAFETY: unshare touches no memory.
        Some(_) => sys::check(unsafe { libc::unshare(libc::CLONE_NEWNS) }).and_then(|_| stage::keep_mounts_private()),
        None => stage::own_namespaces(),
    }
    .map_err(broken("make namespaces"))?;
    let root = stage::compose(&plan)?;
    plan.filter.as_deref().map_or(Ok(()), filter::apply)?;
    enter(&root).map_err(broken("enter the shared folders"))?;
    drop(root);
    if let Some(identity) = &asked.identity {
        identity.assume().map_err(broken("become the owner of the workspace"))?;
    }
    give_up_privileges().map_err(broken("give up privileges"))?;
    let _ = rlimits::parse("NOFILE=17000").and_then(|limit| rlimits::apply(&limit));
    // SAFETY: nobody else uses these descriptors, and umask touches no memory.
    let (from, to) = unsafe {
        // Modes of new files come from inside as they shall be.
        libc::umask(0);
        (File::from_raw_fd(0), File::from_raw_fd(1))
    };
    // Whoever started this reads it, and makes the connection then.
    eprintln!("{}", READY);
    // However it ends: the other side finds out by the closed stream.
    let _ = sftp::serve_root(from, to, MOST_HANDLES);
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Asked {
    /// Where root serves what belongs to somebody else.
    identity: Option<Identity>,
    plan: PathBuf,
}

fn parse(arguments: &[OsString]) -> Option<Asked> {
    match arguments {
        [plan] => Some(Asked { identity: None, plan: plan.into() }),
        [flag, whom, plan] if flag == "--as" => {
            let (uid, gid) = whom.to_str()?.split_once(':')?;
            let identity = Identity { uid: uid.parse().ok()?, gid: gid.parse().ok()?, groups: Vec::new() };
            Some(Asked { identity: Some(identity), plan: plan.into() })
        }
        _ => None,
    }
}

/// Afterwards no path leads to anything else, whatever links and dots there are in it.
fn enter(root: &OwnedFd) -> io::Result<()> {
    let here = b".\0".as_ptr().cast::<libc::c_char>();
    // SAFETY: the only string is static.
    unsafe {
        sys::check(libc::fchdir(root.as_raw_fd()))?;
        sys::check(libc::syscall(libc::SYS_pivot_root, here, here) as libc::c_int)?;
        sys::check(libc::umount2(here, libc::MNT_DETACH))?;
        sys::check(libc::chdir(b"/\0".as_ptr().cast()))?;
    }
    Ok(())
}

/// With them the protections of the mounts could be taken off again.
fn give_up_privileges() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let head: [u32; 2] = [VERSION_3, 0];
    let nothing = [0u32; 6];
    // SAFETY: head and data have the layout of this version of the call.
    unsafe {
        sys::check(libc::syscall(libc::SYS_capset, head.as_ptr(), nothing.as_ptr()) as libc::c_int)?;
        sys::check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        sys::check(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))?;
        sys::check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_and_whose_the_files_are_come_as_words() {
        let parsed = |words: &[&str]| parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(parsed(&["/p"]), Some(Asked { identity: None, plan: "/p".into() }));
        let identity = Some(Identity { uid: 1000, gid: 100, groups: vec![] });
        assert_eq!(parsed(&["--as", "1000:100", "/p"]), Some(Asked { identity, plan: "/p".into() }));
        for words in [&[][..], &["--as", "1000", "/p"], &["--as", "x:1", "/p"], &["/p", "/q"]] {
            assert_eq!(parsed(words), None, "{:?}", words);
        }
    }
}
