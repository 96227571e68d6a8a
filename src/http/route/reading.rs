//! How paths are understood where routes are compared. The path that is forwarded is the path as it came, and a gateway
//! may understand it in another way than a route does: [`proper`] is the route's reading, `PathReadings` are all that
//! a program could have.

mod steps;

use std::borrow::Cow;

use steps::PathSigns;

use crate::observe::percent_encoding;

/// A path as routes compare it: percent-decoded once, `\` taken for `/`, `//` merged, dot segments removed. It is
/// borrowed if no program could understand it in another way, but for the case of its letters.
pub(crate) fn proper(path: &str) -> Cow<'_, [u8]> {
    if is_plain(path) {
        return Cow::Borrowed(path.as_bytes());
    }
    let mut read = percent_encoding::decoded(path.as_bytes());
    for step in [steps::slashes, steps::merged, steps::resolved] {
        read = step(&read);
    }
    Cow::Owned(read)
}

/// Whether no step of a program would change the path.
fn is_plain(path: &str) -> bool {
    let mut last = b' ';
    path.starts_with('/')
        && path.bytes().all(|byte| {
            let odd = matches!(byte, b'%' | b'\\' | b';' | 0x7f..) || (last == b'/' && matches!(byte, b'/' | b'.'));
            last = byte;
            !odd
        })
}

/// Every way in which a program could understand a path: each [step](steps) may be taken or left out, in any order, and
/// percent-encoding may be taken off once or twice.
///
/// What programs do differs in which of these steps they take and in what order (WHATWG's `new URL`, Express, Go's
/// `net/http`, servlet containers, WSGI), so the readings are the closure over the steps instead of a list of programs.
/// Steps act on a whole path, so that there are few of them: one or two for a path with an escape, a dozen for an odd
/// one.
#[derive(Debug)]
pub(in crate::http) struct PathReadings {
    /// The readings, with how often each was decoded.
    known: Vec<(u8, Vec<u8>)>,
    /// How many of these were handed out.
    seen: usize,
    bytes: usize,
    most: usize,
}

/// A path has more readings than are looked at.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct TooManyReadings;

impl PathReadings {
    /// The readings of a path. The path as it came is the first.
    pub(in crate::http) fn of(path: &str) -> Self {
        // A byte that cannot stand in a target by itself has to be encoded: to a program that decodes nothing that is
        // its name.
        let first = steps::decoded_where_needed(path.as_bytes());
        Self { bytes: first.len(), known: vec![(0, first)], seen: 0, most: MOST }
    }

    /// The same, of which no more are looked at than these.
    pub(in crate::http) fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// The next reading.
    ///
    /// # Errors
    /// If there are more than a request may cost.
    pub(in crate::http) fn next(&mut self) -> Result<Option<&[u8]>, TooManyReadings> {
        if let Some(last) = self.seen.checked_sub(1) {
            self.expand(last)?;
        }
        let next = self.known.get(self.seen);
        self.seen += usize::from(next.is_some());
        Ok(next.map(|(_, path)| path.as_slice()))
    }

    /// Adds what a program makes of a known reading by one more step.
    fn expand(&mut self, index: usize) -> Result<(), TooManyReadings> {
        let (decoded, path) = self.known[index].clone();
        let signs = PathSigns::of(&path);
        for step in steps::ALL.iter().filter(|step| step.is_for(signs)) {
            let decoded = decoded + u8::from(step.decodes);
            if decoded <= MOST_DECODED {
                self.add(decoded, (step.take)(&path))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, decoded: u8, path: Vec<u8>) -> Result<(), TooManyReadings> {
        // A reading that is known already brings nothing more.
        if self.known.iter().any(|(before, known)| *before <= decoded && *known == path) {
            return Ok(());
        }
        self.bytes += path.len();
        if self.known.len() == self.most || self.bytes > MOST_BYTES {
            return Err(TooManyReadings);
        }
        self.known.push((decoded, path));
        Ok(())
    }
}

/// A path is decoded by one program, or by one in front of another.
const MOST_DECODED: u8 = 2;
/// How many readings of one path, and how many bytes of them, are looked at. A browser's path has a handful.
pub(in crate::http) const MOST: usize = 128;
const MOST_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn the_proper_reading_is_decoded_once_and_has_no_dot_segments() {
        for (path, expected) in [
            ("/", "/"),
            ("/claw/x", "/claw/x"),
            ("/a.b/c..d", "/a.b/c..d"),
            ("/%70rivate", "/private"),
            ("/%2570rivate", "/%70rivate"),
            ("/x/../private", "/private"),
            ("/x/%2e%2E/private", "/private"),
            ("/x/.%2e/private", "/private"),
            ("/./private", "/private"),
            ("/../../private", "/private"),
            ("//private", "/private"),
            ("/x//..//private", "/private"),
            ("/x%2f..%2Fprivate", "/private"),
            ("/x\\..\\private", "/private"),
            ("/%5cprivate", "/private"),
            ("/private/", "/private/"),
            ("/private//", "/private/"),
            ("/private/.", "/private/"),
            ("/private/x/..", "/private/"),
            ("/x/..", "/"),
            ("/...", "/..."),
            ("/%", "/%"),
            ("/%zz", "/%zz"),
            ("/%c3%a9", "/é"),
            ("*", "/"),
        ] {
            assert_eq!(text(&proper(path)), expected, "{path}");
        }
        assert!(matches!(proper("/plain/Path.html"), Cow::Borrowed(_)), "nothing is copied");
    }

    /// All readings of a path, or `None` where there are too many.
    fn readings(path: &str) -> Option<Vec<String>> {
        let (mut readings, mut all) = (PathReadings::of(path), Vec::new());
        while let Some(reading) = readings.next().ok()? {
            all.push(text(reading));
        }
        Some(all)
    }

    #[test]
    fn the_readings_have_what_a_program_may_understand() {
        for (path, expected) in [
            // How many slashes there are in front, and of which kind, and what they introduce.
            ("//private", "/private"),
            ("///private", "/private"),
            ("/\\private", "/private"),
            ("//evil/private", "/private"),
            ("///evil/private", "/private"),
            ("////evil/private", "/private"),
            ("/\\evil/private", "/private"),
            ("/\\/\\evil\\private", "/private"),
            ("//evil/x/../private", "/private"),
            ("//private/..%2f", "/"),
            ("/%2fevil/private", "/private"),
            ("/%5cevil/private", "/private"),
            ("///private//..", "/private/"),
            ("//x//private", "/private"),
            ("//user@%70rivate", "/private"),
            ("/\\%3f@%70rivate/x", "/private/x"),
            ("//x%70rivate", "/private"),
            ("//x%@a;b", "/;b"),
            ("//@a;b", "/;b"),
            ("//private//", "/private//"),
            ("/private\\", "/private/"),
            ("/%70rivate/%2f", "/private/%2f"),
            // Dot segments, plain and encoded, kept and removed.
            ("/private/../x", "/private/../x"),
            ("/private/../x", "/x"),
            ("/private/%2e%2e/x", "/private/../x"),
            ("/private/%2e%2e/x", "/x"),
            ("/x/%2e%2e/private/..%2fpublic", "/private/..%2fpublic"),
            ("/private/..%2fpublic", "/private/..%2fpublic"),
            ("/private//../public", "/private/public"),
            ("/x%2fy/%2e%2e/private", "/private"),
            ("/x%2fy/%2e%2e/%70rivate", "/private"),
            ("/private%2f/..", "/private%2f/.."),
            ("/%2e%2e//x%70rivate", "/private"),
            // Once and twice.
            ("/%70rivate", "/private"),
            ("/%2570rivate", "/private"),
            ("/%252e%252e/private", "/private"),
            ("/x%252f..%252fprivate", "/private"),
            // Parameters of segments.
            ("/private;x", "/private"),
            ("/private;x/y", "/private"),
            ("/private;x/y", "/private/y"),
            ("/x/..;/private", "/private"),
            ("/private;x//..", "/"),
            ("//private;x", "/private"),
            ("/private%3bx", "/private"),
            ("/private/;/;", "/private/;/"),
            // Characters that end a path once it is decoded, or are not there at all.
            ("/private%3f/../x", "/private"),
            ("/private%23/../x", "/private"),
            ("/private%00.html", "/private"),
            ("/pri%09vate", "/private"),
            ("/private%20", "/private"),
            // Letters that become others.
            ("/%e2%84%aaelvin", "/kelvin"),
        ] {
            let all = readings(path).unwrap_or_default();
            assert!(all.iter().any(|reading| reading == expected), "{path} as {expected}: {all:?}");
        }
    }

    #[test]
    fn no_reading_is_decoded_a_third_time() {
        let all = readings("/%252570rivate").unwrap();
        assert_eq!(all, ["/%252570rivate", "/%2570rivate", "/%70rivate"]);
    }

    #[test]
    fn ordinary_paths_have_few_readings() {
        for (path, most) in [
            ("/", 1),
            ("/assets/App.js", 1),
            ("/.well-known/x", 1),
            ("/a%20b/%c3%a9", 1),
            ("/files/100%25", 2),
            ("/__openclaw__/catalog-icon/https%3A%2F%2Fexample.com%2Ficon.png", 4),
        ] {
            let all = readings(path).unwrap();
            assert!(all.len() <= most, "{path}: {all:?}");
        }
    }

    #[test]
    fn what_looking_costs_has_an_end() {
        let long = format!("/{}%2e", "x".repeat(40_000));
        let odd = "/%2f;a/%252e%252e/..;b//%5c/./%253b\\%00/;x/%09/..%2f".repeat(3);
        for path in [long, odd] {
            assert_eq!(readings(&path), None, "{path}");
        }
        // A path with one escape, and the reading that is two bytes shorter.
        let path = |length: usize| format!("/{}%70", "x".repeat(length - "/%70".len()));
        assert_eq!(readings(&path(MOST_BYTES / 2 + 1)).map(|all| all.len()), Some(2));
        assert_eq!(readings(&path(MOST_BYTES / 2 + 2)), None);
    }

    proptest::proptest! {
        #[test]
        fn the_proper_reading_is_one_of_them(path in "/([/\\\\.;]|%2e|%2F|%25|%70|p){0,8}") {
            if let Some(all) = readings(&path) {
                let proper = text(&proper(&path));
                proptest::prop_assert!(all.contains(&proper), "{} as {}: {:?}", path, proper, all);
            }
        }
    }
}
