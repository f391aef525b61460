// The frames of server/wire/frames.ts: a type byte, the payload's length as big-endian 32 bits, the payload.
use crate::json::Value;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

pub const HEADER: u8 = 0x01;
pub const REPLY: u8 = 0x02;
pub const STDIN: u8 = 0x10;
pub const STDIN_END: u8 = 0x11;
pub const STDOUT: u8 = 0x20;
pub const STDERR: u8 = 0x21;
pub const EXIT: u8 = 0x30;

pub const MAX_FRAME: usize = 256 * 1024;
pub const HEAD: usize = 5;

pub fn head(kind: u8, length: usize) -> [u8; HEAD] {
    let length = (length as u32).to_be_bytes();
    [kind, length[0], length[1], length[2], length[3]]
}

pub fn parse_head(bytes: &[u8; HEAD]) -> (u8, usize) {
    (bytes[0], u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize)
}

pub fn frame(kind: u8, value: &Value) -> Vec<u8> {
    let payload = value.to_string();
    let mut bytes = head(kind, payload.len()).to_vec();
    bytes.extend_from_slice(payload.as_bytes());
    bytes
}

/// Reads the first frame and not one byte more; `None` when the client left without a word.
pub fn read_header(mut stream: &UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = [0; HEAD];
    if stream.read(&mut bytes[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut bytes[1..])?;
    let (kind, length) = parse_head(&bytes);
    if kind != HEADER || length > MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first frame is not a header"));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    Ok(Some(payload))
}

pub fn write_reply(mut stream: &UnixStream, value: &Value) -> io::Result<()> {
    stream.write_all(&frame(REPLY, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::object;

    #[test]
    fn a_head_survives_the_round_trip() {
        for length in [0, 1, 255, 256, 65_536, MAX_FRAME] {
            assert_eq!(parse_head(&head(STDOUT, length)), (STDOUT, length));
        }
    }

    #[test]
    fn a_header_is_read_without_what_follows_it() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let value = object(vec![("op", Value::text("ping"))]);
        far.write_all(&frame(HEADER, &value)).unwrap();
        far.write_all(b"rest").unwrap();
        assert_eq!(read_header(&near).unwrap().unwrap(), value.to_string().into_bytes());
        let mut rest = [0; 4];
        (&near).read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"rest");
    }

    #[test]
    fn another_frame_in_first_place_is_refused() {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(&head(STDIN, 0)).unwrap();
        assert!(read_header(&near).is_err());
    }

    #[test]
    fn a_header_that_is_too_long_is_refused() {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(&head(HEADER, MAX_FRAME + 1)).unwrap();
        assert!(read_header(&near).is_err());
    }

    #[test]
    fn a_client_that_leaves_at_once_is_no_error() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        assert!(read_header(&near).unwrap().is_none());
    }
}
