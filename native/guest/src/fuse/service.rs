// Serves one mount: takes the kernel's requests one by one, and asks again over the next connection when one was lost.
use super::abi::{self, Request};
use super::device;
use super::files::Files;
use super::links::Link;
use super::nodes::Nodes;
use super::remote::{Remote, Trouble};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

pub struct Service {
    device: File,
    link: Arc<Link>,
    /// Which mount it is, for the link.
    mount: u64,
    session: Session,
}

/// What the operations work with.
pub struct Session {
    pub nodes: Nodes,
    pub files: Files,
    /// Devices of the host in the order in which they were seen, because numbers of files are unique on one alone.
    pub devices: Vec<u64>,
    pub remote: Option<Remote>,
    /// Which connection it is.
    pub connection: u64,
}

impl Session {
    pub fn new() -> Session {
        Session { nodes: Nodes::new(), files: Files::default(), devices: Vec::new(), remote: None, connection: 0 }
    }

    pub fn connected(&mut self, remote: Remote) {
        self.connection += 1;
        self.remote = Some(remote);
    }
}

impl Service {
    pub fn new(device: File, link: Arc<Link>, mount: u64) -> Service {
        Service { device, link, mount, session: Session::new() }
    }

    /// Until it is unmounted. When this ends otherwise, the closed device lets the kernel refuse everything.
    pub fn run(mut self) {
        let mut buffer = vec![0; abi::BUFFER];
        while let Ok(Some(count)) = device::receive(&self.device, &mut buffer) {
            let request = match abi::parse(&buffer[..count]) {
                Some(request) => request,
                None => break,
            };
            let unique = request.unique;
            let outcome = match self.answer(&request) {
                Some(outcome) => outcome,
                None => continue,
            };
            if request.operation == abi::OPEN {
                // An older kernel, or one that has forgotten the file, has nothing to forget.
                let _ = self.device.write(&abi::forget_attributes(request.node));
            }
            // A request that was taken back meanwhile wants no answer.
            let _ = self.device.write(&abi::answer(unique, outcome));
            if self.session.remote.is_none() && self.link.has_ended(self.mount) {
                break;
            }
        }
        self.link.end(self.mount);
    }

    /// Nothing for what is not answered.
    fn answer(&mut self, request: &Request) -> Option<Result<abi::Reply, i32>> {
        match request.operation {
            abi::FORGET | abi::BATCH_FORGET => {
                self.session.forget(request);
                None
            }
            abi::INTERRUPT => None,
            abi::DESTROY => Some(Ok(abi::Reply::default())),
            abi::INIT => Some(abi::init(request.body).ok_or(libc::EPROTO)),
            _ => Some(self.operate(request)),
        }
    }

    fn operate(&mut self, request: &Request) -> Result<abi::Reply, i32> {
        let mut attempt = Attempt::First;
        loop {
            if self.session.remote.is_none() {
                let stream = self.link.take(self.mount).ok_or(libc::ENOTCONN)?;
                match Remote::greet(stream) {
                    Ok(remote) => self.session.connected(remote),
                    Err(_) => {
                        self.link.lose();
                        continue;
                    }
                }
            }
            match self.session.operate(request, attempt) {
                Ok(reply) => return Ok(reply),
                Err(Trouble::Errno(errno)) => return Err(errno),
                Err(Trouble::Lost) => {
                    self.session.remote = None;
                    self.link.lose();
                    attempt = Attempt::Again;
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attempt {
    First,
    /// The first one may have been carried out, which nobody could say any more.
    Again,
}
