// The ports that a virtual machine has towards its host, found by the name that the host gave them.
use crate::sys;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::io::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const PORTS: &str = "/sys/class/virtio-ports";
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Opens a port as soon as its device is there; devices come up late and in any order.
pub fn open(name: &str, patience: Duration) -> io::Result<OwnedFd> {
    let until = Instant::now() + patience;
    loop {
        let found = find(Path::new(PORTS), name).and_then(|path| {
            let mut options = File::options();
            options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
        });
        match found {
            Ok(file) => return Ok(file.into()),
            Err(error) if Instant::now() >= until => {
                let problem = format!("no port {}: {}", name, sys::describe(&error));
                return Err(io::Error::new(error.kind(), problem));
            }
            Err(_) => thread::sleep(LOOK_AGAIN),
        }
    }
}

fn find(ports: &Path, name: &str) -> io::Result<PathBuf> {
    for entry in fs::read_dir(ports)?.flatten() {
        let known = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if known.trim_end() == name {
            return Ok(Path::new("/dev").join(entry.file_name()));
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_by_its_name() {
        let folder = std::env::temp_dir().join(format!("heyvm-ports-{}", std::process::id()));
        for (port, name) in [("vport0p1", "org.other.0\n"), ("vport0p2", "heyvm.0\n"), ("vport0p3", "")] {
            fs::create_dir_all(folder.join(port)).unwrap();
            fs::write(folder.join(port).join("name"), name).unwrap();
        }
        assert_eq!(find(&folder, "heyvm.0").unwrap(), Path::new("/dev/vport0p2"));
        assert!(find(&folder, "heyvm").is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
