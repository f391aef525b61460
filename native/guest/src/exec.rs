// The exec operation up to the running program: environment, search, streams.
use crate::failure::Failure;
use crate::header::ExecRequest;
use crate::processes::{Process, Processes};
use crate::pty;
use crate::spawn::{self, Program, SpawnError, Stdio, Terminal};
use crate::sys;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, OwnedFd};
use std::sync::Arc;

pub const WORKSPACE: &str = "/workspace";
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub struct Started {
    pub process: Arc<Process>,
    pub stdin: Input,
    /// Standard output and standard error; with a terminal there is only the first.
    pub outputs: [Option<OwnedFd>; 2],
}

pub enum Input {
    Pipe(OwnedFd),
    Terminal(Arc<OwnedFd>),
}

pub fn start(key: &str, request: &ExecRequest, processes: &Processes) -> Result<Started, Failure> {
    let program = prepare(request, std::env::vars_os())?;
    let broken = |error: io::Error| Failure::system("cannot make the program's streams", &error);
    match &request.pty {
        Some(terminal) => {
            let pty = pty::open(terminal.size).map_err(broken)?;
            sys::set_nonblocking(pty.master.as_raw_fd()).map_err(broken)?;
            let output = pty.master.try_clone().map_err(broken)?;
            let master = Arc::new(pty.master);
            let slave = pty.slave.as_raw_fd();
            let stdio = Stdio { fds: [slave; 3], terminal: Terminal::Controlling };
            let process = launch(key, &program, &stdio, Some(Arc::clone(&master)), processes)?;
            Ok(Started { process, stdin: Input::Terminal(master), outputs: [Some(output), None] })
        }
        None => {
            let (child_in, stdin) = sys::pipe().map_err(broken)?;
            let (stdout, child_out) = sys::pipe().map_err(broken)?;
            let (stderr, child_err) = sys::pipe().map_err(broken)?;
            for fd in [&stdin, &stdout, &stderr] {
                sys::set_nonblocking(fd.as_raw_fd()).map_err(broken)?;
            }
            let fds = [child_in.as_raw_fd(), child_out.as_raw_fd(), child_err.as_raw_fd()];
            let stdio = Stdio { fds, terminal: Terminal::None };
            let process = launch(key, &program, &stdio, None, processes)?;
            Ok(Started { process, stdin: Input::Pipe(stdin), outputs: [Some(stdout), Some(stderr)] })
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

fn prepare(
    request: &ExecRequest,
    inherited: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<Program, Failure> {
    let mut env: Vec<(Vec<u8>, Vec<u8>)> =
        inherited.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
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
        cwd: c_string(request.cwd.as_deref().unwrap_or(WORKSPACE))?,
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
        }
    }

    fn texts(values: &[CString]) -> Vec<&str> {
        values.iter().map(|value| value.to_str().unwrap()).collect()
    }

    fn inherited() -> impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)> {
        vec![("PATH".into(), "/a:/b".into()), ("TERM".into(), "dumb".into())].into_iter()
    }

    #[test]
    fn a_plain_name_is_searched_in_the_path_of_the_program() {
        let mut asked = request(&["x", "y"]);
        assert_eq!(texts(&prepare(&asked, inherited()).unwrap().candidates), ["/a/x", "/b/x"]);
        asked.env.push(("PATH".into(), "/c:".into()));
        assert_eq!(texts(&prepare(&asked, inherited()).unwrap().candidates), ["/c/x", "./x"]);
        assert_eq!(texts(&prepare(&request(&["./x"]), inherited()).unwrap().candidates), ["./x"]);
    }

    #[test]
    fn the_request_adds_to_the_environment_and_wins() {
        let mut asked = request(&["x"]);
        asked.env.push(("NEW".into(), "a=b".into()));
        asked.pty = Some(Asked { term: "xterm".into(), size: Size { columns: 1, rows: 1 } });
        assert_eq!(texts(&prepare(&asked, inherited()).unwrap().envp), ["PATH=/a:/b", "TERM=xterm", "NEW=a=b"]);
        asked.env.push(("TERM".into(), "vt100".into()));
        assert_eq!(texts(&prepare(&asked, inherited()).unwrap().envp), ["PATH=/a:/b", "NEW=a=b", "TERM=vt100"]);
    }

    #[test]
    fn the_workspace_is_the_folder_unless_another_is_named() {
        let mut asked = request(&["x"]);
        assert_eq!(prepare(&asked, inherited()).unwrap().cwd.to_str(), Ok("/workspace"));
        asked.cwd = Some("/tmp".into());
        assert_eq!(prepare(&asked, inherited()).unwrap().cwd.to_str(), Ok("/tmp"));
    }
}
