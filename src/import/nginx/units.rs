//! nginx's times and sizes.

use std::time::Duration;

/// `60`, `60s`, `1h30m`, `500ms`; seconds without a unit.
pub(super) fn time(text: &str) -> Option<Duration> {
    let units = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
        ("M", 2_592_000_000),
        ("y", 31_536_000_000_u64),
    ];
    let (mut rest, mut millis) = (text.trim(), 0_u64);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[..letters];
        let size = if unit.is_empty() { 1000 } else { units.iter().find(|(name, _)| *name == unit)?.1 };
        millis = millis.checked_add(number.checked_mul(size)?)?;
        rest = rest[letters..].trim_start();
        if unit.is_empty() && !rest.is_empty() {
            return None;
        }
    }
    Some(Duration::from_millis(millis))
}

/// `8k`, `25m`, `1g`, or bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let shift = match &text[digits..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_nginx_reads_them() {
        let seconds = |text| time(text).map(|time| time.as_secs_f64());
        for (text, expected) in [
            ("60", Some(60.0)),
            ("60s", Some(60.0)),
            ("1h30m", Some(5400.0)),
            ("1h 30m", Some(5400.0)),
            ("500ms", Some(0.5)),
            ("7d", Some(604_800.0)),
            ("", None),
            ("x", None),
            ("5x", None),
            ("99999999999999999999", None),
            ("99999999999999999y", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for (text, expected) in [
            ("0", Some(0)),
            ("8k", Some(8192)),
            ("25M", Some(25 << 20)),
            ("1g", Some(1 << 30)),
            ("k", None),
            ("1x", None),
            ("é", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
