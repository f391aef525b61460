// The guest program: one static executable whose first argument says which part it plays.
mod connection;
mod dial;
mod exec;
mod failure;
mod filter;
mod frames;
mod fuse;
mod guest;
mod header;
mod identity;
mod json;
mod launch;
mod machine;
mod members;
mod mux;
mod ports;
mod processes;
mod pty;
mod reaper;
mod relay;
mod resolve;
mod rlimits;
mod serve;
mod session;
mod setup;
mod sftp;
mod share;
mod signals;
mod spawn;
mod stage;
mod stdin;
mod sys;
mod virtio;

const USAGE: &str = "usage: heyvm-guest (launch | serve | mux | vm | share | version), as its README says";

fn main() {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let arguments: Vec<std::ffi::OsString> = words.collect();
    let mode = arguments.first().and_then(|mode| mode.to_str());
    let rest = arguments.get(1..).unwrap_or(&[]);
    let outcome = match mode {
        _ if stage::is_asked_for(&name) => stage::run(&name, &arguments),
        _ if machine::init::is_asked_for(&name) => machine::init::run(),
        Some("launch") => launch::run(rest),
        Some("serve") => serve::run(rest),
        Some("vm") => machine::vm::run(rest),
        Some("mux") => mux::run(rest),
        Some("share") => share::run(rest),
        Some("resolve") => resolve::run(rest),
        Some("version") => {
            println!("heyvm-guest {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    };
    if let Err(message) = outcome {
        eprintln!("heyvm-guest: {}", message);
        std::process::exit(125);
    }
}
