//! A QR code as lines of a terminal.

use qrcodegen::{QrCode, QrCodeEcc};

use crate::observe::Paint;

/// The code for `text`, two rows of modules in each line; `None` when that is too long for a terminal.
pub(super) fn text(text: &str, paint: Paint) -> Option<String> {
    let code = (text.len() <= LONGEST).then(|| QrCode::encode_text(text, QrCodeEcc::Low).ok())??;
    let size = code.size();
    let is_light = |x: i32, y: i32| !code.get_module(x, y);
    let mut out = String::new();
    for y in (-QUIET..size + QUIET).step_by(2) {
        out.push_str("  ");
        if paint.is_on() {
            // White on black, whatever the terminal's own colours are.
            out.push_str("\x1b[97;40m");
        }
        for x in -QUIET..size + QUIET {
            out.push(match (is_light(x, y), is_light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push_str(if paint.is_on() { "\x1b[0m\n" } else { "\n" });
    }
    Some(out)
}

/// How many columns the code takes.
pub(super) fn width(code: &str) -> usize {
    let line = code.lines().next().unwrap_or_default();
    line.chars().filter(|c| [' ', '█', '▀', '▄'].contains(c)).count()
}

/// The quiet zone in modules. The standard's four are for prints; cameras read a terminal's with two.
const QUIET: i32 = 2;
/// In bytes, which makes 33 by 33 modules.
const LONGEST: usize = 78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_and_quiet_around() {
        let code = text("https://gw.lan:8443/", Paint::off()).unwrap();
        let lines: Vec<_> = code.lines().collect();
        assert_eq!(width(&code), 2 + 25 + 4, "version 2 has 25 modules");
        assert_eq!(lines.len(), 15);
        assert!(lines[0].trim().chars().all(|c| c == '█'), "{code}");
        assert_eq!(text(&"x".repeat(79), Paint::off()), None);
    }
}
