//! [`painted()`]: the words of a report in colours, by the heads of its lines.

use crate::observe::{Colour, Paint};

/// `text` with the heads of its lines in colours: what is wrong, what is well, what to do.
pub(super) fn painted(text: &str, paint: Paint) -> String {
    if !paint.is_on() {
        return text.to_owned();
    }
    text.split_inclusive('\n').map(|line| painted_line(line, paint)).collect()
}

fn painted_line(line: &str, paint: Paint) -> String {
    let rest = line.trim_start_matches([' ', '.']);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['.', ' ']);
    let before = &line[..line.len() - rest.len()];
    if let Some((head, colour)) = HEADS.iter().find(|(head, _)| rest.starts_with(head)) {
        return format!("{before}{}{}", paint.text(*colour, head), &rest[head.len()..]);
    }
    // `file.yaml:3:5: what`: the place stands back, the rest is wrong.
    if let Some((place, what)) = place(line) {
        let (what, end) = what.split_at(what.trim_end().len());
        let colour = if what.starts_with("warning") { Colour::Warn } else { Colour::Bad };
        return format!("{}{}{end}", paint.text(Colour::Faint, place), paint.text(colour, what));
    }
    line.to_owned()
}

/// The place in a file at the begin of a line, with the colon and the space behind it.
fn place(line: &str) -> Option<(&str, &str)> {
    let at = line.find(": ").filter(|at| !line.starts_with(' ') && *at > 0)?;
    let numbers = line[..at].rsplit(':').take(2);
    let is_place = numbers.clone().count() == 2 && numbers.into_iter().all(|part| part.parse::<u32>().is_ok());
    is_place.then(|| line.split_at(at + 2))
}

const HEADS: [(&str, Colour); 23] = [
    ("error:", Colour::Bad),
    ("BROKEN:", Colour::Bad),
    ("BAD ", Colour::Bad),
    ("DOWN ", Colour::Bad),
    ("EXPIRED ", Colour::Bad),
    ("warning:", Colour::Warn),
    ("advice:", Colour::Warn),
    ("hint:", Colour::Hint),
    ("fix:", Colour::Hint),
    ("why:", Colour::Faint),
    ("ok  ", Colour::Good),
    ("All is well.", Colour::Good),
    ("It works;", Colour::Good),
    ("kept", Colour::Good),
    ("dropped", Colour::Warn),
    ("config OK:", Colour::Good),
    ("Made ", Colour::Good),
    ("trusted by", Colour::Good),
    ("NOT ", Colour::Bad),
    ("FAILED ", Colour::Bad),
    ("nothing to do", Colour::Good),
    ("left to you", Colour::Warn),
    ("SHA-256", Colour::Strong),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_of_lines_are_coloured_and_the_words_stay() {
        for (line, expected) in [
            ("error: x\n", "\x1b[1;31merror:\x1b[0m x\n"),
            ("1. BROKEN: a [b]\n", "1. \x1b[1;31mBROKEN:\x1b[0m a [b]\n"),
            ("   fix: b\n", "   \x1b[36mfix:\x1b[0m b\n"),
            ("  ok  it\n", "  \x1b[32mok  \x1b[0mit\n"),
            ("f.yaml:3:5: no\n", "\x1b[2mf.yaml:3:5: \x1b[0m\x1b[1;31mno\x1b[0m\n"),
            ("10.0.0.1: x\n", "10.0.0.1: x\n"),
            ("plain\n", "plain\n"),
            ("", ""),
        ] {
            assert_eq!(painted(line, Paint::on()), expected);
            assert_eq!(painted(line, Paint::off()), line);
        }
    }
}
