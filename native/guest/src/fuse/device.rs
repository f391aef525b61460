// The kernel's end of a file system that a program serves: the device, the mount, and requests as they come.
use crate::setup::mount as mount_at;
use crate::sys;
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const DEVICE: &str = "/dev/fuse";

/// What the table of mounts calls it.
pub const KIND: &str = "fuse.heyvm";

/// The device may come up a moment after its module.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn open() -> io::Result<File> {
    let open = || File::options().read(true).write(true).open(DEVICE);
    match open() {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENXIO | libc::ENODEV)) => {
            load_module()?;
            let until = Instant::now() + PATIENCE;
            loop {
                match open() {
                    Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                    result => return result,
                }
            }
        }
        result => result,
    }
}

/// The kernel looks for a file system that it does not know before it looks at what is asked of it.
fn load_module() -> io::Result<()> {
    let (name, nowhere) = (CString::new("fuse")?, CString::new("/")?);
    match mount_at(&name, &nowhere, Some(&name), 0, None) {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Err(error),
        _ => Ok(()),
    }
}

pub fn mount(device: &File, tag: &str, at: &Path) -> io::Result<()> {
    fs::create_dir_all(at)?;
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other,max_read={}",
        device.as_raw_fd(),
        super::abi::MOST_DATA
    );
    let text = |text: &str| CString::new(text).map_err(io::Error::from);
    let at = CString::new(at.as_os_str().as_bytes())?;
    mount_at(&text(tag)?, &at, Some(&text(KIND)?), libc::MS_NOSUID | libc::MS_NODEV, Some(&text(&options)?))
}

/// The next request, whole; `None` when the file system was unmounted.
pub fn receive(device: &File, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match sys::read(device.as_raw_fd(), buffer) {
            Ok(count) => return Ok(Some(count)),
            Err(error) => match error.raw_os_error() {
                Some(libc::ENODEV) => return Ok(None),
                // A request that was taken back, or a signal.
                Some(libc::ENOENT | libc::EINTR | libc::EAGAIN) => {}
                _ => return Err(error),
            },
        }
    }
}
