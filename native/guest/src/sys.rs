// Thin, safe wrappers around the few system calls that the standard library does not offer.
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Turns the -1 of a system call into the error that it stands for.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn check_size(result: libc::ssize_t) -> io::Result<usize> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as usize)
}

pub fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the pointer and the length are those of a live slice.
        let result = check_size(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) });
        if !interrupted(&result) {
            return result;
        }
    }
}

pub fn write(fd: RawFd, buffer: &[u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the pointer and the length are those of a live slice.
        let result = check_size(unsafe { libc::write(fd, buffer.as_ptr().cast(), buffer.len()) });
        if !interrupted(&result) {
            return result;
        }
    }
}

fn interrupted<T>(result: &io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::Interrupted)
}

pub fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// A pipe whose ends are not inherited by programs: (read end, write end).
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two numbers, which nobody else owns.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

pub fn event() -> io::Result<OwnedFd> {
    // SAFETY: the new descriptor is owned by nobody else.
    unsafe { Ok(OwnedFd::from_raw_fd(check(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?)) }
}

/// Wakes everyone who polls the event.
pub fn raise(event: &OwnedFd) {
    // The counter of an event overflows only after 2^64 raises, so that the result says nothing.
    let _ = write(event.as_raw_fd(), &1u64.to_ne_bytes());
}

pub fn set_nonblocking(fd: RawFd) -> io::Result<()> {
    // SAFETY: fcntl with these commands touches no memory of ours.
    unsafe {
        let flags = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// A connection that does not block, neither while it is made (`WouldBlock` when the server's queue is full) nor after.
pub fn connect_unix(path: &std::path::Path) -> io::Result<OwnedFd> {
    let name = path.as_os_str().as_bytes();
    // SAFETY: a zeroed address is valid; what is written stays inside of it.
    unsafe {
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        if name.len() >= address.sun_path.len() || name.contains(&0) {
            return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
        }
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in address.sun_path.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let fd = OwnedFd::from_raw_fd(check(libc::socket(libc::AF_UNIX, kind, 0))?);
        let length = std::mem::size_of_val(&address) as libc::socklen_t;
        check(libc::connect(fd.as_raw_fd(), (&address as *const libc::sockaddr_un).cast(), length))?;
        Ok(fd)
    }
}

pub fn chown(path: &std::path::Path, uid: u32, gid: u32) -> io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the pointer is that of a live text.
    check(unsafe { libc::chown(path.as_ptr(), uid, gid) }).map(|_| ())
}

/// From now on a change of what can be done with the descriptor is a signal to this thread, which waits for it below.
pub fn expect_sigio(fd: RawFd) -> io::Result<()> {
    const F_SETOWN_EX: libc::c_int = 15;
    const F_OWNER_TID: libc::c_int = 0;
    // SAFETY: the kernel reads two numbers, and a set that was initialised.
    unsafe {
        let owner = [F_OWNER_TID, libc::syscall(libc::SYS_gettid) as libc::c_int];
        check(libc::pthread_sigmask(libc::SIG_BLOCK, &sigio(), std::ptr::null_mut()))?;
        check(libc::fcntl(fd, F_SETOWN_EX, owner.as_ptr()))?;
        let flags = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_ASYNC))?;
    }
    Ok(())
}

pub fn await_sigio(patience: std::time::Duration) {
    let time =
        libc::timespec { tv_sec: patience.as_secs() as libc::time_t, tv_nsec: patience.subsec_nanos() as libc::c_long };
    // SAFETY: the set was initialised, and no answer is asked for.
    unsafe { libc::sigtimedwait(&sigio(), std::ptr::null_mut(), &time) };
}

fn sigio() -> libc::sigset_t {
    // SAFETY: sigemptyset initialises what was zeroed.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGIO);
        set
    }
}

/// How many bytes can be read at once.
pub fn readable_bytes(fd: RawFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    match unsafe { libc::ioctl(fd, libc::FIONREAD as _, &mut count) } {
        0 => count.max(0) as usize,
        _ => 0,
    }
}

/// Waits until one of the descriptors is ready; those with a negative number are left out.
pub fn poll(fds: &mut [libc::pollfd], timeout_ms: libc::c_int) -> io::Result<usize> {
    loop {
        // SAFETY: the pointer and the length are those of a live slice.
        let result = check(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms) });
        if !interrupted(&result) {
            return result.map(|count| count as usize);
        }
    }
}

pub fn watch(fd: RawFd, events: libc::c_short) -> libc::pollfd {
    libc::pollfd { fd, events, revents: 0 }
}

/// Closes or marks every descriptor from `first` to `last`, whichever of them are open.
pub fn close_range(first: u32, last: u32, flags: u32) -> io::Result<()> {
    // SAFETY: callers give only ranges whose descriptors are owned by nobody in this process.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if result == 0 {
        return Ok(());
    }
    for fd in open_fds()?.into_iter().filter(|fd| (first..=last).contains(&(*fd as u32))) {
        // SAFETY: as above.
        unsafe {
            if flags & CLOSE_ON_EXEC == 0 {
                libc::close(fd);
            } else {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
    Ok(())
}

/// For `close_range`: marks instead of closing.
pub const CLOSE_ON_EXEC: u32 = 1 << 2;

fn open_fds() -> io::Result<Vec<RawFd>> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The name of an error number, as machines compare it.
pub fn errno_name(errno: i32) -> String {
    let name = match errno {
        libc::ENOENT => "ENOENT",
        libc::EACCES => "EACCES",
        libc::EPERM => "EPERM",
        libc::ENOTDIR => "ENOTDIR",
        libc::ENOEXEC => "ENOEXEC",
        libc::E2BIG => "E2BIG",
        libc::ENOMEM => "ENOMEM",
        libc::EAGAIN => "EAGAIN",
        libc::EMFILE => "EMFILE",
        libc::ENFILE => "ENFILE",
        libc::ELOOP => "ELOOP",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ECONNREFUSED => "ECONNREFUSED",
        libc::ETIMEDOUT => "ETIMEDOUT",
        libc::EHOSTUNREACH => "EHOSTUNREACH",
        libc::ENETUNREACH => "ENETUNREACH",
        libc::ETXTBSY => "ETXTBSY",
        other => return format!("E{}", other),
    };
    name.to_owned()
}

/// The sentence that the system has for an error, without the number that Rust adds.
pub fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = plain.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
