// The frames of server/wire/muxFrames.ts, which says what they mean; both sides must agree on every number here.

pub const OPEN: u8 = 0x01;
pub const DATA: u8 = 0x02;
pub const CREDIT: u8 = 0x03;
pub const END: u8 = 0x04;
pub const CLOSE: u8 = 0x05;
pub const RESET: u8 = 0x06;

/// Begins a session, wherever in the stream it stands; the owner never sends it inside of one frame.
pub const MAGIC: [u8; 16] = *b"\xf5heyvm-mux-1\xfa\xfb\xfc\xfd";
/// How long the random name of a session is, which follows the magic and is answered in the same way.
pub const SESSION: usize = 16;

pub const HEAD: usize = 8;
/// The longest payload of a frame.
pub const MAX_PIECE: usize = 64 * 1024;
/// What a side may send on a fresh channel before it gets more credit.
pub const WINDOW: usize = 512 * 1024;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    pub channel: u32,
    pub length: usize,
    pub kind: u8,
}

pub fn head(channel: u32, kind: u8, length: usize) -> [u8; HEAD] {
    let [_, c2, c1, c0] = channel.to_be_bytes();
    let [_, l2, l1, l0] = (length as u32).to_be_bytes();
    [0, c2, c1, c0, l2, l1, l0, kind]
}

/// `None` for what no owner sends.
pub fn parse_head(bytes: &[u8; HEAD]) -> Option<Head> {
    let [zero, c2, c1, c0, l2, l1, l0, kind] = *bytes;
    let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
    let fits = match kind {
        OPEN | END | CLOSE => length == 0,
        DATA => length <= MAX_PIECE,
        CREDIT => length == 4,
        _ => false,
    };
    if zero != 0 || !fits {
        return None;
    }
    Some(Head { channel: u32::from_be_bytes([0, c2, c1, c0]), length, kind })
}

/// Finds the magic in a stream that comes in pieces. Its first byte stands nowhere else in it, so that a mismatch
/// never has to look back.
#[derive(Default)]
pub struct Finder {
    matched: usize,
}

impl Finder {
    /// Where in `bytes` the first magic ends.
    pub fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.matched == 0 {
                at += bytes[at..].iter().position(|byte| *byte == MAGIC[0])?;
            }
            if bytes[at] == MAGIC[self.matched] {
                self.matched += 1;
                at += 1;
            } else {
                self.matched = 0;
            }
            if self.matched == MAGIC.len() {
                self.matched = 0;
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_the_round_trip() {
        for (channel, kind, length) in [(0, OPEN, 0), (0xff_ffff, DATA, MAX_PIECE), (258, CREDIT, 4), (7, END, 0)] {
            assert_eq!(parse_head(&head(channel, kind, length)), Some(Head { channel, length, kind }));
        }
    }

    #[test]
    fn heads_that_no_owner_sends_are_refused() {
        for bytes in [[1, 0, 0, 1, 0, 0, 0, OPEN], head(1, 0, 0), head(1, RESET, 0), head(1, OPEN, 1)] {
            assert_eq!(parse_head(&bytes), None, "{:?}", bytes);
        }
        assert_eq!(parse_head(&head(1, DATA, MAX_PIECE + 1)), None);
        assert_eq!(parse_head(&head(1, CREDIT, 3)), None);
    }

    #[test]
    fn the_magic_is_found_however_it_is_cut() {
        let text = [&b"junk\xf5hey\xf5"[..], &MAGIC, b"tail"].concat();
        let end = text.len() - 4;
        for cut in 0..text.len() {
            let mut finder = Finder::default();
            let found = match finder.find(&text[..cut]) {
                Some(at) => at,
                None => cut + finder.find(&text[cut..]).unwrap(),
            };
            assert_eq!(found, end, "cut at {}", cut);
        }
        assert_eq!(Finder::default().find(&MAGIC[..15]), None);
    }

    #[test]
    fn nothing_of_a_frame_s_head_can_belong_to_the_magic() {
        assert!(MAGIC.iter().all(|byte| *byte > RESET), "the first and the last byte of a head are smaller");
        assert_eq!(MAGIC.iter().filter(|byte| **byte == MAGIC[0]).count(), 1);
        assert!(MAGIC.len() > HEAD);
    }
}
