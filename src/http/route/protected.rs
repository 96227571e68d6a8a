//! [`ProtectedFields`]: header fields by which a client could pretend to be another, and the senders from which each
//! passes (rules 3 and 9).

use http::HeaderName;

use super::credential_fields::OwnCredentials;
use super::spelling;
use super::spelling::FieldNames;
use crate::config::TokenHash;

/// The fields that not every client may send, for the routes of one kind. Names are compared in any spelling.
#[derive(Debug)]
pub struct ProtectedFields {
    filter: NameFilter,
    named: Vec<(HeaderName, FieldSource)>,
    login: Login,
    /// Credentials that no gateway gets, from whatever sender.
    pub(super) own: OwnCredentials,
}

/// Where the users of a route log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// At frontgate: no other identity counts.
    Here,
    /// Perhaps at a proxy in front of frontgate.
    Elsewhere,
}

/// The sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestSender {
    /// Any client.
    Client,
    /// A proxy whose fields are believed.
    TrustedProxy,
}

/// The sender from which a protected field passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldSource {
    /// It never passes: frontgate sets the field, or leaves it out. A trusted proxy may pass on a field that its own
    /// client made up.
    Never,
    /// It passes from a trusted proxy: it says where a client comes from.
    FromProxy,
    /// It passes from a trusted proxy, but not to routes that have a login of their own: it identifies a client.
    FromLogin,
}

impl ProtectedFields {
    /// The known fields, those that a route's `user_header` sets, and those of `forwarded.strip`.
    pub fn new<'a>(users: impl Iterator<Item = &'a HeaderName>, strip: &[HeaderName], login: Login) -> Self {
        let mut named: Vec<_> = users.map(|name| (name.clone(), FieldSource::Never)).collect();
        named.extend(strip.iter().map(|name| (name.clone(), FieldSource::FromLogin)));
        let mut filter = OF_KNOWN;
        for (name, _) in &named {
            filter.add(name.as_str());
        }
        Self { filter, named, login, own: OwnCredentials::default() }
    }

    /// The same, with the tokens and cookies that are for frontgate alone.
    #[must_use]
    pub(crate) fn hiding(self, tokens: impl Iterator<Item = TokenHash>, cookies: impl Iterator<Item = String>) -> Self {
        Self { own: OwnCredentials::new(tokens, cookies), ..self }
    }

    /// Whether a field of this name passes, in a head or behind a body.
    pub(crate) fn pass(&self, name: &HeaderName, sender: RequestSender) -> bool {
        let name = name.as_str();
        if !self.filter.may_have(name) {
            return true;
        }
        let named =
            || self.named.iter().find(|(own, _)| spelling::is_same(own.as_str(), name)).map(|(_, passes)| *passes);
        match named().or_else(|| known(name)) {
            None => true,
            Some(FieldSource::Never) => false,
            Some(FieldSource::FromProxy) => sender == RequestSender::TrustedProxy,
            Some(FieldSource::FromLogin) => sender == RequestSender::TrustedProxy && self.login == Login::Elsewhere,
        }
    }
}

/// Whether a field is one that only proxies write, so that its sender is no browser on this machine.
pub(crate) fn is_evidence(name: &HeaderName) -> bool {
    let name = name.as_str();
    // It caps what a request may do. A proxy may set it, but it is no sign of one.
    let claims = OF_KNOWN.may_have(name) && known(name).is_some() && !spelling::is_same(name, SCOPES);
    claims
        || (OF_EVIDENCE.may_have(name) && EVIDENCE.iter().any(|pattern| pattern.matches(name)))
        // Few of a browser's fields begin so.
        || (name.starts_with(['x', 'f', 'h', 'w']) && EVIDENCE_PARTS.iter().any(|part| spelling::contains(name, part)))
}

fn known(name: &str) -> Option<FieldSource> {
    KNOWN.iter().find(|(pattern, _)| pattern.matches(name)).map(|(_, passes)| *passes)
}

/// Says quickly of most names that they are not in a set: by their first letter and their third.
#[derive(Debug, Clone, Copy)]
struct NameFilter([u64; 64]);

impl NameFilter {
    const NONE: Self = Self([0; 64]);

    const fn add(&mut self, name: &str) {
        let (row, bit) = Self::place(name);
        self.0[row] |= bit;
    }

    fn may_have(&self, name: &str) -> bool {
        let (row, bit) = Self::place(name);
        self.0[row] & bit != 0
    }

    const fn place(name: &str) -> (usize, u64) {
        let name = name.as_bytes();
        let first = if name.is_empty() { 0 } else { spelling::letter(name[0]) & 63 };
        let third = if name.len() < 3 { 0 } else { spelling::letter(name[2]) & 63 };
        (first as usize, 1 << third)
    }
}

const OF_KNOWN: NameFilter = {
    let (mut filter, mut at) = (NameFilter::NONE, 0);
    while at < KNOWN.len() {
        filter.add(KNOWN[at].0.start());
        at += 1;
    }
    filter
};

const OF_EVIDENCE: NameFilter = {
    let (mut filter, mut at) = (NameFilter::NONE, 0);
    while at < EVIDENCE.len() {
        filter.add(EVIDENCE[at].start());
        at += 1;
    }
    filter
};

const SCOPES: &str = "x-openclaw-scopes";

const KNOWN: &[(FieldNames, FieldSource)] = {
    use FieldNames::{Begins, Is};
    use FieldSource::{FromLogin, FromProxy, Never};
    &[
        // What frontgate sets.
        (Is("x-forwarded-for"), Never),
        (Is("x-forwarded-proto"), Never),
        (Is("x-forwarded-host"), Never),
        (Is("x-forwarded-port"), Never),
        (Is("x-real-ip"), Never),
        (Is("forwarded"), Never),
        (Begins("x-client-cert-"), Never),
        // What login services and identity-aware proxies set: oauth2-proxy, Authelia, Authentik, LemonLDAP, Grafana's,
        // Cloudflare's, Tailscale's; and the gateway's own cap.
        (Is(SCOPES), FromLogin),
        (Begins("x-auth-request-"), FromLogin),
        (Is("x-forwarded-user"), FromLogin),
        (Is("x-forwarded-email"), FromLogin),
        (Is("x-forwarded-groups"), FromLogin),
        (Is("x-forwarded-preferred-username"), FromLogin),
        (Is("x-forwarded-access-token"), FromLogin),
        (Is("remote-user"), FromLogin),
        (Is("remote-groups"), FromLogin),
        (Is("remote-email"), FromLogin),
        (Is("remote-name"), FromLogin),
        (Begins("x-webauth-"), FromLogin),
        (Begins("x-authentik-"), FromLogin),
        (Begins("cf-access-"), FromLogin),
        (Begins("tailscale-user-"), FromLogin),
        // Where a client comes from.
        (Begins("x-forwarded"), FromProxy),
        (Begins("x-original-forwarded"), FromProxy),
        (Is("forwarded-for"), FromProxy),
        (Is("via"), FromProxy),
        (Begins("x-real-"), FromProxy),
        (Is("x-client-ip"), FromProxy),
        (Is("client-ip"), FromProxy),
        (Is("x-cluster-client-ip"), FromProxy),
        (Is("true-client-ip"), FromProxy),
        (Is("fastly-client-ip"), FromProxy),
        (Is("fly-client-ip"), FromProxy),
        (Begins("cf-connecting-ip"), FromProxy),
        (Is("x-azure-clientip"), FromProxy),
        (Is("x-azure-socketip"), FromProxy),
        (Is("x-appengine-user-ip"), FromProxy),
        (Is("x-envoy-external-address"), FromProxy),
        (Is("x-originating-ip"), FromProxy),
        (Is("x-proxyuser-ip"), FromProxy),
        (Is("x-remote-ip"), FromProxy),
        (Is("x-remote-addr"), FromProxy),
        (Is("remote-addr"), FromProxy),
        (Is("wl-proxy-client-ip"), FromProxy),
        (Is("http-client-ip"), FromProxy),
        (Is("http-x-forwarded-for"), FromProxy),
    ]
};

/// More fields that only proxies write.
const EVIDENCE: &[FieldNames] = {
    use FieldNames::{Begins, Is};
    &[
        Begins("x-original-"),
        Begins("x-envoy-"),
        Begins("cf-"),
        Begins("tailscale-"),
        Begins("x-azure-"),
        Begins("x-appengine-"),
        Begins("x-amzn-"),
        Begins("x-arr-"),
        Begins("fly-"),
        Is("cdn-loop"),
        Is("x-scheme"),
        Is("x-host"),
        Is("front-end-https"),
    ]
};
const EVIDENCE_PARTS: &[&str] = &["forwarded", "client-ip", "clientip", "remote-ip", "remote-addr", "proxy"];

#[cfg(test)]
mod tests;
