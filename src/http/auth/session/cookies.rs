//! [`CookieName`]: a value that is kept in one cookie of a browser, or in several when it is long: pure.

use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// The name of a value that a browser keeps.
///
/// `__Host-` makes browsers refuse the cookie from any other host, a sibling's of the same domain included (RFC 6265bis
/// §4.1.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieName(String);

/// A value that is too long for cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("larger than a browser's cookies")]
pub struct CookieTooLarge;

impl CookieName {
    /// The cookie for `what` of the login service that `tag` stands for; both are letters and digits.
    pub fn new(tag: &str, what: &str) -> Self {
        Self(format!("__Host-frontgate_{tag}_{what}"))
    }

    /// The value that a request brings. One of which a part is missing, is there twice or is odd is as good as none: a
    /// second cookie of a name comes from elsewhere.
    pub fn read(&self, headers: &HeaderMap) -> Option<String> {
        let first = self.only(headers, 0)?;
        let (count, first) = first.split_once('.')?;
        let count = count.parse::<usize>().ok().filter(|count| (1..=MOST_PARTS).contains(count))?;
        let mut value = first.to_owned();
        for part in 1..count {
            value.push_str(self.only(headers, part)?);
        }
        Some(value)
    }

    /// The `Set-Cookie` fields that make a browser keep `value` for so long.
    ///
    /// # Errors
    /// If a browser would not keep so much.
    pub fn keep(&self, value: &str, time: Duration) -> Result<Vec<HeaderValue>, CookieTooLarge> {
        let count = value.len().div_ceil(PART).max(1);
        if count > MOST_PARTS || !value.is_ascii() {
            return Err(CookieTooLarge);
        }
        (0..count)
            .map(|part| {
                let piece = &value[part * PART..value.len().min((part + 1) * PART)];
                let lead = if part == 0 { format!("{count}.") } else { String::new() };
                self.field(part, &format!("{lead}{piece}"), time).ok_or(CookieTooLarge)
            })
            .collect()
    }

    /// The `Set-Cookie` fields that make a browser forget the value that this request brings.
    pub(crate) fn forget(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let brought = |part: &usize| self.all(headers, *part).next().is_some();
        (0..MOST_PARTS).filter(brought).filter_map(|part| self.field(part, "", Duration::ZERO)).collect()
    }

    /// Whether these `Set-Cookie` fields make a browser keep a value.
    pub(crate) fn is_in(&self, fields: &[HeaderValue]) -> bool {
        let start = format!("{}_0=", self.0);
        fields.iter().any(|field| field.as_bytes().starts_with(start.as_bytes()))
    }

    fn field(&self, part: usize, value: &str, time: Duration) -> Option<HeaderValue> {
        let Self(name) = self;
        let seconds = time.as_secs();
        let text = format!("{name}_{part}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
        HeaderValue::try_from(text).ok()
    }

    fn only<'a>(&self, headers: &'a HeaderMap, part: usize) -> Option<&'a str> {
        let mut all = self.all(headers, part);
        match (all.next(), all.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    fn all<'a>(&self, headers: &'a HeaderMap, part: usize) -> impl Iterator<Item = &'a str> {
        let name = format!("{}_{part}", self.0);
        let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| str::from_utf8(field.as_bytes()).ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.split_once('='));
        // Browsers compare names letter by letter; some once took `__host-` for another name than `__Host-`.
        pairs.filter(move |(own, _)| own.trim().eq_ignore_ascii_case(&name)).map(|(_, value)| value.trim())
    }
}

/// Bytes of a value in one cookie: a browser keeps 4096 with name and attributes (RFC 6265bis §5.6).
const PART: usize = 3800;
/// 7.6 KB together: with less than 8 KiB of cookies a request fits all servers' limits for a head.
const MOST_PARTS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    /// What a browser sends that has kept these fields.
    fn sent(fields: &[HeaderValue]) -> String {
        let pair = |field: &HeaderValue| field.to_str().unwrap().split(';').next().unwrap().to_owned();
        fields.iter().map(pair).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_value_comes_back_from_as_many_cookies_as_it_takes() {
        let name = CookieName::new("1a2b", "session");
        for (length, parts) in [(0, 1), (1, 1), (PART, 1), (PART + 1, 2), (2 * PART, 2)] {
            let value = "x".repeat(length);
            let fields = name.keep(&value, Duration::from_mins(1)).unwrap();
            assert_eq!(fields.len(), parts, "{length}");
            for field in &fields {
                let field = field.to_str().unwrap();
                assert!(field.starts_with("__Host-frontgate_1a2b_session_"), "{field}");
                assert!(field.ends_with("; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"), "{field}");
                assert!(field.len() <= 4096);
            }
            assert!(fields.iter().map(HeaderValue::len).sum::<usize>() <= 8 * 1024);
            let headers = brought(&["a=b", &format!("c=d; {}; e=f", sent(&fields))]);
            assert_eq!(name.read(&headers).as_deref(), Some(&*value));
            assert_eq!(name.forget(&headers).len(), parts);
            assert_eq!(CookieName::new("1a2b", "login").read(&headers), None);
            assert_eq!(CookieName::new("ffff", "session").read(&headers), None);
        }
        assert_eq!(name.keep(&"x".repeat(2 * PART + 1), Duration::ZERO), Err(CookieTooLarge));
    }

    #[test]
    fn a_part_that_is_missing_doubled_or_odd_makes_no_value() {
        let name = CookieName::new("t", "s");
        let (first, second) = ("__Host-frontgate_t_s_0", "__Host-frontgate_t_s_1");
        for (cookies, expected) in [
            (vec![format!("{first}=1.a")], Some("a")),
            (vec![format!("{first}=2.a; {second}=b")], Some("ab")),
            (vec![format!("{first}=2.a"), format!("{second}=b")], Some("ab")),
            // A part that is left of a longer value does not count.
            (vec![format!("{first}=1.a; {second}=b")], Some("a")),
            (vec![format!("{first}=2.a")], None),
            (vec![format!("{second}=b")], None),
            (vec![format!("{first}=1.a; {first}=1.b")], None),
            (vec![format!("{first}=1.a"), format!("{first}=1.a")], None),
            (vec![format!("{first}=1.a; __host-frontgate_t_s_0=1.b")], None),
            (vec![format!("{first}=2.a; {second}=b; {second}=c")], None),
            (vec![format!("{first}=0.a")], None),
            (vec![format!("{first}=3.a; {second}=b")], None),
            (vec![format!("{first}=a")], None),
            (vec![format!("{first}=")], None),
            (vec![first.to_owned()], None),
            (vec![], None),
        ] {
            let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
            assert_eq!(name.read(&brought(&cookies)).as_deref(), expected, "{cookies:?}");
        }
    }

    #[test]
    fn only_what_was_brought_is_forgotten() {
        let name = CookieName::new("t", "s");
        assert!(name.forget(&HeaderMap::new()).is_empty());
        let fields = name.forget(&brought(&["__Host-frontgate_t_s_1=b"]));
        let expected = "__Host-frontgate_t_s_1=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(fields, [expected]);
    }
}
