// What an operation answers when it cannot be done: one of the codes that all parts of heyvm share.
use crate::json::{object, Value};
use crate::sys;
use std::io;

#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
    /// The system's name of the error, for machines.
    pub errno: Option<String>,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), errno: None }
    }

    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new("usage", message)
    }

    /// `what` says what was tried, such as "cannot run /bin/x".
    pub fn system(what: &str, error: &io::Error) -> Failure {
        let errno = error.raw_os_error();
        let code = match errno.unwrap_or(0) {
            libc::ENOENT | libc::ENOTDIR | libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH => {
                "path-not-found"
            }
            libc::EACCES | libc::EPERM => "policy-refused",
            libc::E2BIG | libc::ENOEXEC | libc::ELOOP | libc::ENAMETOOLONG | libc::EINVAL => "usage",
            libc::ETIMEDOUT => "timeout",
            _ => "guest-failed",
        };
        let message = format!("{}: {}", what, sys::describe(error));
        Failure { code, message, errno: errno.map(sys::errno_name) }
    }

    pub fn to_value(&self) -> Value {
        let mut error = vec![("code", Value::text(self.code)), ("message", Value::text(&self.message))];
        if let Some(errno) = &self.errno {
            error.push(("data", object(vec![("errno", Value::text(errno))])));
        }
        object(vec![("ok", Value::Bool(false)), ("error", object(error))])
    }
}
