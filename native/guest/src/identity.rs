// Gives the rights of the machine's administrator up for those of its user.
use crate::sys;
use std::io;

#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

impl Identity {
    /// For the calling thread alone, as the kernel sees it; it cannot be undone. Safe to call after a fork.
    pub fn assume(&self) -> io::Result<()> {
        let number = |id: u32| libc::c_long::from(id);
        // SAFETY: the list and its length belong together. The library's own functions would change every thread.
        unsafe {
            check(libc::syscall(libc::SYS_setgroups, self.groups.len(), self.groups.as_ptr()))?;
            check(libc::syscall(libc::SYS_setresgid, number(self.gid), number(self.gid), number(self.gid)))?;
            check(libc::syscall(libc::SYS_setresuid, number(self.uid), number(self.uid), number(self.uid)))
        }
    }
}

fn check(result: libc::c_long) -> io::Result<()> {
    sys::check(result as libc::c_int).map(|_| ())
}
