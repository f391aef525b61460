// What a machine is told about itself by its owner; the shapes of GuestSetup in server/wire/setup.ts.
use crate::failure::Failure;
use crate::header;
use crate::json::Value;
use crate::members::{text, Members};
use std::net::Ipv4Addr;
use std::path::PathBuf;

#[derive(Debug, Default, PartialEq)]
pub struct Setup {
    pub hostname: Option<String>,
    pub machine_id: Option<String>,
    pub time_ms: Option<u64>,
    pub entropy: Option<Vec<u8>>,
    pub user: Option<Person>,
    pub mounts: Mounts,
    pub network: Option<Network>,
    pub ssh_host_key: Option<HostKey>,
    pub env: Vec<(String, String)>,
    pub workdir: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mounts {
    pub shares: Vec<Share>,
    pub binds: Vec<Bind>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub tag: String,
    pub kind: ShareKind,
    pub at: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ShareKind {
    Plan9,
    Virtiofs,
    /// The owner serves it over a connection.
    Sftp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Bind {
    pub from: PathBuf,
    pub to: PathBuf,
    pub access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

#[derive(Debug, PartialEq)]
pub struct Network {
    pub mac: Option<[u8; 6]>,
    pub address: Ipv4Addr,
    pub prefix: u8,
    pub gateway: Option<Ipv4Addr>,
    pub dns: Vec<String>,
}

/// In OpenSSH's format.
#[derive(Debug, PartialEq)]
pub struct HostKey {
    pub private: String,
    pub public: String,
}

pub fn parse(value: Value) -> Result<Setup, Failure> {
    let mut members = Members::of(value, "setup")?;
    let setup = Setup {
        hostname: members.optional_text("hostname")?.map(hostname).transpose()?,
        machine_id: members.optional_text("machine_id")?.map(machine_id).transpose()?,
        time_ms: match members.optional("time_ms") {
            Some(value) => Some(Members::whole_of(value, "time_ms", u64::MAX >> 12)?),
            None => None,
        },
        entropy: members.optional_text("entropy")?.map(|text| base64(&text)).transpose()?,
        user: members.optional("user").map(person).transpose()?,
        mounts: Mounts { shares: members.each("shares", share)?, binds: members.each("binds", bind)? },
        network: members.optional("network").map(network).transpose()?,
        ssh_host_key: members.optional("ssh_host_key").map(host_key).transpose()?,
        env: members.optional("env").map(header::environment).transpose()?.unwrap_or_default(),
        workdir: members.optional_text("workdir")?,
    };
    members.done()?;
    Ok(setup)
}

fn hostname(name: String) -> Result<String, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if (1..=63).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(Failure::usage(format!("{:?} is no name of a machine", name)))
}

fn machine_id(id: String) -> Result<String, Failure> {
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Ok(id);
    }
    Err(Failure::usage("machine_id is not 32 hexadecimal digits"))
}

fn person(value: Value) -> Result<Person, Failure> {
    let mut members = Members::of(value, "user")?;
    let highest = u64::from(u32::MAX - 1);
    let person = Person {
        name: members.text("name")?,
        uid: members.whole("uid", highest)? as u32,
        gid: members.whole("gid", highest)? as u32,
        home: members.text("home")?,
    };
    members.done()?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    let name_fits = (1..=32).contains(&person.name.len()) && person.name.bytes().all(plain);
    if !name_fits || person.name.starts_with('-') {
        return Err(Failure::usage(format!("{:?} is no name of a user", person.name)));
    }
    if !person.home.starts_with('/') || person.home.contains([':', '\n']) {
        return Err(Failure::usage(format!("{:?} is no home", person.home)));
    }
    Ok(person)
}

fn share(value: Value) -> Result<Share, Failure> {
    let mut members = Members::of(value, "share")?;
    let kind = match members.text("kind")?.as_str() {
        "9p" => ShareKind::Plan9,
        "virtiofs" => ShareKind::Virtiofs,
        "sftp" => ShareKind::Sftp,
        other => return Err(Failure::usage(format!("unknown kind of share {:?}", other))),
    };
    let share = Share { tag: members.text("tag")?, kind, at: absolute(members.text("at")?)? };
    members.done()?;
    Ok(share)
}

fn bind(value: Value) -> Result<Bind, Failure> {
    let mut members = Members::of(value, "bind")?;
    let access = match members.text("mode")?.as_str() {
        "ro" => Access::ReadOnly,
        "rw" => Access::ReadWrite,
        other => return Err(Failure::usage(format!("unknown mode {:?}", other))),
    };
    let bind = Bind { from: absolute(members.text("from")?)?, to: absolute(members.text("to")?)?, access };
    members.done()?;
    Ok(bind)
}

fn host_key(value: Value) -> Result<HostKey, Failure> {
    let mut members = Members::of(value, "ssh_host_key")?;
    let key = HostKey { private: members.text("private")?, public: members.text("public")? };
    members.done()?;
    Ok(key)
}

fn absolute(path: String) -> Result<PathBuf, Failure> {
    if path.starts_with('/') && !path.split('/').any(|part| part == "..") {
        return Ok(path.into());
    }
    Err(Failure::usage(format!("{:?} is no absolute path", path)))
}

fn network(value: Value) -> Result<Network, Failure> {
    let mut members = Members::of(value, "network")?;
    let address = members.text("address")?;
    let wrong = || Failure::usage(format!("{:?} is no address with a prefix length", address));
    let (ip, prefix) = address.split_once('/').ok_or_else(wrong)?;
    let prefix = prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix)).ok_or_else(wrong)?;
    let gateway = members.optional_text("gateway")?;
    let gateway = gateway.map(|text| text.parse().map_err(|_| Failure::usage(format!("{:?} is no gateway", text))));
    let dns = members.each("dns", |value| {
        let server = text(value, "dns")?;
        server.parse::<std::net::IpAddr>().map_err(|_| Failure::usage(format!("{:?} is no name server", server)))?;
        Ok(server)
    })?;
    let mac = members.optional_text("mac")?.map(hardware_address).transpose()?;
    let address = ip.parse().map_err(|_| wrong())?;
    let network = Network { mac, address, prefix, gateway: gateway.transpose()?, dns };
    members.done()?;
    Ok(network)
}

/// Of one card; those of groups have the lowest bit of the first byte.
fn hardware_address(text: String) -> Result<[u8; 6], Failure> {
    let wrong = || Failure::usage(format!("{:?} is no address of a network card", text));
    let bytes: Option<Vec<u8>> =
        text.split(':').map(|part| if part.len() == 2 { u8::from_str_radix(part, 16).ok() } else { None }).collect();
    let mac: [u8; 6] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)?;
    if mac[0] & 1 == 1 {
        return Err(wrong());
    }
    Ok(mac)
}

fn base64(text: &str) -> Result<Vec<u8>, Failure> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for letter in text.trim_end_matches('=').bytes() {
        let value = LETTERS.iter().position(|known| *known == letter);
        let value = value.ok_or_else(|| Failure::usage("entropy is not base64"))?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn parsed(text: &str) -> Result<Setup, Failure> {
        parse(json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_complete_setup_is_understood() {
        let setup = parsed(
            r#"{"hostname":"box","machine_id":"0123456789abcdef0123456789abcdef","time_ms":1700000000123,
            "entropy":"aGV5dm0=","user":{"name":"me","uid":1000,"gid":100,"home":"/home/me"},
            "shares":[{"tag":"stage","kind":"9p","at":"/run/heyvm/share"}],
            "binds":[{"from":"/run/heyvm/share/1","to":"/workspace","mode":"rw"}],
            "network":{"mac":"02:ab:00:00:00:0f","address":"10.0.2.15/24","gateway":"10.0.2.2","dns":["10.0.2.3"]},
            "ssh_host_key":{"private":"secret","public":"ssh-ed25519 AAAA"},
            "env":{"A":"b"},"workdir":"/workspace"}"#,
        );
        let setup = setup.unwrap();
        assert_eq!(setup.entropy.as_deref(), Some(&b"heyvm"[..]));
        assert_eq!(setup.time_ms, Some(1_700_000_000_123));
        assert_eq!(setup.mounts.binds[0].access, Access::ReadWrite);
        assert_eq!(setup.ssh_host_key.unwrap().public, "ssh-ed25519 AAAA");
        let network = setup.network.unwrap();
        assert_eq!(network.mac, Some([2, 0xab, 0, 0, 0, 15]));
        assert_eq!((network.prefix, network.gateway), (24, Some(Ipv4Addr::new(10, 0, 2, 2))));
        assert_eq!(parsed("{}").unwrap(), Setup::default());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let table = [
            (r#"{"hostname":"a b"}"#, "no name of a machine"),
            (r#"{"machine_id":"12"}"#, "32 hexadecimal"),
            (r#"{"entropy":"!"}"#, "not base64"),
            (r#"{"user":{"name":"Me Too","uid":1,"gid":1,"home":"/"}}"#, "no name of a user"),
            (r#"{"user":{"name":"me","uid":1,"gid":1,"home":"/a:b"}}"#, "no home"),
            (r#"{"shares":[{"tag":"t","kind":"nfs","at":"/"}]}"#, "unknown kind"),
            (r#"{"binds":[{"from":"a","to":"/b","mode":"ro"}]}"#, "no absolute path"),
            (r#"{"binds":[{"from":"/a/../b","to":"/b","mode":"ro"}]}"#, "no absolute path"),
            (r#"{"network":{"address":"10.0.2.15"}}"#, "prefix length"),
            (r#"{"network":{"address":"10.0.2.15/24","dns":["x"]}}"#, "no name server"),
            (r#"{"network":{"address":"10.0.2.15/24","mac":"02:00:00:00:0:0f"}}"#, "network card"),
            (r#"{"network":{"address":"10.0.2.15/24","mac":"02:00:00:00:00"}}"#, "network card"),
            (r#"{"network":{"address":"10.0.2.15/24","mac":"03:00:00:00:00:0f"}}"#, "network card"),
            (r#"{"ssh_host_key":{"private":"secret"}}"#, "public"),
            (r#"{"quick":true}"#, "unknown member"),
        ];
        for (text, expected) in table {
            let problem = parsed(text).unwrap_err();
            assert!(problem.message.contains(expected), "{}: {}", text, problem.message);
        }
    }
}
