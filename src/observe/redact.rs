//! [`Redactor`]: secrets in a request target or a Referer, replaced before they reach a log line.

mod json;

use std::borrow::Cow;

use super::percent_encoding;
pub(crate) use json::ShownText;

/// The text that stands for a secret.
pub(super) const HIDDEN: &str = "***";

/// How many layers of percent-encoding are looked through. A value with more is hidden whole.
const LAYERS: usize = 4;

/// Hides the values of the parameters named in `log.redact`.
///
/// A name is compared without case and percent-decoded, wherever a parameter can be: in the query (separated by `&` or
/// `;`), in the fragment, in path parameters, and inside a value or path segment that is itself an encoded URL, form or
/// JSON text; such a one is hidden whole. In doubt it hides too much: a value reaches to the next `&`, because a reader
/// that does not split at `;` takes it that far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor {
    names: Vec<String>,
}

impl Redactor {
    /// Hides the values of parameters with one of these names.
    pub(crate) fn new(names: &[String]) -> Self {
        Self { names: names.iter().map(|name| name.to_lowercase()).filter(|name| !name.is_empty()).collect() }
    }

    /// A request target in any of its forms (RFC 9112 §3.2). Borrows when there is nothing to hide.
    pub(crate) fn target<'a>(&self, target: &'a str) -> Cow<'a, str> {
        if self.names.is_empty() || !target.contains(['=', '%', '"', '\'', '@']) {
            return Cow::Borrowed(target);
        }
        let mut out = RedactedCopy::new(target);
        let local = skip_authority(target, &mut out);
        let query = target[local..].find(['?', '#']).map_or(target.len(), |at| local + at);
        self.hide(local..query, &['/', ';'], |_| query, &mut out);
        let fragment = target[query..].find('#').map_or(target.len(), |at| query + at);
        self.hide(query..fragment, &['?', '&', ';'], |from| value_end(target, from, fragment), &mut out);
        self.hide(
            fragment..target.len(),
            &['#', '?', '&', ';', '/'],
            |from| value_end(target, from, target.len()),
            &mut out,
        );
        out.finish()
    }

    /// Looks at each piece of `range` between `separators`, and hides a secret from where it begins to `end` of it.
    fn hide(
        &self,
        range: std::ops::Range<usize>,
        separators: &[char],
        end: impl Fn(usize) -> usize,
        out: &mut RedactedCopy<'_>,
    ) {
        let mut at = range.start;
        while at < range.end {
            let piece = &out.text[at..range.end];
            let piece = &piece[..piece.find(separators).unwrap_or(piece.len())];
            let Some(secret) = self.secret(piece) else {
                at += piece.len() + 1;
                continue;
            };
            let end = end(at);
            out.hide(at + secret..end);
            at = end;
        }
    }

    /// Where the secret in `piece` begins, if it holds one.
    fn secret(&self, piece: &str) -> Option<usize> {
        let value = piece.find('=').map_or(0, |at| at + 1);
        if value > 0 {
            let key = decoded(&piece.as_bytes()[..value - 1]);
            // `user[token]` and `token[]` are the ways of some frameworks to spell a structure.
            if key.split(|b| matches!(b, b'[' | b']' | b'.')).any(|part| self.names(part)) {
                return Some(value);
            }
            if self.assigns(&key) {
                return Some(0);
            }
        }
        self.assigns(&decoded(&piece.as_bytes()[value..])).then_some(value)
    }

    fn names(&self, key: &[u8]) -> bool {
        let key = key.trim_ascii();
        self.names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(key))
    }

    /// Whether decoded text holds `name=` or `"name":` anywhere, or is encoded too deep to say.
    fn assigns(&self, text: &[u8]) -> bool {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || !b.is_ascii();
        let starts = |at: usize| at == 0 || !is_name(text[at - 1]);
        holds_escape(text)
            || self.names.iter().map(String::as_bytes).any(|name| {
                text.windows(name.len()).enumerate().any(|(at, window)| {
                    window.eq_ignore_ascii_case(name) && starts(at) && assigned(&text[at + name.len()..])
                })
            })
    }
}

/// Whether what follows a name says that a value is next.
fn assigned(rest: &[u8]) -> bool {
    let quoted = matches!(rest.first(), Some(b'"' | b'\'' | b'\\'));
    let next = rest.iter().find(|b| !matches!(b, b'"' | b'\'' | b'\\' | b']' | b'[' | b' ' | b'\t'));
    matches!(next, Some(b'=')) || quoted && matches!(next, Some(b':'))
}

/// Moves past `scheme://authority`, hiding credentials in it. A host may well be called like a parameter.
fn skip_authority(target: &str, out: &mut RedactedCopy<'_>) -> usize {
    let authority = match target.find("://") {
        Some(at) if target[..at].bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) => at + 3,
        _ => return 0,
    };
    let end = target[authority..].find(['/', '?', '#']).map_or(target.len(), |at| authority + at);
    if let Some(at) = target[authority..end].rfind('@') {
        out.hide(authority..authority + at);
    }
    end
}

/// A value reaches to the next `&`.
fn value_end(text: &str, from: usize, limit: usize) -> usize {
    text[from..limit].find('&').map_or(limit, |at| from + at)
}

/// `text` without its layers of percent-encoding, `+` read as the space it is in a form.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(text);
    if text.contains(&b'+') {
        text.to_mut().iter_mut().filter(|b| **b == b'+').for_each(|b| *b = b' ');
    }
    for _ in 0..LAYERS {
        if !holds_escape(&text) {
            break;
        }
        text = Cow::Owned(percent_encoding::decoded(&text));
    }
    text
}

fn holds_escape(text: &[u8]) -> bool {
    text.windows(3).any(|window| percent_encoding::escape(window).is_some())
}

/// A copy of `text` that is made only when something in it is hidden.
struct RedactedCopy<'a> {
    text: &'a str,
    out: String,
    copied: usize,
}

impl<'a> RedactedCopy<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, out: String::new(), copied: 0 }
    }

    fn hide(&mut self, range: std::ops::Range<usize>) {
        if range.is_empty() {
            return;
        }
        self.out.push_str(&self.text[self.copied..range.start]);
        self.out.push_str(HIDDEN);
        self.copied = range.end;
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.copied == 0 {
            return Cow::Borrowed(self.text);
        }
        self.out.push_str(&self.text[self.copied..]);
        Cow::Owned(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&["token", "bootstrapToken", "access_token", "code", "password"].map(str::to_owned))
    }

    #[test]
    fn the_value_of_a_named_parameter_is_hidden_wherever_it_is() {
        let cases = [
            // In the query, however it is spelt.
            ("/?token=abc", "/?token=***"),
            ("/chat?a=1&token=abc&b=2", "/chat?a=1&token=***&b=2"),
            ("/?TOKEN=abc", "/?TOKEN=***"),
            ("/?bootstraptoken=abc", "/?bootstraptoken=***"),
            ("/?%74oken=abc", "/?%74oken=***"),
            ("/?%54%4fKEN=abc", "/?%54%4fKEN=***"),
            ("/?%2574oken=abc", "/?%2574oken=***"),
            ("/?toke%6E=abc", "/?toke%6E=***"),
            ("/?token%20=abc", "/?token%20=***"),
            ("/?+token+=abc", "/?+token+=***"),
            ("/?token=a&token=b&token=", "/?token=***&token=***&token="),
            ("/?a=1;token=abc", "/?a=1;token=***"),
            ("/?token=abc;def&x=1", "/?token=***&x=1"),
            ("/?token=a?b=c&x=1", "/?token=***&x=1"),
            ("/?x=1?token=abc", "/?x=1?token=***"),
            ("/??token=abc", "/??token=***"),
            ("/?token=a=b==", "/?token=***"),
            ("/?token[]=abc&user[password]=x&o.code=y", "/?token[]=***&user[password]=***&o.code=***"),
            // In the fragment of a Referer.
            ("https://gw.example.com:8443/#token=abc", "https://gw.example.com:8443/#token=***"),
            ("https://gw/chat?x=1#/a?token=abc", "https://gw/chat?x=1#/a?token=***"),
            ("https://gw/?token=abc#frag", "https://gw/?token=***#frag"),
            ("https://gw/#a=1;token=abc", "https://gw/#a=1;token=***"),
            ("https://gw/#/token=abc", "https://gw/#/token=***"),
            ("https://gw/#a=1&bootstrapToken=x#y&b=2", "https://gw/#a=1&bootstrapToken=***&b=2"),
            // In the path.
            ("/chat;token=abc?x=1", "/chat;token=***?x=1"),
            ("/token=abc/next", "/token=***"),
            ("/icon/https%3A%2F%2Fh%2F%3Ftoken%3Dabc?x=1", "/icon/***?x=1"),
            ("https://gw/chat;token=abc", "https://gw/chat;token=***"),
            ("/{\"token\":\"abc\"}", "/***"),
            ("/a/{'token':'abc'}/b", "/a/***"),
            // Inside another value.
            ("/?next=%2Fchat%3Ftoken%3Dabc&x=1", "/?next=***&x=1"),
            ("/?next=token%3Dabc", "/?next=***"),
            ("/?next=%2Fchat%3FTOKEN%3Dabc", "/?next=***"),
            ("/?next=%2Fchat%3Ftoke%256e%3Dabc", "/?next=***"),
            ("/?next=token%5B%5D%3Dabc", "/?next=***"),
            ("/?next=%5Btoken%5D%3Dabc", "/?next=***"),
            ("/?next=token%20%3Dabc", "/?next=***"),
            ("/?next=token%09%3Dabc", "/?next=***"),
            ("/?state=%7B%27token%27%3A%27abc%27%7D", "/?state=***"),
            ("/?state=%7B%5C%22token%5C%22%3A1%7D", "/?state=***"),
            ("/?next=token%253Dabc", "/?next=***"),
            ("/?next=https://x/?token=abc", "/?next=https://x/?token=***"),
            ("/?next=https://x/%23access_token=abc", "/?next=***"),
            ("/?state=%7B%22token%22%3A%22abc%22%7D", "/?state=***"),
            ("/?deep=%252525252561", "/?deep=***"),
            ("/?x%26token%3Dabc=1", "/?***"),
            ("/?token%3Dabc", "/?***"),
            // Credentials in a URL.
            ("https://ann:pw@gw/x", "https://***@gw/x"),
            ("https://ann:p@w@gw?token=a", "https://***@gw?token=***"),
            ("https://ann:pw@gw/?next=https://x", "https://***@gw/?next=https://x"),
            ("https://gw/?to=ann@example.com", "https://gw/?to=ann@example.com"),
        ];
        for (given, expected) in cases {
            assert_eq!(redactor().target(given), expected, "{given}");
            assert_eq!(redactor().target(given), expected, "{given}");
        }
    }

    #[test]
    fn everything_else_is_borrowed_as_it_is() {
        let cases = [
            "/",
            "*",
            "",
            "?",
            "#",
            "/?",
            "/?&",
            "/?=",
            "/?=abc",
            "/?token",
            "/?token=",
            "/?a=1&b=%zz&c=%",
            "/?csrf_token=x",
            "/?next=csrf_token%3Dx",
            "/?next=xtoken%3Dx",
            "/?next=étoken%3Dx",
            "/?tokens=x",
            "/?xtoken=x",
            "/token",
            "/code/8080",
            "/a%2Fb?x=%20y",
            "/?q=my+token+is",
            "/?a=b:code:c",
            "%",
            "%%",
            "http://code:8080/x",
            "http://token:1",
            "https://gw.example.com:8443/chat?session=1",
            "/a//b/../c;v=1",
            "/é?ü=ö",
            "/__openclaw__/catalog-icon/https%3A%2F%2Fexample.com%2Ficon.png",
        ];
        for given in cases {
            assert!(matches!(redactor().target(given), Cow::Borrowed(same) if same == given), "{given}");
        }
        let given = "https://ann:pw@gw/?token=abc";
        assert_eq!(Redactor::new(&[]).target(given), given, "no name is given");
    }

    #[test]
    fn odd_bytes_never_fail() {
        for (given, expected) in [
            ("/?%74oken%=%é", "/?%74oken%=%é"),
            ("/?é=%C3%A9&token=é", "/?é=%C3%A9&token=***"),
            ("/?%FF%FEtoken=x&token=\u{fffd}", "/?%FF%FEtoken=x&token=***"),
            ("://@?#&;=", "://@?#&;="),
            ("/?token=%", "/?token=***"),
        ] {
            assert_eq!(redactor().target(given), expected, "{given}");
        }
    }

    #[test]
    fn credentials_are_hidden_without_being_asked_for() {
        let redactor = Redactor::new(&crate::config::Log::default().redact);
        for name in [
            "token",
            "bootstrapToken",
            "access_token",
            "refresh_token",
            "id_token",
            "ticket",
            "mediaTicket",
            "code",
            "state",
            "sig",
            "api_key",
            "password",
        ] {
            let encoded = name.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let upper = name.to_uppercase();
            for spelt in [name, upper.as_str(), encoded.as_str()] {
                for (before, after) in [
                    ("/media/x.png?", "/media/x.png?"),
                    ("https://gw.example.com/?a=1&", "https://gw.example.com/?a=1&"),
                    ("https://gw.example.com/#", "https://gw.example.com/#"),
                    ("/login?next=https://gw/?", "/login?next=https://gw/?"),
                ] {
                    let hidden = format!("{after}{spelt}=***");
                    assert_eq!(redactor.target(&format!("{before}{spelt}=s3cr3t")), hidden, "{spelt}");
                }
                let nested = format!("/login?next=https%3A%2F%2Fgw%2F%3F{}%3Ds3cr3t", spelt.replace('%', "%25"));
                assert!(!redactor.target(&nested).contains("s3cr3t"), "{nested}");
            }
        }
    }

    #[test]
    fn without_names_nothing_is_hidden() {
        assert_eq!(Redactor::new(&[]).target("/?token=abc"), "/?token=abc");
        assert_eq!(Redactor::new(&[String::new()]).target("/?=abc"), "/?=abc");
    }
}
