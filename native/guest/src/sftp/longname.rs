// The line that `ls -l` would print for a file; clients show it as it is.
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

const HALF_A_YEAR: i64 = 365 * 24 * 3600 / 2;

/// Names of users and groups, read from the guest's own files when the first is asked for.
#[derive(Default)]
pub struct Names {
    users: Option<HashMap<u32, String>>,
    groups: Option<HashMap<u32, String>>,
}

impl Names {
    pub fn longname(&mut self, name: &[u8], metadata: &Metadata) -> Vec<u8> {
        let user = look_up(&mut self.users, "/etc/passwd", metadata.uid());
        let group = look_up(&mut self.groups, "/etc/group", metadata.gid());
        let line = format!(
            "{} {:3} {:<8} {:<8} {:8} {} ",
            mode(metadata.mode()),
            metadata.nlink(),
            user,
            group,
            metadata.size(),
            time(metadata.mtime()),
        );
        [line.as_bytes(), name].concat()
    }
}

/// The home of a user, or the place for it in a line of the user's file.
pub fn home_of(user: &[u8]) -> Option<String> {
    let text = std::fs::read("/etc/passwd").ok()?;
    let line = text.split(|byte| *byte == b'\n').find(|line| line.split(|byte| *byte == b':').next() == Some(user))?;
    let home = line.split(|byte| *byte == b':').nth(5)?;
    String::from_utf8(home.to_vec()).ok()
}

fn look_up(known: &mut Option<HashMap<u32, String>>, file: &str, id: u32) -> String {
    let names = known.get_or_insert_with(|| {
        let text = std::fs::read(file).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().filter_map(entry).collect()
    });
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

/// `name:password:id:…`, the common beginning of both files.
fn entry(line: &str) -> Option<(u32, String)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
}

fn mode(mode: u32) -> String {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFCHR => 'c',
        libc::S_IFBLK => 'b',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, with, without) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Month, day and time; for what is old or in the future the year instead of the time.
fn time(modified: i64) -> String {
    // SAFETY: the calls fill what they are given room for; the format ends with a zero byte.
    unsafe {
        let now = libc::time(std::ptr::null_mut());
        let recent = (now - HALF_A_YEAR..=now + 60).contains(&modified);
        let format: &[u8] = if recent { b"%b %e %H:%M\0" } else { b"%b %e  %Y\0" };
        let seconds = modified as libc::time_t;
        let mut parts = std::mem::zeroed();
        let mut text = [0u8; 64];
        if libc::localtime_r(&seconds, &mut parts).is_null() {
            return modified.to_string();
        }
        let length = libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr().cast(), &parts);
        String::from_utf8_lossy(&text[..length]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_look_as_ls_prints_them() {
        let table = [
            (libc::S_IFREG | 0o644, "-rw-r--r--"),
            (libc::S_IFDIR | 0o755, "drwxr-xr-x"),
            (libc::S_IFLNK | 0o777, "lrwxrwxrwx"),
            (libc::S_IFDIR | 0o1777, "drwxrwxrwt"),
            (libc::S_IFREG | 0o6755, "-rwsr-sr-x"),
            (libc::S_IFREG | 0o7000, "---S--S--T"),
            (libc::S_IFIFO | 0o600, "prw-------"),
            (libc::S_IFSOCK | 0o600, "srw-------"),
        ];
        for (bits, expected) in table {
            assert_eq!(mode(bits), expected);
        }
    }

    #[test]
    fn lines_of_the_files_of_users_are_read() {
        assert_eq!(entry("dev:x:1000:1000::/home/dev:/bin/sh"), Some((1000, "dev".into())));
        assert_eq!(entry("wheel:x:10:"), Some((10, "wheel".into())));
        assert_eq!(entry(""), None);
        assert_eq!(entry("# comment"), None);
    }
}
