//! [`expression`]: a regular expression of Go as one of frontgate, which has the same syntax but for details. Classes such as
//! `\d` are ASCII in both.

/// The expression with what is written differently; `None` where frontgate has no such thing.
pub(super) fn expression(go: &str) -> Option<String> {
    let (mut out, mut letters, mut class) = (String::new(), go.chars().peekable(), false);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let next = letters.next()?;
                match next {
                    // A vertical tab is no space in Go.
                    's' => out.push_str(if class { r"\t\n\f\r " } else { r"[\t\n\f\r ]" }),
                    'S' => out.push_str(r"[^\t\n\f\r ]"),
                    'Q' | 'E' | 'C' | '0'..='9' => return None,
                    _ => out.extend(['\\', next]),
                }
            }
            '[' if !class => {
                class = true;
                out.push('[');
                // A `]` that comes first is a letter.
                for first in ['^', ']'] {
                    if letters.next_if_eq(&first).is_some() {
                        out.push_str(if first == ']' { r"\]" } else { "^" });
                    }
                }
            }
            '[' if letters.peek() == Some(&':') => out.push('['),
            '[' => out.push_str(r"\["),
            ']' => {
                class = false;
                out.push(']');
            }
            // Two of these are an operator in a class of frontgate's.
            '&' | '~' if class => out.extend(['\\', letter]),
            '-' if class && letters.peek() == Some(&'-') => return None,
            '{' if !class && letters.peek().is_none_or(|next| !next.is_ascii_digit()) => out.push_str(r"\{"),
            _ => out.push(letter),
        }
        // The end of `[:alpha:]` is not the end of its class.
        if class && out.ends_with("[:") {
            while !out.ends_with(":]") {
                out.push(letters.next()?);
            }
        }
    }
    crate::import::matching::expression(&out).is_ok().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        for (go, expected) in [
            (r"^/(admin|internal)", Some(r"^/(admin|internal)")),
            (r"^/v\d+/[\w-]+$", Some(r"^/v\d+/[\w-]+$")),
            (r"[[:alpha:]]x[a[]", Some(r"[[:alpha:]]x[a\[]")),
            (r"[^]a]", Some(r"[^\]a]")),
            (r"a{2}b{x", Some(r"a{2}b\{x")),
            (r"\Qa\E", None),
            (r"(?=a)", None),
            (r"(a)\1", None),
            ("a\\", None),
        ] {
            assert_eq!(expression(go).as_deref(), expected, "{go}");
        }
    }
}
