//! [`Redactor`]: secrets in a request target or a Referer, replaced before they reach a log line.

mod json;
mod names;

use std::borrow::Cow;

use super::percent_encoding;
pub(crate) use json::ShownText;
use names::shows_credentials;

/// The text that stands for a secret.
pub(super) const HIDDEN: &str = "***";

/// How many layers of percent-encoding are looked through. A value with more is hidden whole.
const LAYERS: usize = 4;

/// Hides the values of the parameters named in `log.redact`, and of those whose last word is that of a credential.
///
/// A name is compared without case and percent-decoded, wherever a parameter can be: in the query (separated by `&` or
/// `;`), in the fragment, in path parameters, and inside a value or path segment that is itself an encoded URL, form or
/// JSON text; such a one is hidden whole, and so is one with credentials in it. In doubt it hides too much: a value reaches
/// to the next `&`, because a reader that does not split at `;` takes it that far.
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
        let may_hold = target.contains(['=', '%', '"', '\'', '@', '+']) || target.contains("eyJ");
        if self.names.is_empty() || !may_hold {
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
            // A URL in a path was cut at its slashes.
            let in_url = || {
                (out.text[..at].ends_with("//")
                    && decoded(piece.as_bytes()).get(1..).is_some_and(|rest| rest.contains(&b'@')))
                .then_some(0)
            };
            let Some(secret) = self.secret(piece).or_else(in_url) else {
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
            if self.assigns(&key) {
                return Some(0);
            }
            if self.is_secret_key(&key) {
                return Some(value);
            }
        }
        let text = decoded(&piece.as_bytes()[value..]);
        (self.assigns(&text) || shows_credentials(self, &String::from_utf8_lossy(&text))).then_some(value)
    }
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
            ("/?next=étoken%3Dx", "/?next=***"),
            ("/?next=csrf_token%3Dx", "/?next=***"),
            // A name behind what ends another one.
            ("/a%3Ftoken=abc", "/a%3Ftoken=***"),
            ("/a%3Btoken=abc", "/a%3Btoken=***"),
            ("/?%3Ftoken=abc", "/?%3Ftoken=***"),
            ("/icon/https%3A%2F%2Fh%2F%3Ftoken=abc", "/icon/https%3A%2F%2Fh%2F%3Ftoken=***"),
            ("/?token%00=abc&b=1", "/?token%00=***&b=1"),
            ("/?token%0b=abc", "/?token%0b=***"),
            ("/?token%C2%A0=abc", "/?token%C2%A0=***"),
            ("/?q=%7B%22%5Cu0074oken%22%3A%22S%22%7D", "/?q=***"),
            // Names that end like those of credentials.
            ("/?deviceToken=a&access-token=b&client_secret=c", "/?deviceToken=***&access-token=***&client_secret=***"),
            ("/?apikey=a&jwt=b&csrf_token=c&xtoken=d", "/?apikey=***&jwt=***&csrf_token=***&xtoken=***"),
            // Credentials without a name.
            ("/?auth=Bearer%20S&a=1", "/?auth=***&a=1"),
            ("/?auth=Bearer+S", "/?auth=***"),
            ("/v/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "/v/***"),
            ("/?next=https://x/%23access_token=abc", "/?next=***"),
            ("/?state=%7B%22token%22%3A%22abc%22%7D", "/?state=***"),
            ("/?deep=%252525252561", "/?deep=***"),
            ("/?x%26token%3Dabc=1", "/?***"),
            ("/?token%3Dabc", "/?***"),
            // Credentials in a URL.
            ("https://ann:pw@gw/x", "https://***@gw/x"),
            ("https://ann:p@w@gw?token=a", "https://***@gw?token=***"),
            ("https://ann:pw@gw/?next=https://x", "https://***@gw/?next=https://x"),
            ("/?next=https://u:S@h/&a=1", "/?next=***&a=1"),
            ("/?next=https%3A%2F%2Fu%3AS%40h%2F", "/?next=***"),
            ("/?next=//u:S@h/", "/?next=***"),
            ("//u:S@h/x?a=1", "//***?a=1"),
            ("/go/https://u:S@h/x", "/go/https://***"),
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
            "/?tokens=x",
            "/?input_tokens=7&xcode=1",
            "/?next=C:%5Cusers",
            "/@scope/pkg//@x",
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
            ("/?%74oken%=%é", "/?%74oken%=***"),
            ("/?%73hown%=%é", "/?%73hown%=%é"),
            ("/?é=%C3%A9&token=é", "/?é=%C3%A9&token=***"),
            ("/?%FF%FEtoken=x&token=\u{fffd}", "/?%FF%FEtoken=***&token=***"),
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
