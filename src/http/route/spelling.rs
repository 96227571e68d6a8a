//! How the names of header fields are spelt. CGI and its successors (WSGI, Rack, PHP, Apache) write `X-Real-IP` as
//! `HTTP_X_REAL_IP`, and some of them write `_` for every character that is neither a letter nor a digit: to those
//! `x_real_ip` is the same field.

/// Names of fields, in lower case and with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum FieldNames {
    /// This name.
    Is(&'static str),
    /// All names that begin so.
    Begins(&'static str),
}

impl FieldNames {
    /// Whether `name` is one of them, in any spelling.
    pub(in crate::http) fn matches(self, name: &str) -> bool {
        match self {
            Self::Is(own) => is_same(own, name),
            Self::Begins(own) => name.len() >= own.len() && begins(name.as_bytes(), own),
        }
    }

    /// The bytes that the names begin with.
    pub(in crate::http) const fn start(self) -> &'static str {
        let (Self::Is(own) | Self::Begins(own)) = self;
        own
    }
}

/// Whether two names may be the same field.
pub(in crate::http) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && begins(one.as_bytes(), other)
}

/// Whether `part` is somewhere in `name`.
pub(in crate::http) fn contains(name: &str, part: &str) -> bool {
    name.as_bytes().windows(part.len()).any(|window| begins(window, part))
}

/// The byte that stands for `byte` when names are compared.
pub(in crate::http) const fn letter(byte: u8) -> u8 {
    LETTERS[byte as usize]
}

fn begins(name: &[u8], start: &str) -> bool {
    name.iter().zip(start.bytes()).all(|(one, other)| letter(*one) == letter(other))
}

const LETTERS: [u8; 256] = {
    let mut letters = [b'-'; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        if byte.is_ascii_alphanumeric() {
            letters[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    letters
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_any_spelling() {
        for (name, same) in [
            ("x-real-ip", true),
            ("X-Real-IP", true),
            ("x_real_ip", true),
            ("x-real_ip", true),
            ("x.real.ip", true),
            ("x~real!ip", true),
            ("x-real-i", false),
            ("x-real-ipx", false),
            ("x-realaip", false),
            ("xrealip", false),
        ] {
            assert_eq!(is_same(name, "x-real-ip"), same, "{name}");
            assert_eq!(is_same("x-real-ip", name), same, "{name}");
        }
        for (name, found) in [("x-real-ip", true), ("x_real_", true), ("x_real", false), ("y-real-ip", false)] {
            assert_eq!(FieldNames::Begins("x-real-").matches(name), found, "{name}");
        }
        assert!(contains("http_x_forwarded_for", "x-forwarded") && !contains("x-for", "x-forwarded"));
    }
}
