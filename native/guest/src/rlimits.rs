// Limits of one process, given as NAME=SOFT[:HARD], as the kernel understands them.
use crate::sys;

#[derive(Debug, PartialEq)]
pub struct Limit {
    name: String,
    resource: u32,
    soft: libc::rlim_t,
    hard: libc::rlim_t,
}

const NAMES: [(&str, u32); 7] = [
    ("NOFILE", libc::RLIMIT_NOFILE),
    ("NPROC", libc::RLIMIT_NPROC),
    ("AS", libc::RLIMIT_AS),
    ("CORE", libc::RLIMIT_CORE),
    ("FSIZE", libc::RLIMIT_FSIZE),
    ("DATA", libc::RLIMIT_DATA),
    ("CPU", libc::RLIMIT_CPU),
];

pub fn parse(text: &str) -> Result<Limit, String> {
    let (name, values) = text.split_once('=').ok_or_else(|| format!("--rlimit {} is not NAME=SOFT[:HARD]", text))?;
    let resource = NAMES.iter().find(|(known, _)| *known == name).map(|(_, resource)| *resource);
    let resource = resource.ok_or_else(|| format!("--rlimit {}: unknown limit", name))?;
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let (soft, hard) = (value(name, soft)?, value(name, hard)?);
    if soft > hard {
        return Err(format!("--rlimit {}: the soft limit is above the hard one", name));
    }
    Ok(Limit { name: name.to_owned(), resource, soft, hard })
}

pub fn apply(limit: &Limit) -> Result<(), String> {
    let value = libc::rlimit { rlim_cur: limit.soft, rlim_max: limit.hard };
    // SAFETY: setrlimit reads one rlimit.
    let result = sys::check(unsafe { libc::setrlimit(limit.resource, &value) });
    result.map(|_| ()).map_err(|error| format!("cannot set the limit {}: {}", limit.name, sys::describe(&error)))
}

fn value(name: &str, text: &str) -> Result<libc::rlim_t, String> {
    if text == "unlimited" {
        return Ok(libc::RLIM_INFINITY);
    }
    text.parse().map_err(|_| format!("--rlimit {}: {:?} is no number", name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_both_limits() {
        let limit = parse("NOFILE=1024").unwrap();
        assert_eq!((limit.soft, limit.hard), (1024, 1024));
        let limit = parse("AS=1:unlimited").unwrap();
        assert_eq!((limit.soft, limit.hard), (1, libc::RLIM_INFINITY));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for text in ["NOFILE", "FILES=1", "NOFILE=", "NOFILE=x", "NOFILE=2:1", "NOFILE=-1"] {
            assert!(parse(text).is_err(), "{}", text);
        }
    }
}
