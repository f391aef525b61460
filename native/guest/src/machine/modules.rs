// Loads the kernel's modules that the ramdisk brings, in the order in which they need each other.
use crate::sys;
use std::fs::{self, File};
use std::io;
use std::os::unix::io::AsRawFd;
use std::path::Path;

const FOLDER: &str = "/lib/modules";

/// One that cannot be loaded is told and left out: the kernel may have it built in, or nobody needs it.
pub fn load_all() {
    let folder = Path::new(FOLDER);
    let list = fs::read_to_string(folder.join("list")).unwrap_or_default();
    for name in list.lines().filter(|name| !name.is_empty()) {
        if let Err(error) = load(&folder.join(name)) {
            println!("heyvm-guest: cannot load {}: {}", name, sys::describe(&error));
        }
    }
}

fn load(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let no_options = b"\0";
    // SAFETY: the text is empty and ends with a zero byte.
    let result = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), no_options.as_ptr(), 0) };
    match sys::check(result as libc::c_int) {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(error),
        _ => Ok(()),
    }
}
