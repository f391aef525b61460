// Makes a machine what its owner says it is. Everything is done with system calls, and doing it again changes nothing.
mod journal;
mod moment;
mod mounts;
mod network;
mod release;
pub mod request;
mod ssh_server;
mod users;

use crate::failure::Failure;
use crate::guest::{Guest, Place};
use crate::sys;
pub use mounts::mount;
pub use network::bring_loopback_up;
pub use release::{release, release_by_force};
use request::Setup;
use std::ffi::CString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
pub use users::User;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub fn apply(guest: &Guest, setup: &Setup) -> Result<(), Failure> {
    if let Some(time) = setup.time_ms {
        moment::set_clock(time).map_err(|error| Failure::system("cannot set the clock", &error))?;
    }
    if let Some(entropy) = &setup.entropy {
        moment::add_entropy(entropy).map_err(|error| Failure::system("cannot add entropy", &error))?;
    }
    if let Some(name) = &setup.hostname {
        set_hostname(name).map_err(|error| Failure::system("cannot set the name of the machine", &error))?;
    }
    if let Some(id) = &setup.machine_id {
        set_machine_id(id).map_err(|error| Failure::system("cannot set the id of the machine", &error))?;
    }
    if let Some(network) = &setup.network {
        network::configure(network)?;
    }
    if let Some(key) = &setup.ssh_host_key {
        ssh_server::identify_as(key).map_err(|error| Failure::system("cannot write the key of the ssh server", &error))?;
    }
    mounts::establish(guest, &setup.mounts)?;
    let user = match &setup.user {
        Some(person) => Some(users::ensure(person)?),
        None => None,
    };
    guest.settle(Place {
        env: environment(user.as_ref(), &setup.env),
        workdir: setup.workdir.clone(),
        user: user.filter(|user| user.uid != 0),
    });
    Ok(())
}

/// What programs find in their environment: what the owner says wins over what follows from the user.
pub fn environment(user: Option<&users::User>, asked: &[(String, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut env: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut set = |name: &str, value: &str| {
        env.retain(|(known, _)| known != name.as_bytes());
        env.push((name.into(), value.into()));
    };
    set("PATH", DEFAULT_PATH);
    set("LANG", "C.UTF-8");
    let (name, home, shell) = user.map_or(("root", "/root", "/bin/sh"), |user| (&user.name, &user.home, &user.shell));
    for (variable, value) in [("HOME", home), ("USER", name), ("LOGNAME", name), ("SHELL", shell)] {
        set(variable, value);
    }
    for (variable, value) in asked {
        set(variable, value);
    }
    env
}

fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of a live text.
    sys::check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })?;
    replace(Path::new("/etc/hostname"), format!("{}\n", name).as_bytes(), 0o644)?;
    let path = Path::new("/etc/hosts");
    let known = fs::read_to_string(path).unwrap_or_default();
    let wanted = hosts(&known, name);
    if wanted != known {
        replace(path, wanted.as_bytes(), 0o644)?;
    }
    Ok(())
}

fn set_machine_id(id: &str) -> io::Result<()> {
    let path = Path::new("/etc/machine-id");
    let content = format!("{}\n", id);
    if fs::read(path).map_or(false, |known| known == content.as_bytes()) {
        return Ok(());
    }
    replace(path, content.as_bytes(), 0o444)?;
    journal::start_anew()
}

/// The file with a line for the machine's own name, as Debian has it; what others wrote stays.
fn hosts(known: &str, name: &str) -> String {
    let own = format!("127.0.1.1\t{}", name);
    let mut lines: Vec<&str> = known.lines().filter(|line| !line.starts_with("127.0.1.1")).collect();
    let has_localhost = lines.iter().any(|line| line.split_whitespace().any(|word| word == "localhost"));
    if !has_localhost {
        lines.insert(0, "127.0.0.1\tlocalhost");
    }
    let after = lines.iter().position(|line| line.starts_with("127.")).map_or(0, |index| index + 1);
    lines.insert(after, &own);
    lines.join("\n") + "\n"
}

/// A file is there whole, or as it was before.
fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if fs::read(path).map_or(false, |known| known == content) {
        return Ok(());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".heyvm");
    let fresh = path.with_file_name(name);
    let mut file = fs::File::options().write(true).create(true).truncate(true).mode(mode & 0o600).open(&fresh)?;
    file.write_all(content)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode))?;
    fs::rename(&fresh, path)
}

fn c_path(path: &Path) -> Result<CString, Failure> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Failure::usage("a zero byte in a path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_name_is_in_the_file_of_hosts_once() {
        let first = hosts("127.0.0.1 localhost\n::1 ip6-localhost\n", "one");
        assert_eq!(first, "127.0.0.1 localhost\n127.0.1.1\tone\n::1 ip6-localhost\n");
        assert_eq!(hosts(&first, "two"), "127.0.0.1 localhost\n127.0.1.1\ttwo\n::1 ip6-localhost\n");
        assert_eq!(hosts("", "one"), "127.0.0.1\tlocalhost\n127.0.1.1\tone\n");
    }

    #[test]
    fn the_owner_s_environment_wins() {
        let env = environment(None, &[("HOME".into(), "/x".into()), ("A".into(), "b".into())]);
        let value = |name: &[u8]| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assert_eq!(value(b"HOME"), Some(b"/x".to_vec()));
        assert_eq!(value(b"USER"), Some(b"root".to_vec()));
        assert_eq!(value(b"A"), Some(b"b".to_vec()));
    }
}
