//! [`plan`]: when the local CA makes a new certificate. A certificate that changes breaks every client that pinned it, so the
//! answer is "keep it" whenever it can be.

use std::fmt;

use time::OffsetDateTime;

use super::authority::LEAF_LIFE;
use super::facts::Facts;
use crate::config::Name;

/// What to do at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Show the certificate that is there.
    Keep,
    /// Sign another one.
    NewLeaf(Why),
    /// Make a CA, then sign.
    NewCa(Why),
}

/// Why a certificate is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// There is none that can be used.
    Missing,
    /// Less than a third of its life is left.
    Ageing,
    /// It is for other names, but not for this one.
    NameAdded(Name),
}

/// Decides from what is there. `leaf` is a certificate that `ca` signed for the key at hand, else `None`.
///
/// A name that is no longer asked for is no reason for a new certificate. A CA that could not outlive a certificate signed
/// by it is replaced together with the certificate, never in between: then clients have to act once, not twice.
pub(super) fn plan(ca: Option<&Facts>, leaf: Option<&Facts>, required: &[Name], now: OffsetDateTime) -> Plan {
    let Some(why) = reason(leaf, required, now) else { return Plan::Keep };
    match ca {
        None => Plan::NewCa(Why::Missing),
        Some(ca) if ca.not_after < now + LEAF_LIFE => Plan::NewCa(Why::Ageing),
        Some(_) => Plan::NewLeaf(why),
    }
}

fn reason(leaf: Option<&Facts>, required: &[Name], now: OffsetDateTime) -> Option<Why> {
    let Some(leaf) = leaf else { return Some(Why::Missing) };
    if leaf.not_after - now < (leaf.not_after - leaf.not_before) / 3 {
        return Some(Why::Ageing);
    }
    required.iter().find(|name| !leaf.covers(name)).cloned().map(Why::NameAdded)
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there was none"),
            Self::Ageing => f.write_str("less than a third of its life was left"),
            Self::NameAdded(name) => write!(f, "it was not for {name}"),
        }
    }
}
