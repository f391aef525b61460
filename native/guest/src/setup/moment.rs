// What a machine that was restored from a saved state cannot know: the time, and randomness that others do not share.
use crate::sys;
use std::fs::File;
use std::io;
use std::os::unix::io::AsRawFd;

pub fn set_clock(time_ms: u64) -> io::Result<()> {
    let time = libc::timespec {
        tv_sec: (time_ms / 1000) as libc::time_t,
        tv_nsec: (time_ms % 1000 * 1_000_000) as libc::c_long,
    };
    // SAFETY: clock_settime reads one timespec.
    sys::check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &time) }).map(|_| ())
}

/// Credits the bytes, and makes the generator use them at once instead of some minutes later.
pub fn add_entropy(bytes: &[u8]) -> io::Result<()> {
    const RNDADDENTROPY: libc::c_ulong = 0x4008_5203;
    const RNDRESEEDCRNG: libc::c_ulong = 0x5207;
    let random = File::options().read(true).write(true).open("/dev/random")?;
    let mut pool = Vec::with_capacity(8 + bytes.len());
    pool.extend_from_slice(&((bytes.len() * 8) as libc::c_int).to_ne_bytes());
    pool.extend_from_slice(&(bytes.len() as libc::c_int).to_ne_bytes());
    pool.extend_from_slice(bytes);
    // SAFETY: the kernel reads two numbers and as many bytes as the second one says.
    unsafe {
        sys::check(libc::ioctl(random.as_raw_fd(), RNDADDENTROPY as _, pool.as_ptr()))?;
        sys::check(libc::ioctl(random.as_raw_fd(), RNDRESEEDCRNG as _))?;
    }
    Ok(())
}
