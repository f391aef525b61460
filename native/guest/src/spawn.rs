// Forks and executes one program; everything that needs memory is prepared before the fork.
use crate::identity::Identity;
use crate::sys;
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::io::{AsRawFd, OwnedFd, RawFd};

pub struct Program {
    /// The files to try in this order, as a search through PATH gives them.
    pub candidates: Vec<CString>,
    pub argv: Vec<CString>,
    pub envp: Vec<CString>,
    pub cwd: CString,
    /// As whom it runs; as this program when there is none.
    pub identity: Option<Identity>,
}

/// The descriptors that become 0, 1 and 2.
pub struct Stdio {
    pub fds: [RawFd; 3],
    /// Whether they are a terminal that the program's session shall control.
    pub terminal: Terminal,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Terminal {
    None,
    Controlling,
}

/// What kept a program from running.
pub enum SpawnError {
    Fork(io::Error),
    Folder(io::Error),
    Execute(io::Error),
}

const FOLDER: i32 = 1;
const EXECUTE: i32 = 2;

/// Answers the pid once the program runs; a program that could not be executed is already reaped or about to be.
pub fn spawn(program: &Program, stdio: &Stdio) -> Result<libc::pid_t, SpawnError> {
    let (report_in, report_out) = sys::pipe().map_err(SpawnError::Fork)?;
    let child = Child {
        candidates: pointers(&program.candidates),
        argv: pointers(&program.argv),
        script: script(&program.argv),
        envp: pointers(&program.envp),
        cwd: &program.cwd,
        identity: program.identity.as_ref(),
        stdio,
        report: report_out.as_raw_fd(),
    };
    // SAFETY: until it executes or exits, the child makes only calls that are safe after a fork.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        unsafe { child.run() }
    }
    let pid = sys::check(pid).map_err(SpawnError::Fork)?;
    drop(report_out);
    match read_report(&report_in) {
        None => Ok(pid),
        Some((stage, errno)) => {
            let error = io::Error::from_raw_os_error(errno);
            Err(if stage == FOLDER { SpawnError::Folder(error) } else { SpawnError::Execute(error) })
        }
    }
}

fn read_report(report: &OwnedFd) -> Option<(i32, i32)> {
    let mut bytes = [0; 8];
    match sys::read(report.as_raw_fd(), &mut bytes) {
        Ok(8) => {
            let (stage, errno) = bytes.split_at(4);
            Some((i32::from_ne_bytes(stage.try_into().ok()?), i32::from_ne_bytes(errno.try_into().ok()?)))
        }
        _ => None,
    }
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The arguments for a text file without an interpreter line, which /bin/sh runs; the file's name comes second.
fn script(argv: &[CString]) -> Vec<*const libc::c_char> {
    let arguments = argv.iter().skip(1).map(|text| text.as_ptr());
    let shell = [SHELL.as_ptr().cast(), std::ptr::null()];
    shell.into_iter().chain(arguments).chain([std::ptr::null()]).collect()
}

const SHELL: &[u8] = b"/bin/sh\0";

struct Child<'a> {
    candidates: Vec<*const libc::c_char>,
    argv: Vec<*const libc::c_char>,
    script: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
    cwd: &'a CStr,
    identity: Option<&'a Identity>,
    stdio: &'a Stdio,
    report: RawFd,
}

impl Child<'_> {
    unsafe fn run(mut self) -> ! {
        libc::setsid();
        reset_signals();
        for (target, fd) in self.stdio.fds.iter().enumerate() {
            if libc::dup2(*fd, target as RawFd) < 0 {
                self.give_up(EXECUTE);
            }
        }
        if self.stdio.terminal == Terminal::Controlling && libc::ioctl(0, libc::TIOCSCTTY as _, 0) < 0 {
            self.give_up(EXECUTE);
        }
        if self.identity.map_or(false, |identity| identity.assume().is_err()) {
            self.give_up(EXECUTE);
        }
        if libc::chdir(self.cwd.as_ptr()) < 0 {
            self.give_up(FOLDER);
        }
        self.execute();
        self.give_up(EXECUTE)
    }

    /// Comes back only with errno set to what is most worth telling.
    unsafe fn execute(&mut self) {
        let mut denied = false;
        for index in 0..self.candidates.len() - 1 {
            let file = self.candidates[index];
            libc::execve(file, self.argv.as_ptr(), self.envp.as_ptr());
            match *libc::__errno_location() {
                libc::ENOEXEC => {
                    self.script[1] = file;
                    libc::execve(SHELL.as_ptr().cast(), self.script.as_ptr(), self.envp.as_ptr());
                    *libc::__errno_location() = libc::ENOEXEC;
                    return;
                }
                // A folder of the path that may not be entered says nothing about the program.
                libc::EACCES => denied |= self.candidates.len() == 2 || libc::access(file, libc::F_OK) == 0,
                libc::ENOENT | libc::ENOTDIR => {}
                _ => return,
            }
        }
        if denied {
            *libc::__errno_location() = libc::EACCES;
        } else if *libc::__errno_location() == libc::EACCES {
            *libc::__errno_location() = libc::ENOENT;
        }
    }

    unsafe fn give_up(&self, stage: i32) -> ! {
        let report = [stage, *libc::__errno_location()];
        libc::write(self.report, report.as_ptr().cast(), std::mem::size_of_val(&report));
        libc::_exit(127)
    }
}

/// A program begins with every signal allowed and at its default.
unsafe fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        libc::signal(signal, libc::SIG_DFL);
    }
    let mut none = std::mem::zeroed();
    libc::sigemptyset(&mut none);
    libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
}
