// The exec operation up to the running program: environment, search, streams.
use crate::failure::Failure;
use crate::guest::{Guest, Place};
use crate::header::{ExecRequest, HangUp};
use crate::processes::{Process, Processes};
use crate::pty;
use crate::spawn::{self, Program, SpawnError, Stdio, Terminal};
use crate::sys;
use std::ffi::CString;
use std::io;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::sync::Arc;

pub const WORKSPACE: &str = "/workspace";
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub struct Started {
    pub process: Arc<Process>,
    pub stdin: Input,
    /// Standard output and standard error; with a terminal there is only the first.
    pub outputs: [Option<OwnedFd>; 2],
    pub hang_up: HangUp,
}

pub enum Input {
    Pipe(OwnedFd),
    Terminal(Arc<OwnedFd>),
}

pub fn start(key: &str, request: &ExecRequest, guest: &Guest) -> Result<Started, Failure> {
    let processes = &guest.processes;
    let program = prepare(request, &guest.place())?;
    let broken = |error: io::Error| Failure::system("cannot make the program's streams", &error);
    match &request.pty {
        Some(terminal) => {
            let pty = pty::open(terminal.size).map_err(broken)?;
            sys::set_nonblocking(pty.master.as_raw_fd()).map_err(broken)?;
            let output = pty.master.try_clone().map_err(broken)?;
            let master = Arc::new(pty.master);
            let slave = pty.slave.as_raw_fd();
            give([slave], &program).map_err(broken)?;
            let stdio = Stdio { fds: [slave; 3], terminal: Terminal::Controlling };
            let process = launch(key, &program, &stdio, Some(Arc::clone(&master)), processes)?;
            Ok(Started { process, stdin: Input::Terminal(master), outputs: [Some(output), None], hang_up: HangUp::Group })
        }
        None => {
            let (child_in, stdin) = sys::pipe().map_err(broken)?;
            let (stdout, child_out) = sys::pipe().map_err(broken)?;
            let (stderr, child_err) = sys::pipe().map_err(broken)?;
            for fd in [&stdin, &stdout, &stderr] {
                sys::set_nonblocking(fd.as_raw_fd()).map_err(broken)?;
            }
            let fds = [child_in.as_raw_fd(), child_out.as_raw_fd(), child_err.as_raw_fd()];
            give(fds, &program).map_err(broken)?;
            let stdio = Stdio { fds, terminal: Terminal::None };
            let process = launch(key, &program, &stdio, None, processes)?;
            let outputs = [Some(stdout), Some(stderr)];
            Ok(Started { process, stdin: Input::Pipe(stdin), outputs, hang_up: request.hang_up })
        }
    }
}

fn launch(
    key: &str,
    program: &Program,
    stdio: &Stdio,
    terminal: Option<Arc<OwnedFd>>,
    processes: &Processes,
) -> Result<Arc<Process>, Failure> {
    let name = || program.argv[0].to_string_lossy().into_owned();
    processes.start(key, terminal, || {
        spawn::spawn(program, stdio).map_err(|error| match error {
            SpawnError::Fork(error) => Failure::system("cannot start another process", &error),
            SpawnError::Folder(error) => {
                Failure::system(&format!("cannot enter {}", program.cwd.to_string_lossy()), &error)
            }
            SpawnError::Execute(error) => Failure::system(&format!("cannot run {}", name()), &error),
        })
    })
}

/// Programs open their own streams by name, as /dev/stdout, for which these must belong to their user.
fn give<const N: usize>(fds: [i32; N], program: &Program) -> io::Result<()> {
    if let Some(identity) = &program.identity {
        for fd in fds {
            // SAFETY: fchown touches no memory. All ones leave the group as it is.
            sys::check(unsafe { libc::fchown(fd, identity.uid, u32::MAX) })?;
        }
    }
    Ok(())
}

fn prepare(request: &ExecRequest, place: &Place) -> Result<Program, Failure> {
    let mut env = place.env.clone();
    let term = request.pty.as_ref().map(|terminal| ("TERM".to_owned(), terminal.term.clone()));
    for (name, value) in term.iter().chain(&request.env) {
        env.retain(|(known, _)| known != name.as_bytes());
        env.push((name.clone().into_bytes(), value.clone().into_bytes()));
    }
    let path = env.iter().find(|(name, _)| name == b"PATH").map(|(_, value)| value.clone());
    let path = path.unwrap_or_else(|| DEFAULT_PATH.as_bytes().to_vec());
    let envp = env.into_iter().map(|(name, value)| c_string([name, value].join(&b'=')));
    Ok(Program {
        candidates: candidates(request.argv[0].as_bytes(), &path)?,
        argv: request.argv.iter().map(|text| c_string(text.as_bytes())).collect::<Result<_, _>>()?,
        envp: envp.collect::<Result<_, _>>()?,
        identity: place.identity(),
        cwd: c_string(request.cwd.as_deref().unwrap_or_else(|| place.workdir()))?,
    })
}

/// Where a program may be; a name with a slash is taken as it is, relative to the folder of the program.
fn candidates(name: &[u8], path: &[u8]) -> Result<Vec<CString>, Failure> {
    if name.is_empty() {
        return Err(Failure {
            errno: Some("ENOENT".to_owned()),
            ..Failure::new("path-not-found", "the program's name is empty")
        });
    }
    if name.contains(&b'/') {
        return Ok(vec![c_string(name)?]);
    }
    let in_folder = |folder: &[u8]| {
        let folder = if folder.is_empty() { b"." } else { folder };
        c_string([folder, name].join(&b'/'))
    };
    path.split(|byte| *byte == b':').map(in_folder).collect()
}

fn c_string(text: impl Into<Vec<u8>>) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure::usage("a zero byte in a text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{Size, Terminal as Asked};

    fn request(argv: &[&str]) -> ExecRequest {
        ExecRequest {
            argv: argv.iter().map(|text| (*text).to_owned()).collect(),
            cwd: None,
            env: Vec::new(),
            pty: None,
            hang_up: HangUp::Group,
        }
    }

    fn texts(values: &[CString]) -> Vec<&str> {
        values.iter().map(|value| value.to_str().unwrap()).collect()
    }

    fn place() -> Place {
        let env = vec![(b"PATH".to_vec(), b"/a:/b".to_vec()), (b"TERM".to_vec(), b"dumb".to_vec())];
        Place { user: None, env, workdir: None }
    }

    #[test]
    fn a_plain_name_is_searched_in_the_path_of_the_program() {
        let mut asked = request(&["x", "y"]);
        assert_eq!(texts(&prepare(&asked, &place()).unwrap().candidates), ["/a/x", "/b/x"]);
        asked.env.push(("PATH".into(), "/c:".into()));
        assert_eq!(texts(&prepare(&asked, &place()).unwrap().candidates), ["/c/x", "./x"]);
        assert_eq!(texts(&prepare(&request(&["./x"]), &place()).unwrap().candidates), ["./x"]);
    }

    #[test]
    fn the_request_adds_to_the_environment_and_wins() {
        let mut asked = request(&["x"]);
        asked.env.push(("NEW".into(), "a=b".into()));
        asked.pty = Some(Asked { term: "xterm".into(), size: Size { columns: 1, rows: 1 } });
        assert_eq!(texts(&prepare(&asked, &place()).unwrap().envp), ["PATH=/a:/b", "TERM=xterm", "NEW=a=b"]);
        asked.env.push(("TERM".into(), "vt100".into()));
        assert_eq!(texts(&prepare(&asked, &place()).unwrap().envp), ["PATH=/a:/b", "NEW=a=b", "TERM=vt100"]);
    }

    #[test]
    fn the_workspace_is_the_folder_unless_another_is_named() {
        let mut asked = request(&["x"]);
        assert_eq!(prepare(&asked, &place()).unwrap().cwd.to_str(), Ok("/workspace"));
        asked.cwd = Some("/tmp".into());
        assert_eq!(prepare(&asked, &place()).unwrap().cwd.to_str(), Ok("/tmp"));
    }
}
