// The names of signals, as they stand on the wire, and their numbers.
use crate::failure::Failure;

pub fn number(name: &str) -> Result<i32, Failure> {
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
        .ok_or_else(|| Failure::usage(format!("unknown signal {:?}", name)))
}

/// What clients may send; the list of server/protocol/exec.ts.
const SIGNALS: [(&str, i32); 14] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("TERM", libc::SIGTERM),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("WINCH", libc::SIGWINCH),
    ("ABRT", libc::SIGABRT),
    ("ALRM", libc::SIGALRM),
    ("PIPE", libc::SIGPIPE),
];

/// The name of the signal that ended a program, without SIG.
pub fn name(number: i32) -> String {
    let others = [
        ("SEGV", libc::SIGSEGV),
        ("BUS", libc::SIGBUS),
        ("FPE", libc::SIGFPE),
        ("ILL", libc::SIGILL),
        ("TRAP", libc::SIGTRAP),
        ("SYS", libc::SIGSYS),
        ("XCPU", libc::SIGXCPU),
        ("XFSZ", libc::SIGXFSZ),
        ("VTALRM", libc::SIGVTALRM),
        ("PROF", libc::SIGPROF),
        ("IO", libc::SIGIO),
        ("PWR", libc::SIGPWR),
    ];
    match SIGNALS.iter().chain(others.iter()).find(|(_, known)| *known == number) {
        Some((name, _)) => (*name).to_owned(),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::SIGNALS;

    #[test]
    fn signals_have_the_same_name_in_both_directions() {
        for (name, number) in SIGNALS {
            assert_eq!(super::name(number), name);
            assert_eq!(super::number(name).unwrap(), number);
        }
        assert_eq!(super::name(libc::SIGSEGV), "SEGV");
        assert_eq!(super::name(60), "60");
    }
}
