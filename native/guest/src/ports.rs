// The TCP ports on which programs of the guest listen, read from the kernel's own tables.
use crate::json::{object, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LISTEN: &str = "0A";

/// What fits into one frame, however long the addresses are; a program can listen on more than that to be a nuisance.
const MOST: usize = 2500;

pub fn listening() -> Value {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A kernel without IPv6 has no second table.
        if let Ok(text) = std::fs::read_to_string(table) {
            found.extend(text.lines().skip(1).filter_map(parse));
        }
    }
    reply(found)
}

fn reply(mut found: Vec<(u16, IpAddr)>) -> Value {
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    let entry = |(port, address): (u16, IpAddr)| {
        object(vec![("port", Value::Number(f64::from(port))), ("address", Value::text(address.to_string()))])
    };
    object(vec![("ok", Value::Bool(true)), ("ports", Value::List(found.into_iter().map(entry).collect()))])
}

fn parse(line: &str) -> Option<(u16, IpAddr)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    Some((u16::from_str_radix(port, 16).ok()?, parse_address(address)?))
}

/// The kernel prints an address as words of 32 bits in the order of the machine.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |index: usize| u32::from_str_radix(text.get(index * 8..index * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let listen = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 1";
        let connected = "   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000 0 1";
        assert_eq!(parse(listen), Some((8080, "127.0.0.1".parse().unwrap())));
        assert_eq!(parse(connected), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("0: zz:1F90 0:0 0A"), None);
    }

    #[test]
    fn however_many_there_are_the_answer_fits_into_a_frame() {
        let address: IpAddr = "fd12:3456:789a:bcde:f012:3456:789a:bcde".parse().unwrap();
        let all = (10_000..=65_535).map(|port| (port, address)).collect();
        assert!(reply(all).to_string().len() <= crate::frames::MAX_FRAME);
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        assert_eq!(parse_address("00000000"), Some("0.0.0.0".parse().unwrap()));
        assert_eq!(parse_address("00000000000000000000000001000000"), Some("::1".parse().unwrap()));
        assert_eq!(parse_address("0000000000000000"), None);
    }
}
