//! [`SocketLabel`]: what a socket stands for, told to the process that gets it from another one.

use std::fmt;
use std::path::PathBuf;

use crate::config::BindAddr;

/// A key of the configuration that has listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerPurpose {
    Https,
    Http,
    Plain,
    Admin,
}

/// What a socket stands for. It is written as a line of text, and parsed from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SocketLabel {
    /// A key as a whole: systemd's `FileDescriptorName=https` stands for all of `listen.https`.
    Key(ListenerPurpose),
    /// The configured address, whichever key asks. Port 0 is kept as such: it stands for the port that the kernel chose
    /// then.
    Address(BindAddr),
}

impl SocketLabel {
    /// The address, if it stands for one.
    pub(crate) fn address(&self) -> Option<&BindAddr> {
        match self {
            Self::Key(_) => None,
            Self::Address(address) => Some(address),
        }
    }

    /// Parses a label; `None` if `text` is none.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux passes sockets on"))]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let key = ListenerPurpose::ALL.into_iter().find(|purpose| purpose.name() == text).map(Self::Key);
        let unix = || text.strip_prefix("unix:").map(|path| Self::Address(BindAddr::Unix(PathBuf::from(path))));
        let tcp = || text.parse().ok().map(|address| Self::Address(BindAddr::Tcp(address)));
        key.or_else(unix).or_else(tcp)
    }
}

impl ListenerPurpose {
    /// The purpose in words, for people.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "redirect to https",
            Self::Plain => "plain http",
            Self::Admin => "admin",
        }
    }

    const ALL: [Self; 4] = [Self::Https, Self::Http, Self::Plain, Self::Admin];

    fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Plain => "plain",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for SocketLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(purpose) => f.write_str(purpose.name()),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_as_it_was_written() {
        for text in ["https", "http", "plain", "admin", "127.0.0.1:0", "[::]:8443", "unix:/run/frontgate.sock"] {
            assert_eq!(SocketLabel::parse(text).map(|label| label.to_string()).as_deref(), Some(text));
        }
        for text in ["", "unknown", "frontgate.socket", "HTTPS", "8443"] {
            assert_eq!(SocketLabel::parse(text), None, "{text}");
        }
    }
}
