// The user as whom programs run: known to the machine's own files, with the groups that these say.
use super::replace;
use super::request::Person;
use crate::failure::Failure;
use crate::sys;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::io::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// As long as the system's own programs wait.
const LOCK_PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// Including the first one.
    pub groups: Vec<u32>,
    pub home: String,
    pub shell: String,
}

/// Adds what is missing to the files of users and groups, and makes the home.
pub fn ensure(person: &Person) -> Result<User, Failure> {
    let broken = |error: io::Error| Failure::system(&format!("cannot make the user {}", person.name), &error);
    let _lock = lock_accounts();
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let (users, shell) = with_user(&users, person, shell);
    let groups = with_group(&groups, person);
    replace(Path::new("/etc/group"), groups.as_bytes(), 0o644).map_err(broken)?;
    replace(Path::new("/etc/passwd"), users.as_bytes(), 0o644).map_err(broken)?;
    ensure_shadow(person).map_err(broken)?;
    ensure_home(person).map_err(broken)?;
    let_administrate(person).map_err(broken)?;
    Ok(User {
        name: person.name.clone(),
        uid: person.uid,
        gid: person.gid,
        groups: groups_of(&groups, person),
        home: person.home.clone(),
        shell,
    })
}

/// Programs that change accounts wait for each other by this file, and a machine that just comes up may run some. Without
/// such a file nobody waits, and nothing is worse than it was.
fn lock_accounts() -> Option<fs::File> {
    let file = fs::File::options().write(true).create(true).mode(0o600).open("/etc/.pwd.lock").ok()?;
    // SAFETY: zeroes are a valid request, which the kernel reads.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_WRLCK as libc::c_short;
        let until = Instant::now() + LOCK_PATIENCE;
        while libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &lock) != 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
    }
    Some(file)
}

/// The file with the user in it, and the user's shell. A line of that name keeps its shell and gets the numbers.
fn with_user(file: &str, person: &Person, shell: &str) -> (String, String) {
    let known = file.lines().find(|line| line.split(':').next() == Some(&person.name));
    let known_shell = known.and_then(|line| line.split(':').nth(6)).filter(|shell| Path::new(shell).exists());
    let shell = known_shell.unwrap_or(shell).to_owned();
    let own = format!("{}:x:{}:{}::{}:{}", person.name, person.uid, person.gid, person.home, shell);
    (with_line(file, &person.name, &own), shell)
}

fn with_group(file: &str, person: &Person) -> String {
    let has = file.lines().any(|line| line.split(':').nth(2) == Some(&person.gid.to_string()));
    if has {
        return file.to_owned();
    }
    with_line(file, &person.name, &format!("{}:x:{}:", person.name, person.gid))
}

fn with_line(file: &str, name: &str, own: &str) -> String {
    let mut lines: Vec<&str> = file.lines().collect();
    match lines.iter().position(|line| line.split(':').next() == Some(name)) {
        Some(index) => lines[index] = own,
        None => lines.push(own),
    }
    lines.join("\n") + "\n"
}

fn groups_of(file: &str, person: &Person) -> Vec<u32> {
    let mut groups = vec![person.gid];
    for line in file.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [_, _, id, members] = fields[..] {
            let id = id.parse().ok().filter(|id| !groups.contains(id));
            if let (Some(id), true) = (id, members.split(',').any(|member| member == person.name)) {
                groups.push(id);
            }
        }
    }
    groups
}

/// A user without a line there could not use programs that ask for a valid account, such as sudo.
fn ensure_shadow(person: &Person) -> io::Result<()> {
    let path = Path::new("/etc/shadow");
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(_) => return Ok(()),
    };
    let known = fs::read_to_string(path)?;
    if known.lines().any(|line| line.split(':').next() == Some(&person.name)) {
        return Ok(());
    }
    let owner = std::os::unix::fs::MetadataExt::gid(&found);
    let own = format!("{}:*:19000:0:99999:7:::", person.name);
    replace(path, with_line(&known, &person.name, &own).as_bytes(), found.permissions().mode() & 0o777)?;
    sys::chown(path, 0, owner)
}

fn ensure_home(person: &Person) -> io::Result<()> {
    let home = Path::new(&person.home);
    if home.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(home)?;
    fs::set_permissions(home, fs::Permissions::from_mode(0o755))?;
    sys::chown(home, person.uid, person.gid)
}

/// The machine is the user's own: what must not be changed is kept outside of it.
fn let_administrate(person: &Person) -> io::Result<()> {
    let folder = Path::new("/etc/sudoers.d");
    if person.uid == 0 || !folder.is_dir() {
        return Ok(());
    }
    let rule = format!("{} ALL=(ALL:ALL) NOPASSWD: ALL\n", person.name);
    replace(&folder.join("heyvm"), rule.as_bytes(), 0o440)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Person {
        Person { name: "me".into(), uid: 1000, gid: 1000, home: "/home/me".into() }
    }

    #[test]
    fn a_user_is_added_once_and_keeps_the_shell_that_is_there() {
        let (users, shell) = with_user("root:x:0:0:root:/root:/bin/sh\n", &me(), "/bin/sh");
        assert_eq!(users, "root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n");
        assert_eq!(with_user(&users, &me(), "/bin/other"), (users, shell));
        let (users, _) = with_user("me:x:7:7:Me:/old:/no/such/shell\n", &me(), "/bin/sh");
        assert_eq!(users, "me:x:1000:1000::/home/me:/bin/sh\n");
    }

    #[test]
    fn a_group_with_that_number_is_enough() {
        assert_eq!(with_group("users:x:1000:\n", &me()), "users:x:1000:\n");
        assert_eq!(with_group("root:x:0:\n", &me()), "root:x:0:\nme:x:1000:\n");
    }

    #[test]
    fn the_groups_that_name_the_user_belong_to_it() {
        let file = "root:x:0:\nsudo:x:27:you,me\nme:x:1000:me\nmen:x:30:men\n";
        assert_eq!(groups_of(file, &me()), [1000, 27]);
    }
}
