// What the kernel's command line says to the first process.
use super::PORT;
use std::fs;

#[derive(Debug, PartialEq)]
pub struct Boot {
    /// The disk with the real root; without one the ramdisk stays.
    pub root: Option<String>,
    pub root_kind: String,
    pub port: String,
}

impl Boot {
    pub fn of_command_line() -> Boot {
        parse(&fs::read_to_string("/proc/cmdline").unwrap_or_default())
    }
}

fn parse(line: &str) -> Boot {
    let value = |name: &str| {
        // As everywhere on that line, the last one counts.
        let found = line.split_whitespace().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.map(str::to_owned)
    };
    Boot {
        root: value("heyvm.root"),
        root_kind: value("heyvm.rootfstype").unwrap_or_else(|| "ext4".to_owned()),
        port: value("heyvm.port").unwrap_or_else(|| PORT.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ours_are_found_among_others() {
        let boot = parse("console=ttyS0 heyvm.root=/dev/sda heyvm.root=/dev/vda heyvm.rooted=no quiet\n");
        let expected =
            Boot { root: Some("/dev/vda".to_owned()), root_kind: "ext4".to_owned(), port: "heyvm.0".to_owned() };
        assert_eq!(boot, expected);
        assert_eq!(parse("heyvm.port=x heyvm.rootfstype=xfs").root, None);
        assert_eq!(parse("heyvm.port=x heyvm.rootfstype=xfs").port, "x");
    }
}
