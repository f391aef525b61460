// The init mode: the first process of a machine, from the initial ramdisk until the power is off.
use super::boot::Boot;
use super::{modules, power, root, serve_port};
use crate::guest::{Control, Guest, Place};
use crate::processes;
use crate::reaper;
use crate::rlimits;
use crate::serve::{self, Privileges};
use crate::setup;
use crate::sys;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::io::{AsRawFd, IntoRawFd};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The kernel starts the first process under this name, with words of its command line that it does not know.
pub fn is_asked_for(name: &OsStr) -> bool {
    std::process::id() == 1 && Path::new(name).file_name() == Some(OsStr::new("init"))
}

/// Never comes back: a machine whose first process ends is lost without a word.
pub fn run() -> Result<(), String> {
    match start() {
        Ok(guest) => loop {
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| serve_port(&guest.1, &guest.0, &ready)));
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => println!("heyvm-guest failed: {}", error),
                Err(_) => println!("heyvm-guest failed: a defect in the guest program"),
            }
            thread::sleep(Duration::from_secs(1));
        },
        Err(problem) => {
            println!("heyvm-guest failed: {}", problem);
            power::cut()
        }
    }
}

fn ready() {
    println!("heyvm-guest ready");
}

fn start() -> Result<(Arc<Guest>, String), String> {
    root::mount_kernel_folders()?;
    let broken = |error: io::Error| format!("cannot begin: {}", sys::describe(&error));
    use_console().map_err(broken)?;
    let boot = Boot::of_command_line();
    modules::load_all();
    if let Some(device) = &boot.root {
        root::switch_to(device, &boot.root_kind)?;
    }
    root::mount_ordinary_folders();
    // What fails here shows in programs that need it, and is no reason to have no machine at all.
    let _ = setup::bring_loopback_up();
    let _ = rlimits::parse("NOFILE=1024:524288").and_then(|limit| rlimits::apply(&limit));
    // SAFETY: umask touches no memory.
    unsafe { libc::umask(0o022) };
    serve::harden(Privileges::AsUsual).map_err(broken)?;
    processes::block_signals().map_err(broken)?;
    let guest = Arc::new(Guest::new(Control::FirstProcess));
    guest.settle(Place { user: None, env: setup::environment(None, &[]), workdir: Some("/".to_owned()) });
    let shared = Arc::clone(&guest);
    reaper::start(Arc::clone(&guest), move || power::off(&shared)).map_err(broken)?;
    Ok((guest, boot.port))
}

/// What is said before this goes nowhere, because the ramdisk may have no console.
fn use_console() -> io::Result<()> {
    let console = File::options().read(true).write(true).open("/dev/console")?;
    for target in 0..3 {
        if console.as_raw_fd() != target {
            // SAFETY: the standard descriptors belong to this process, which has one thread.
            sys::check(unsafe { libc::dup2(console.as_raw_fd(), target) })?;
        }
    }
    if console.as_raw_fd() < 3 {
        // It is one of the standard descriptors itself and stays open.
        let _ = console.into_raw_fd();
    }
    Ok(())
}
