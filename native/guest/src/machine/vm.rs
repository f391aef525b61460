// The vm mode: serves a machine whose first process is the one that its vendor gave it.
use super::serve_port;
use crate::guest::{Control, Guest, Place};
use crate::processes;
use crate::reaper;
use crate::serve::{self, Privileges};
use crate::sys;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

const USAGE: &str = "usage: heyvm-guest vm [--port NAME] [--detach]";

pub fn run(arguments: &[OsString]) -> Result<(), String> {
    let plan = parse(arguments).ok_or(USAGE)?;
    let broken = |error: io::Error| format!("cannot serve: {}", sys::describe(&error));
    if plan.life == Life::Detached {
        detach().map_err(broken)?;
    }
    serve::harden(Privileges::AsUsual).map_err(broken)?;
    processes::block_signals().map_err(broken)?;
    let guest = Arc::new(Guest::new(Control::Beside));
    guest.settle(Place { workdir: Some("/".to_owned()), ..Place::inherited() });
    reaper::start(Arc::clone(&guest), || std::process::exit(0)).map_err(broken)?;
    let ready = || println!("heyvm-guest ready");
    serve_port(&plan.port, &guest, &ready).map_err(|error| error.to_string())
}

#[derive(Debug, PartialEq)]
struct Plan {
    port: String,
    life: Life,
}

#[derive(Debug, PartialEq)]
enum Life {
    Attached,
    /// Whoever started it may end.
    Detached,
}

fn parse(arguments: &[OsString]) -> Option<Plan> {
    let mut plan = Plan { port: super::PORT.to_owned(), life: Life::Attached };
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        match flag.to_str()? {
            "--port" => plan.port = rest.next()?.to_str()?.to_owned(),
            "--detach" => plan.life = Life::Detached,
            _ => return None,
        }
    }
    Some(plan)
}

fn detach() -> io::Result<()> {
    // SAFETY: this process has one thread.
    unsafe {
        if sys::check(libc::fork())? != 0 {
            libc::_exit(0);
        }
        sys::check(libc::setsid())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_has_a_name_of_its_own_unless_another_is_given() {
        let parsed = |words: &[&str]| parse(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(parsed(&[]), Some(Plan { port: "heyvm.0".into(), life: Life::Attached }));
        assert_eq!(parsed(&["--detach", "--port", "x"]), Some(Plan { port: "x".into(), life: Life::Detached }));
        assert_eq!(parsed(&["--port"]), None);
        assert_eq!(parsed(&["now"]), None);
    }
}
