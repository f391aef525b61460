// Ends a machine: programs first, then the mounts, then the power.
use crate::guest::{Control, Guest};
use crate::reaper;
use crate::setup::{self, mount};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long programs may take to end after they were asked to.
const GRACE: Duration = Duration::from_secs(3);

pub fn off(guest: &Guest) {
    reaper::ask_to_end(guest);
    let until = Instant::now() + GRACE;
    while !guest.processes.is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
    reaper::let_clients_know();
    setup::release_by_force(guest);
    match guest.control {
        Control::FirstProcess => {
            // SAFETY: kill touches no memory; this reaches everyone but the first process.
            unsafe { libc::kill(-1, libc::SIGKILL) };
            thread::sleep(Duration::from_millis(20));
            cut()
        }
        Control::Beside => ask_first_process(),
        Control::None => {}
    }
}

/// The last thing that a first process does.
pub fn cut() -> ! {
    // SAFETY: these touch no memory; the flags of mount need no texts, and all that are given live.
    unsafe {
        libc::sync();
        if let (Ok(nothing), Ok(root)) = (std::ffi::CString::new("none"), std::ffi::CString::new("/")) {
            // A root that cannot be made read-only is still as good as after a power failure, which it survives.
            let _ = mount(&nothing, &root, None, libc::MS_REMOUNT | libc::MS_RDONLY, None);
        }
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

/// Each kind of first process has its own word for it.
fn ask_first_process() {
    let signal = if Path::new("/run/systemd/system").exists() { libc::SIGRTMIN() + 4 } else { libc::SIGUSR2 };
    // SAFETY: kill touches no memory.
    unsafe {
        libc::sync();
        libc::kill(1, signal);
    }
}
