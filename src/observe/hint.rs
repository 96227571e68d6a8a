//! [`Hint`]: what is missing in the gateway's configuration, said once a minute at most.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clean::clean;

/// How often one kind of advice is given.
const EVERY: Duration = Duration::from_mins(1);

/// How much of an answer's body is looked at, in bytes.
const BODY_LOOKED_AT: usize = 2048;

/// The gateway's code for "a proxy I was not told about".
const ATTRIBUTION: &[u8] = b"proxy_attribution_required";

/// Gives the operator the lines that the gateway's configuration lacks, once a minute at most.
///
/// The gateway's answer itself passes unchanged; this is for the one who runs both.
#[derive(Debug, Default)]
pub struct Hint {
    attribution: Mutex<Limiter>,
    origin: Mutex<Limiter>,
}

impl Hint {
    /// The gateway answered 403 `proxy_attribution_required`, or closed for that reason: it does not trust `frontgate`, the
    /// local address of the connection to it (`None` on a unix socket). `origin` is the client's, if it sent one: with the
    /// first line in place, the gateway asks for the second.
    pub fn attribution(&self, now: Instant, frontgate: Option<IpAddr>, origin: Option<&[u8]>) -> Option<Advice> {
        let repeated = pass(&self.attribution, now)?;
        Some(Advice {
            missing: "the gateway does not trust this proxy",
            trusted_proxies: Some(frontgate.map_or_else(
                || "gateway.trustedProxies: [the address the gateway sees]".to_owned(),
                |addr| format!("gateway.trustedProxies: [\"{}\"]", addr.to_canonical()),
            )),
            allowed_origins: origin.and_then(allowed_origins),
            repeated,
        })
    }

    /// The gateway closed a WebSocket because the page at `origin` may not open one.
    pub fn origin(&self, now: Instant, origin: Option<&[u8]>) -> Option<Advice> {
        let repeated = pass(&self.origin, now)?;
        Some(Advice {
            missing: "the gateway does not allow the page's origin",
            trusted_proxies: None,
            allowed_origins: origin.and_then(allowed_origins),
            repeated,
        })
    }
}

/// What to add to the gateway's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What the gateway said, in other words.
    pub missing: &'static str,
    /// The line for this proxy.
    pub trusted_proxies: Option<String>,
    /// The line for the page's origin. Anybody can send any `Origin`: only the operator knows whether it is theirs.
    pub allowed_origins: Option<String>,
    /// How often the same happened without a line since the last one.
    pub repeated: u64,
}

impl Advice {
    /// Writes it to the log.
    pub fn warn(&self) {
        tracing::warn!(
            add = self.trusted_proxies,
            add_if_this_page_is_yours = self.allowed_origins,
            repeated = (self.repeated > 0).then_some(self.repeated),
            "{}; its configuration (openclaw.json) lacks a line",
            self.missing
        );
    }
}

/// What the gateway said when it closed a WebSocket with 1008.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It does not trust this proxy.
    Attribution,
    /// It does not allow the page's origin.
    Origin,
}

impl Refusal {
    /// Reads the gateway's close code and reason.
    pub fn of(code: u16, reason: &[u8]) -> Option<Self> {
        let says = |phrase: &[u8]| reason.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase));
        match code {
            1008 if says(b"origin not allowed") => Some(Self::Origin),
            1008 if says(b"attribution") && says(b"required") => Some(Self::Attribution),
            _ => None,
        }
    }
}

/// Looks for `proxy_attribution_required` in a 403's body while that streams by, in its first 2 KiB.
#[derive(Debug, Default)]
pub struct AttributionScan {
    matched: usize,
    seen: usize,
}

impl AttributionScan {
    /// Looks at the next bytes; `true` once, with the chunk that completes the word.
    pub fn feed(&mut self, chunk: &[u8]) -> bool {
        let chunk = &chunk[..chunk.len().min(BODY_LOOKED_AT - self.seen)];
        self.seen += chunk.len();
        for &byte in chunk {
            // The word's first letter is in it once only, so a mismatch never has to look back.
            self.matched =
                if byte == ATTRIBUTION[self.matched] { self.matched + 1 } else { usize::from(byte == ATTRIBUTION[0]) };
            if self.matched == ATTRIBUTION.len() {
                *self = Self { matched: 0, seen: BODY_LOOKED_AT };
                return true;
            }
        }
        false
    }
}

/// The line that allows `origin`, if it looks like an origin at all.
fn allowed_origins(origin: &[u8]) -> Option<String> {
    let host = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"))?;
    let is_origin = !host.is_empty() && host.iter().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(b));
    is_origin.then(|| format!("gateway.controlUi.allowedOrigins: [\"{}\"]", clean(origin, 300)))
}

/// When a kind of advice was last given, and how often it was not since.
#[derive(Debug, Default)]
struct Limiter {
    last: Option<Instant>,
    kept_back: u64,
}

/// `Some` of the number kept back when a line is due.
fn pass(limiter: &Mutex<Limiter>, now: Instant) -> Option<u64> {
    // Two plain fields: nothing can be half done after a panic.
    let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
    if limiter.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
        limiter.kept_back += 1;
        return None;
    }
    limiter.last = Some(now);
    Some(std::mem::take(&mut limiter.kept_back))
}
