//! `auth.oidc`: an OpenID Connect issuer at which users log in.

use std::time::Duration;

use super::allowed_users::{AllowKeys, AllowedUsers};
use super::client_secret::{ClientSecret, ClientSecretOf};
use super::issuer_url::IssuerUrlValue;
use crate::config::keys::{KeySection, Keys, SectionChecks};
use crate::config::kinds::{DurationValue, List, NoValue, Optional, TextValue};
use crate::config::problem::ValueError;
use crate::config::upstream_tls::UpstreamTls;

/// An issuer at which users log in, and which of its users may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OidcAuth {
    /// The issuer's identifier, as it writes it itself.
    pub(crate) issuer: String,
    /// The name under which the issuer knows frontgate.
    pub(crate) client_id: String,
    /// What frontgate proves that name with; `None` for a public client.
    pub(crate) client_secret: Option<ClientSecret>,
    /// What frontgate asks the issuer to tell about a user.
    pub(crate) scopes: Vec<String>,
    /// The users that may pass.
    pub(crate) allow: AllowedUsers,
    /// How long a login lasts.
    pub(crate) session: Duration,
    /// How an issuer over https is verified.
    pub(crate) tls: UpstreamTls,
}

/// The keys of `auth.oidc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OidcKeys {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret: Option<ClientSecret>,
    scopes: Vec<String>,
    allow: AllowKeys,
    session: Duration,
    tls: UpstreamTls,
}

impl Default for OidcKeys {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: None,
            client_secret: None,
            scopes: ["openid", "email"].map(str::to_owned).to_vec(),
            allow: AllowKeys::default(),
            session: SESSION,
            tls: UpstreamTls::default(),
        }
    }
}

const SESSION: Duration = Duration::from_hours(12);
/// The keys that seal sessions are kept for twice as long.
const LONGEST_SESSION: Duration = Duration::from_hours(30 * 24);
const LEAST_SESSION: Duration = Duration::from_secs(1);

impl OidcKeys {
    /// The issuer that these keys describe; keys that lack one have been reported.
    pub(super) fn issuer(self) -> Option<OidcAuth> {
        let Self { issuer, client_id, client_secret, scopes, allow, session, tls } = self;
        let allow = allow.users();
        Some(OidcAuth { issuer: issuer?, client_id: client_id?, client_secret, scopes, allow, session, tls })
    }

    pub(super) fn of(auth: &OidcAuth) -> Self {
        let OidcAuth { issuer, client_id, client_secret, scopes, allow, session, tls } = auth.clone();
        let (issuer, client_id) = (Some(issuer), Some(client_id));
        Self { issuer, client_id, client_secret, scopes, allow: AllowKeys::of(&allow), session, tls }
    }
}

impl KeySection for OidcKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "issuer",
            Optional(NoValue::Null, IssuerUrlValue),
            &mut self.issuer,
            "The issuer's identifier, https, or http on this machine. Its settings are read from .well-known/openid-configuration below it.",
        );
        keys.key(
            "client_id",
            Optional(NoValue::Null, TextValue),
            &mut self.client_id,
            "The client's name at the issuer. Register https://HOST/.frontgate/callback as its redirect URI, \
             https://HOST/.frontgate/logged-out for after the logout, and https://HOST/.frontgate/backchannel-logout for the issuer's own logouts.",
        );
        keys.key(
            "client_secret",
            Optional(NoValue::Null, ClientSecretOf),
            &mut self.client_secret,
            "The client's secret; null for a public client, which PKCE protects.",
        );
        keys.key(
            "scopes",
            List(TextValue),
            &mut self.scopes,
            "What the issuer is asked to tell: openid, email, and what its groups need.",
        );
        keys.section("allow", "The users that may pass: those of any of these lists.", &mut self.allow);
        keys.key(
            "session",
            DurationValue { at_least: LEAST_SESSION, at_most: LONGEST_SESSION },
            &mut self.session,
            "How long a login lasts; then the issuer is asked again.",
        );
        keys.section("tls", "How an issuer over https is known, and what frontgate shows it.", &mut self.tls);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        for (key, given) in [("issuer", &self.issuer), ("client_id", &self.client_id)] {
            if given.is_none() {
                checks.report(&[key], ValueError::new(format!("`{key}` is missing")).hint(EXAMPLE));
            }
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            checks.report(&["scopes"], ValueError::new("without `openid` there is no login").hint("[openid, email]"));
        }
        if self.scopes.iter().any(|scope| scope.contains(|letter: char| !matches!(letter, '!' | '#'..='[' | ']'..='~')))
        {
            checks.report(&["scopes"], ValueError::new("not a scope").hint("words without spaces and quotes"));
        }
        if self.allow == AllowKeys::default() {
            let fault = ValueError::new("`allow` is missing: no user may pass");
            checks.report(
                &["allow"],
                fault
                    .hint("allow: { emails: [ann@example.com] }, or { subjects: [\"*\"] } for all users of the issuer"),
            );
        }
    }
}

const EXAMPLE: &str =
    "oidc: { issuer: \"https://id.example.com\", client_id: gateway, allow: { domains: [example.com] } }";
