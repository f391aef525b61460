// The first frame of a connection as typed data; the same shapes as ChannelHeader in server/protocol/owner.ts.
use crate::failure::Failure;
use crate::json::{self, Value};
use crate::members::{text, Members};
use crate::setup::request::{self, Setup};
use crate::signals;

#[derive(Debug, PartialEq)]
pub enum Header {
    Ping,
    Exec { key: String, request: ExecRequest },
    Signal { key: String, signal: i32 },
    Resize { key: String, size: Size },
    Dial(Target),
    Sftp,
    Ports,
    Setup(Box<Setup>),
    Release,
    Shutdown,
    Share(String),
}

#[derive(Debug, PartialEq)]
pub struct ExecRequest {
    pub argv: Vec<String>,
    pub cwd: Option<String>,
    pub env: Vec<(String, String)>,
    pub pty: Option<Terminal>,
    pub hang_up: HangUp,
}

/// Whom the loss of the client reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HangUp {
    /// The program and all that it started in its group.
    Group,
    /// The program alone, so that what it left in the background goes on.
    Alone,
}

#[derive(Debug, PartialEq)]
pub struct Terminal {
    pub term: String,
    pub size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

#[derive(Debug, PartialEq)]
pub enum Target {
    Tcp { host: String, port: u16 },
    Unix { path: String },
}

pub fn parse(bytes: &[u8]) -> Result<Header, Failure> {
    let value = json::parse(bytes).map_err(|problem| Failure::usage(format!("the header is not JSON: {}", problem)))?;
    let mut members = Members::of(value, "header")?;
    let header = match members.text("op")?.as_str() {
        "ping" => Header::Ping,
        "sftp" => Header::Sftp,
        "ports" => Header::Ports,
        "setup" => Header::Setup(Box::new(request::parse(members.take("setup")?)?)),
        "release" => Header::Release,
        "shutdown" => Header::Shutdown,
        "share" => Header::Share(members.text("tag")?),
        "exec" => Header::Exec { key: key(&mut members)?, request: exec(members.take("request")?)? },
        "signal" => Header::Signal { key: key(&mut members)?, signal: signals::number(&members.text("signal")?)? },
        "resize" => Header::Resize { key: key(&mut members)?, size: size(members.take("size")?)? },
        "dial" => Header::Dial(target(members.take("target")?)?),
        other => return Err(Failure::usage(format!("unknown operation {:?}", other))),
    };
    members.done()?;
    Ok(header)
}

fn exec(value: Value) -> Result<ExecRequest, Failure> {
    let mut members = Members::of(value, "request")?;
    let argv = texts(members.take("argv")?)?;
    let cwd = members.optional("cwd").map(|value| text(value, "cwd")).transpose()?;
    let env = members.optional("env").map(environment).transpose()?.unwrap_or_default();
    let pty = members.optional("pty").map(terminal).transpose()?;
    let hang_up = members.optional("hang_up").map(hang_up).transpose()?.unwrap_or(HangUp::Group);
    members.done()?;
    if argv.is_empty() {
        return Err(Failure::usage("argv is empty"));
    }
    Ok(ExecRequest { argv, cwd, env, pty, hang_up })
}

fn hang_up(value: Value) -> Result<HangUp, Failure> {
    match text(value, "hang_up")?.as_str() {
        "group" => Ok(HangUp::Group),
        "alone" => Ok(HangUp::Alone),
        other => Err(Failure::usage(format!("unknown reach of a hang-up {:?}", other))),
    }
}

fn texts(value: Value) -> Result<Vec<String>, Failure> {
    match value {
        Value::List(items) => items.into_iter().map(|item| text(item, "argv")).collect(),
        _ => Err(Failure::usage("argv is not a list")),
    }
}

pub fn environment(value: Value) -> Result<Vec<(String, String)>, Failure> {
    let members = Members::of(value, "env")?.members;
    let named = |(name, value): (String, Value)| {
        if name.is_empty() || name.contains('=') {
            return Err(Failure::usage(format!("{:?} is no name of a variable", name)));
        }
        let value = text(value, &name)?;
        Ok((name, value))
    };
    members.into_iter().map(named).collect()
}

fn terminal(value: Value) -> Result<Terminal, Failure> {
    let mut members = Members::of(value, "pty")?;
    let terminal = Terminal { term: members.text("term")?, size: size(members.take("size")?)? };
    members.done()?;
    Ok(terminal)
}

fn size(value: Value) -> Result<Size, Failure> {
    let mut members = Members::of(value, "size")?;
    let size = Size { columns: members.number("columns", 10_000)?, rows: members.number("rows", 10_000)? };
    members.done()?;
    Ok(size)
}

fn target(value: Value) -> Result<Target, Failure> {
    let mut members = Members::of(value, "target")?;
    let target = match members.text("kind")?.as_str() {
        "tcp" => Target::Tcp { host: members.text("host")?, port: members.number("port", 65_535)? },
        "unix" => Target::Unix { path: members.text("path")? },
        other => return Err(Failure::usage(format!("unknown kind of target {:?}", other))),
    };
    members.done()?;
    Ok(target)
}

fn key(members: &mut Members) -> Result<String, Failure> {
    let key = members.text("key")?;
    let fits = (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        return Ok(key);
    }
    Err(Failure::usage("the key is not 1 to 64 letters, digits and dashes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let failure = parse(text.as_bytes()).unwrap_err();
        assert_eq!(failure.code, "usage");
        failure.message
    }

    #[test]
    fn a_complete_exec_is_understood() {
        let text = r#"{"op":"exec","key":"k-1","request":{"argv":["sh","-c","x"],"cwd":"/w","env":{"A":"b=c"},
            "pty":{"term":"xterm","size":{"columns":80,"rows":24}}}}"#;
        let request = ExecRequest {
            argv: vec!["sh".into(), "-c".into(), "x".into()],
            cwd: Some("/w".into()),
            env: vec![("A".into(), "b=c".into())],
            pty: Some(Terminal { term: "xterm".into(), size: Size { columns: 80, rows: 24 } }),
            hang_up: HangUp::Group,
        };
        assert_eq!(parse(text.as_bytes()).unwrap(), Header::Exec { key: "k-1".into(), request });
    }

    #[test]
    fn the_reach_of_a_hang_up_is_one_of_two() {
        let asked = |reach: &str| {
            let text = format!(r#"{{"op":"exec","key":"k","request":{{"argv":["x"],"hang_up":"{}"}}}}"#, reach);
            parse(text.as_bytes())
        };
        match asked("alone").unwrap() {
            Header::Exec { request, .. } => assert_eq!(request.hang_up, HangUp::Alone),
            other => panic!("{:?}", other),
        }
        assert_eq!(asked("none").unwrap_err().code, "usage");
    }

    #[test]
    fn the_other_operations_are_understood() {
        let table = [
            (r#"{"op":"ping"}"#, Header::Ping),
            (r#"{"op":"sftp"}"#, Header::Sftp),
            (r#"{"op":"ports"}"#, Header::Ports),
            (r#"{"op":"share","tag":"t"}"#, Header::Share("t".into())),
            (r#"{"op":"signal","key":"k","signal":"KILL"}"#, Header::Signal { key: "k".into(), signal: libc::SIGKILL }),
            (r#"{"op":"dial","target":{"kind":"unix","path":"/a"}}"#, Header::Dial(Target::Unix { path: "/a".into() })),
            (
                r#"{"op":"dial","target":{"kind":"tcp","host":"h","port":65535}}"#,
                Header::Dial(Target::Tcp { host: "h".into(), port: 65535 }),
            ),
            (
                r#"{"op":"resize","key":"k","size":{"columns":1,"rows":10000}}"#,
                Header::Resize { key: "k".into(), size: Size { columns: 1, rows: 10_000 } },
            ),
        ];
        for (text, header) in table {
            assert_eq!(parse(text.as_bytes()).unwrap(), header, "{}", text);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let table = [
            ("[]", "header is not an object"),
            ("{", "not JSON"),
            (r#"{}"#, "header has no op"),
            (r#"{"op":"rpc"}"#, "unknown operation \"rpc\""),
            (r#"{"op":"ping","x":1}"#, "unknown member \"x\""),
            (r#"{"op":"exec","key":"k","request":{"argv":[]}}"#, "argv is empty"),
            (r#"{"op":"exec","key":"k","request":{"argv":"sh"}}"#, "argv is not a list"),
            (r#"{"op":"exec","key":"k","request":{"argv":["a\u0000b"]}}"#, "zero byte"),
            (r#"{"op":"exec","key":"k","request":{"argv":["a"],"env":{"A=B":"c"}}}"#, "no name of a variable"),
            (r#"{"op":"exec","key":"k","request":{"argv":["a"],"shell":true}}"#, "unknown member \"shell\""),
            (r#"{"op":"exec","key":"k k","request":{"argv":["a"]}}"#, "key"),
            (r#"{"op":"exec","key":"","request":{"argv":["a"]}}"#, "key"),
            (r#"{"op":"signal","key":"k","signal":"SIGKILL"}"#, "unknown signal"),
            (r#"{"op":"resize","key":"k","size":{"columns":0,"rows":1}}"#, "columns is not a number"),
            (r#"{"op":"resize","key":"k","size":{"columns":1.5,"rows":1}}"#, "columns is not a number"),
            (r#"{"op":"dial","target":{"kind":"tcp","host":"h","port":65536}}"#, "port is not a number"),
            (r#"{"op":"dial","target":{"kind":"udp"}}"#, "unknown kind"),
        ];
        for (text, expected) in table {
            let message = problem(text);
            assert!(message.contains(expected), "{}: {}", text, message);
        }
    }
}
