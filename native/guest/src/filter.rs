// Puts a filter of system calls over this process and everything that it starts.
use crate::sys;
use std::io;
use std::path::Path;

/// The size of one instruction, as the kernel lays it out.
const INSTRUCTION: usize = 8;

/// The most that the kernel takes.
const LONGEST: usize = 4096;

/// For good: nothing can take a filter away again.
pub fn apply(path: &Path) -> Result<(), String> {
    let broken = |error: io::Error| format!("cannot filter with {}: {}", path.display(), sys::describe(&error));
    let mut program = decode(&std::fs::read(path).map_err(broken)?)
        .ok_or_else(|| format!("cannot filter with {}: it is no filter", path.display()))?;
    let described = libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which lives until the call is over.
    unsafe {
        sys::check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)).map_err(broken)?;
        let pointer = &described as *const libc::sock_fprog;
        sys::check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, pointer)).map_err(broken)?;
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Option<Vec<libc::sock_filter>> {
    let count = bytes.len() / INSTRUCTION;
    if bytes.len() % INSTRUCTION != 0 || count == 0 || count > LONGEST {
        return None;
    }
    let instruction = |raw: &[u8]| libc::sock_filter {
        code: u16::from_le_bytes([raw[0], raw[1]]),
        jt: raw[2],
        jf: raw[3],
        k: u32::from_le_bytes([raw[4], raw[5], raw[6], raw[7]]),
    };
    Some(bytes.chunks_exact(INSTRUCTION).map(instruction).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_whole_instructions() {
        let found = decode(&[6, 0, 1, 2, 0, 0, 255, 127]);
        let fields = found.map(|all| all.iter().map(|one| (one.code, one.jt, one.jf, one.k)).collect::<Vec<_>>());
        assert_eq!(fields, Some(vec![(6, 1, 2, 0x7fff_0000)]));
        for bytes in [&[][..], &[6, 0, 1], &[0; 9]] {
            assert!(decode(bytes).is_none());
        }
        assert!(decode(&[0; INSTRUCTION * (LONGEST + 1)]).is_none());
    }

    #[test]
    fn a_file_that_is_no_filter_is_refused() {
        assert!(apply(Path::new("/no/such/filter")).is_err());
    }
}
