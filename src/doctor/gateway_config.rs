//! [`GatewayConfig`]: the gateway's own configuration, and which gateway it is about.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::catalogue::settings::KnownSettings;
use super::probe::MachineLimits;
use super::settings::{DEFAULT_PORT, GatewaySettings, UnreadableSettings, find, read};
use crate::config::UpstreamAddress;

/// The gateway's own configuration.
#[derive(Clone)]
pub(crate) struct GatewayConfig {
    /// The path of the file.
    pub(crate) file: PathBuf,
    /// Whether the user named the file; otherwise it was found where a gateway of this user's would have it.
    pub(crate) named: bool,
    /// The file's text, which holds secrets.
    text: String,
    pub(super) settings: Result<GatewaySettings, UnreadableSettings>,
}

// Leaves the text out, so that it gets into no log.
impl std::fmt::Debug for GatewayConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayConfig").field("file", &self.file).finish_non_exhaustive()
    }
}

impl GatewayConfig {
    /// Reads `file`; what is wrong with it becomes a finding.
    pub(crate) fn open(file: PathBuf, named: bool) -> Self {
        let read_in = |error: io::Error| UnreadableSettings::Io(error.to_string());
        let text = text_of(&file).map_err(read_in);
        let settings = text.as_ref().map_err(Clone::clone).and_then(|text| read(text));
        Self { file, named, text: text.unwrap_or_default(), settings }
    }

    /// The configuration where a gateway of this user's would have it, and the places where it was looked for.
    pub(crate) fn look() -> (Option<Self>, Vec<PathBuf>) {
        let looked = find(|name| env::var(name).ok(), is_there);
        (looked.file.map(|file| Self::open(file, false)), looked.places)
    }

    /// The file's text, for an edit to be applied to.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What the file says, if it could be read.
    pub(crate) fn settings(&self) -> Option<&GatewaySettings> {
        self.settings.as_ref().ok()
    }

    /// Why nothing can be said about the file, if it could not be read.
    pub(crate) fn unreadable(&self) -> Option<&UnreadableSettings> {
        self.settings.as_ref().err()
    }

    /// Which other listener of this gateway's is at `upstream`: one that is not the gateway itself.
    pub(super) fn beside(&self, upstream: &UpstreamAddress, machine: &MachineLimits) -> Option<&'static str> {
        let settings = self.settings.as_ref().ok().filter(|_| self.named || is_here(upstream, machine))?;
        let port = port_of(upstream).filter(|port| *port != settings.port.unwrap_or(DEFAULT_PORT))?;
        if (settings.apps.enabled || settings.apps.origin.is_some()) && settings.apps.port == port {
            return Some("the gateway's listener for MCP Apps (mcp.apps), which is no gateway");
        }
        settings
            .portals
            .as_ref()
            .is_some_and(|portals| portals.port == port)
            .then_some("the gateway's listener for portals, which is no gateway")
    }

    /// What the file says of the gateway at `upstream`; nothing if it belongs to another gateway.
    pub(super) fn about(
        &self,
        upstream: &UpstreamAddress,
        all: &[UpstreamAddress],
        machine: &MachineLimits,
    ) -> Option<KnownSettings<'_>> {
        let settings = self.settings.as_ref().ok()?;
        let port = settings.port.unwrap_or(DEFAULT_PORT);
        let ours = |upstream: &UpstreamAddress| port_of(upstream) == Some(port);
        let its = if self.named {
            ours(upstream) || !all.iter().any(ours)
        } else {
            ours(upstream) && is_here(upstream, machine)
        };
        its.then_some(KnownSettings { file: &self.file, settings })
    }

    /// The port that the file names, where that is another than `upstream`'s.
    pub(super) fn other_port(&self, upstream: &UpstreamAddress, machine: &MachineLimits) -> Option<u16> {
        let port = self.settings.as_ref().ok()?.port?;
        ((self.named || is_here(upstream, machine)) && port_of(upstream) != Some(port)).then_some(port)
    }
}

fn port_of(upstream: &UpstreamAddress) -> Option<u16> {
    match upstream {
        UpstreamAddress::Http { port, .. } | UpstreamAddress::Https { port, .. } => Some(*port),
        UpstreamAddress::Unix(_) => None,
    }
}

/// Whether a gateway is on this very machine.
fn is_here(upstream: &UpstreamAddress, machine: &MachineLimits) -> bool {
    match upstream {
        UpstreamAddress::Http { host, .. } | UpstreamAddress::Https { host, .. } => match host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || machine.addresses.contains(&ip),
            Err(_) => host == "localhost",
        },
        UpstreamAddress::Unix(_) => true,
    }
}

/// Whether the file exists. One that cannot be looked at counts as existing: opening it will say why.
pub(crate) fn is_there(file: &Path) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    !fs::metadata(file).is_err_and(|error| matches!(error.kind(), NotFound | NotADirectory))
}

fn text_of(file: &Path) -> io::Result<String> {
    if !fs::metadata(file)?.is_file() {
        // Reading from a pipe might never end.
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    fs::File::open(file)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST { Err(io::Error::other("larger than 4 MiB")) } else { Ok(text) }
}

/// Bytes. A long configuration of a gateway has a hundredth of this size.
const LARGEST: u64 = 4 << 20;
