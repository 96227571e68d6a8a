//! [`EndedSessions`]: the logins that ended before their time: pure.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

use super::contents::Session;

/// The logins that ended before their time, each until it would have ended by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EndedSessions {
    entries: HashMap<EndedName, EndedBefore>,
    /// All logins that began before this have ended: there were too many to be told apart.
    all: Option<EndedBefore>,
}

/// A digest of what an issuer or frontgate calls a login or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct EndedName([u8; 16]);

/// The logins of a name that have ended: those that began at this time or before it, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EndedBefore {
    begun: u64,
    /// When the last of them would have ended by itself.
    until: u64,
}

/// What has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedWhat<'a> {
    /// One login, by the name that frontgate gave it.
    Session(&'a str),
    /// The logins that come of one at the issuer, by the issuer's name of it.
    IssuerSession(&'a str),
    /// All logins of a user.
    Subject(&'a str),
    /// All logins of a user of which the issuer has told no name.
    Nameless(&'a str),
}

impl EndedBefore {
    /// The later of both.
    fn take(&mut self, other: Self) {
        *self = Self { begun: self.begun.max(other.begun), until: self.until.max(other.until) };
    }
}

impl EndedWhat<'_> {
    fn of(self, realm: &str) -> EndedName {
        let (kind, text) = match self {
            Self::Session(text) => ("session", text),
            Self::IssuerSession(text) => ("sid", text),
            Self::Subject(text) => ("sub", text),
            Self::Nameless(text) => ("nameless", text),
        };
        let sum = digest(&SHA256, format!("{kind}\0{realm}\0{text}").as_bytes());
        let mut name = [0; 16];
        name.copy_from_slice(&sum.as_ref()[..16]);
        EndedName(name)
    }
}

impl EndedSessions {
    /// Notes that what began by `now` at the login service `realm` has ended; `until` is when the last of it would have
    /// ended by itself.
    pub(crate) fn end(&mut self, realm: &str, what: EndedWhat<'_>, now: u64, until: u64) {
        if self.entries.len() >= MOST {
            self.entries.retain(|_, ended| ended.until > now);
        }
        if self.entries.len() >= MOST {
            // A list without end is no list: all log in anew, and what has ended stays ended.
            self.entries.clear();
            self.all = Some(EndedBefore { begun: now, until: until.max(self.all.map_or(0, |all| all.until)) });
        }
        let ended = self.entries.entry(what.of(realm)).or_insert(EndedBefore { begun: now, until });
        *ended = EndedBefore { begun: ended.begun.max(now), until: ended.until.max(until) };
    }

    /// Whether this login has ended before its time.
    pub(crate) fn has(&self, realm: &str, session: &Session) -> bool {
        let is_over = |ended: &EndedBefore| session.begun <= ended.begun;
        if self.all.as_ref().is_some_and(is_over) {
            return true;
        }
        if self.entries.is_empty() {
            return false;
        }
        let names = [
            Some(EndedWhat::Session(&session.id)),
            session.sid.as_deref().map(EndedWhat::IssuerSession),
            Some(EndedWhat::Subject(&session.subject)),
            session.sid.is_none().then_some(EndedWhat::Nameless(&session.subject)),
        ];
        names.into_iter().flatten().any(|what| self.entries.get(&what.of(realm)).is_some_and(is_over))
    }

    /// The text of a file with what is still of use at `now`.
    pub(crate) fn encode(&self, now: u64) -> String {
        let mut lines: Vec<_> = self.entries.iter().map(|(name, ended)| (Some(*name), *ended)).collect();
        lines.extend(self.all.map(|ended| (None, ended)));
        lines.sort_by_key(|(name, _)| *name);
        let mut text = String::new();
        for (name, EndedBefore { begun, until }) in lines.into_iter().filter(|(_, ended)| ended.until > now) {
            match name {
                None => text.push_str("all"),
                Some(EndedName(bytes)) => bytes.iter().for_each(|byte| write_hex(&mut text, *byte)),
            }
            // Into memory: it cannot fail.
            let _ = writeln!(text, " {begun} {until}");
        }
        text
    }

    /// The list in the text of a file; `None` if it is none of [`EndedSessions::encode`].
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut list = Self::default();
        for line in str::from_utf8(text).ok()?.lines() {
            let mut words = line.split(' ');
            let (name, begun, until) = (words.next()?, words.next()?, words.next()?);
            let ended = EndedBefore { begun: begun.parse().ok()?, until: until.parse().ok()? };
            match (name, words.next()) {
                (_, Some(_)) => return None,
                ("all", None) => list.all = Some(ended),
                (name, None) => {
                    list.entries.insert(EndedName(from_hex(name)?), ended);
                }
            }
        }
        Some(list)
    }

    /// Adds what another list has; whether that is anything new. What has ended stays ended.
    pub(crate) fn merge(&mut self, other: &Self, now: u64) -> bool {
        let before = self.clone();
        for (name, ended) in other.entries.iter().filter(|(_, ended)| ended.until > now) {
            if self.entries.len() >= MOST && !self.entries.contains_key(name) {
                // As where too many end here: all log in anew.
                let until = self.entries.values().map(|ended| ended.until).max().unwrap_or(ended.until);
                self.entries.clear();
                self.all = Some(EndedBefore { begun: now, until: until.max(self.all.map_or(0, |all| all.until)) });
            }
            self.entries.entry(*name).or_insert(*ended).take(*ended);
        }
        if let Some(all) = other.all {
            self.all.get_or_insert(all).take(all);
        }
        *self != before
    }

    /// The list after its file was found to be unreadable: what it held is not known, so all logins up to now have ended.
    pub(crate) fn lost(now: u64, until: u64) -> Self {
        Self { entries: HashMap::new(), all: Some(EndedBefore { begun: now, until }) }
    }
}

fn write_hex(text: &mut String, byte: u8) {
    let _ = write!(text, "{byte:02x}");
}

fn from_hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Some 5 MB of memory and 3 MB of file. Logins that are ended early are few: those of a day, of some thousand users.
const MOST: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: &str, subject: &str, sid: Option<&str>, begun: u64) -> Session {
        Session {
            id: id.to_owned(),
            subject: subject.to_owned(),
            email: None,
            groups: Vec::new(),
            sid: sid.map(str::to_owned),
            begun,
            ends: begun + 1000,
            renewed: None,
            renewable: false,
        }
    }

    #[test]
    fn what_has_ended_ends_its_own_logins_and_no_others() {
        let sessions = [
            session("1", "ann", Some("x"), 100),
            session("2", "ann", Some("y"), 100),
            session("3", "bob", Some("x"), 100),
            session("4", "ann", None, 100),
            session("5", "ann", Some("x"), 201),
        ];
        for (what, expected) in [
            (EndedWhat::Session("1"), [true, false, false, false, false]),
            (EndedWhat::IssuerSession("x"), [true, false, true, false, false]),
            (EndedWhat::Subject("ann"), [true, true, false, true, false]),
            (EndedWhat::Nameless("ann"), [false, false, false, true, false]),
            (EndedWhat::Subject("1"), [false; 5]),
            (EndedWhat::Session("x"), [false; 5]),
        ] {
            let mut list = EndedSessions::default();
            list.end("id", what, 200, 2000);
            let read = EndedSessions::parse(list.encode(300).as_bytes()).unwrap();
            for list in [&list, &read] {
                assert_eq!(sessions.each_ref().map(|session| list.has("id", session)), expected, "{what:?}");
                assert!(sessions.iter().all(|session| !list.has("other", session)), "{what:?}");
            }
        }
    }

    #[test]
    fn an_entry_is_kept_until_what_it_ends_would_have_ended() {
        let mut list = EndedSessions::default();
        list.end("id", EndedWhat::Session("1"), 100, 200);
        list.end("id", EndedWhat::Session("1"), 150, 180);
        assert!(list.encode(199).contains(" 150 200\n"));
        assert_eq!(list.encode(200), "");
    }

    #[test]
    fn too_many_entries_end_all_logins_up_to_then() {
        let mut list = EndedSessions::default();
        for number in 0..=MOST {
            list.end("id", EndedWhat::Session(&number.to_string()), 100, 200);
        }
        assert!(list.entries.len() < 2);
        for list in [&list, &EndedSessions::parse(list.encode(101).as_bytes()).unwrap()] {
            assert!(list.has("id", &session("other", "ann", None, 100)));
            assert!(list.has("elsewhere", &session("0", "ann", None, 99)));
            assert!(!list.has("id", &session("other", "ann", None, 101)));
        }
    }

    #[test]
    fn a_file_that_is_not_whole_is_none() {
        let mut list = EndedSessions::default();
        list.end("id", EndedWhat::Session("1"), 100, 200);
        let text = list.encode(0);
        assert_eq!(EndedSessions::parse(text.as_bytes()), Some(list));
        assert_eq!(EndedSessions::parse(b""), Some(EndedSessions::default()));
        for broken in [&text[..20], &text[1..], "all", "all 1", "all 1 2 3", "all x 2", "é 1 2", "\n"] {
            assert_eq!(EndedSessions::parse(broken.as_bytes()), None, "{broken:?}");
        }
        assert!(EndedSessions::lost(100, 200).has("id", &session("1", "ann", None, 100)));
    }
}
