// Folders of the host inside a machine whose kernel shares none: the kernel asks this program for files, and this
// program asks the owner, over a connection that the owner made and on which the owner serves SFTP.
mod abi;
mod contents;
mod device;
mod files;
mod links;
mod names;
mod nodes;
mod operations;
mod remote;
mod service;
#[cfg(test)]
mod tests;

pub use device::KIND;
pub use links::Links;

use crate::connection::STACK;
use crate::failure::Failure;
use service::Service;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The owner makes the connection before it asks for the mount.
const PATIENCE: Duration = Duration::from_secs(10);

/// Mounts what the owner serves under this tag; it stays when the connection is lost, and goes on with the next one.
pub fn mount(links: &Links, tag: &str, at: &Path) -> Result<(), Failure> {
    let link = links.get(tag);
    let number = link
        .await_offer(PATIENCE)
        .ok_or_else(|| Failure::new("timeout", format!("nobody serves the share {}", tag)))?;
    let device = device::open().map_err(|error| match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENOENT | libc::ENXIO) => Failure::new(
            "unsupported",
            "the kernel of this image has neither 9p nor FUSE, by which the workspace is shared",
        ),
        _ => Failure::system("cannot open /dev/fuse", &error),
    })?;
    let broken =
        |error: io::Error| Failure::system(&format!("cannot mount the share {} at {}", tag, at.display()), &error);
    device::mount(&device, tag, at).map_err(broken)?;
    let own = Arc::clone(&link);
    let work = move || Service::new(device, own, number).run();
    match thread::Builder::new().stack_size(STACK).spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => {
            link.end(number);
            Err(broken(error))
        }
    }
}
