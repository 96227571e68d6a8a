//! `auth`: the logins of which a request needs one to pass.
//!
//! Several proofs may stand side by side; any of them lets a request in. Each has a file of its own below this folder,
//! with its keys and its typed settings.

mod allowed_users;
mod basic;
mod client_secret;
mod exempt;
mod expiry;
mod forward;
mod issuer_url;
mod mtls;
mod oidc;
mod password_hash;
mod scopes;
mod service_url;
mod token;
mod user_header;
mod user_name;

use std::time::Duration;

use http::HeaderName;
use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{DurationValue, Keyed, LONGEST_TIME, NoValue, OneOrMany, Optional, Quoted};
use super::node::{ConfigNode, ConfigValue};
use super::problem::ValueError;
use super::setting::SettingReader;
use basic::USERS;
use exempt::Exemptions;
use expiry::ExpiryDate;
use forward::ForwardKeys;
use mtls::{MtlsAuth, MtlsKeys};
use oidc::OidcKeys;
use scopes::CAPS;
use token::{TOKENS, TokenKeys};
use user_header::UserHeader;
use user_name::UserName;

pub(crate) use allowed_users::AllowedUsers;
pub(crate) use basic::BasicAuth;
pub(crate) use client_secret::ClientSecret;
pub use client_secret::ClientSecretError;
pub(in crate::config) use client_secret::ClientSecretOf;
pub(crate) use exempt::Exemption;
pub(crate) use forward::{ForwardAuth, ServiceHost};
pub(crate) use issuer_url::is_loopback;
pub(crate) use oidc::OidcAuth;
pub(crate) use password_hash::PasswordHash;
pub(crate) use scopes::ScopeCaps;
pub(crate) use token::{ServiceToken, TokenAuth, TokenHash};

/// The login that a request needs to pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// None: every request passes.
    #[default]
    None,
    /// One of several proofs.
    Login(Box<LoginRules>),
}

/// The proofs of which a request needs one, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRules {
    /// A user's name and password.
    pub(crate) basic: Option<BasicAuth>,
    /// A service's token.
    pub(crate) token: Option<TokenAuth>,
    /// A certificate of the client's.
    pub(crate) mtls: Option<MtlsAuth>,
    /// A login service that is asked.
    pub(crate) forward: Option<ForwardAuth>,
    /// An issuer at which users log in.
    pub(crate) oidc: Option<OidcAuth>,
    /// The header fields that tell the gateway the user's name.
    pub(crate) user_headers: Vec<HeaderName>,
    /// The most that each user may do at the gateway; `None` leaves that to the gateway.
    pub(crate) scopes: Option<ScopeCaps>,
    /// How often the login of an open WebSocket is looked at again; `None` is never.
    pub(crate) recheck: Option<Duration>,
    /// What is answered without a login.
    pub(crate) exempt: Vec<Exemption>,
}

impl Default for LoginRules {
    fn default() -> Self {
        Self {
            basic: None,
            token: None,
            mtls: None,
            forward: None,
            oidc: None,
            user_headers: Vec::new(),
            scopes: None,
            recheck: Some(RECHECK),
            exempt: Vec::new(),
        }
    }
}

/// How long a user that was taken away may go on, and how often a login service is asked for each session.
const RECHECK: Duration = Duration::from_mins(1);

impl Auth {
    /// The proofs, if one is needed.
    pub(crate) fn rules(&self) -> Option<&LoginRules> {
        match self {
            Self::None => None,
            Self::Login(rules) => Some(rules),
        }
    }
}

impl LoginRules {
    /// The header fields that only frontgate sets where these rules hold: the user's name, and what a login service says.
    pub(crate) fn identity_fields(&self) -> impl Iterator<Item = &HeaderName> {
        self.user_headers.iter().chain(self.forward.iter().flat_map(|forward| &forward.answer_headers))
    }

    /// The users whose names are in the configuration; those of certificates and login services are not.
    pub(crate) fn named_users(&self) -> impl Iterator<Item = &str> {
        let users = self.basic.iter().flat_map(|basic| &basic.users).map(|(name, _)| name.as_str());
        users.chain(self.token.iter().flat_map(|token| &token.tokens).map(|(name, _)| name.as_str()))
    }
}

/// Reads the name of a user or a service.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn user_name(text: &str) -> Result<String, String> {
    UserName.parse(text).map_err(|fault| told(&fault))
}

/// Reads the date on which a token expires, and writes it as the configuration has it.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn expiry_date(text: &str) -> Result<String, String> {
    ExpiryDate.parse(text).map(|date| ExpiryDate.write(&date).to_string()).map_err(|fault| told(&fault))
}

/// A name as a key of the configuration.
pub(crate) fn written(name: &str) -> String {
    YamlText::Word(name.to_owned()).to_string()
}

fn told(fault: &ValueError) -> String {
    let hint = fault.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
    format!("{}{hint}", fault.message)
}

/// The kind of `auth`: `none`, or proofs.
pub(super) struct AuthOf;

const KEYS: Keyed<AuthKeys> = Keyed::NEW;

impl KeyKind for AuthOf {
    type Value = Auth;

    fn name(&self) -> String {
        format!("none or {}", KEYS.name())
    }

    fn parse(&self, text: &str) -> Result<Auth, ValueError> {
        match text {
            "none" => Ok(Auth::None),
            "basic" => Err(ValueError::new("`basic` needs users").hint(EXAMPLE)),
            _ => Err(ValueError::new(format!("{} is not none", Quoted(text))).hint(EXAMPLE)),
        }
    }

    fn write(&self, value: &Auth) -> YamlText {
        match value {
            Auth::None => YamlText::Word("none".to_owned()),
            Auth::Login(rules) => KEYS.write(&AuthKeys::of(rules)),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "const": "none" }, KEYS.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Auth> {
        if let ConfigValue::Map(_) = node.value {
            return KEYS.read(node, at).map(|keys| Auth::Login(Box::new(keys.rules())));
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name())).hint(EXAMPLE)),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }

    fn long_form(&self) -> Option<Box<dyn KeySection>> {
        Some(Box::new(AuthKeys::default()))
    }
}

const EXAMPLE: &str = "such as auth: { basic: { ann: \"$argon2id$…\" } }";

/// The keys of `auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AuthKeys {
    basic: Option<Vec<(String, PasswordHash)>>,
    token: Option<Vec<(String, TokenKeys)>>,
    mtls: Option<MtlsKeys>,
    forward: Option<ForwardKeys>,
    oidc: Option<OidcKeys>,
    user_headers: Vec<HeaderName>,
    scopes: Option<Vec<(String, Vec<String>)>>,
    recheck: Option<Duration>,
    exempt: Vec<Exemption>,
}

impl Default for AuthKeys {
    fn default() -> Self {
        Self::of(&LoginRules::default())
    }
}

impl AuthKeys {
    fn of(rules: &LoginRules) -> Self {
        let LoginRules { basic, token, mtls, forward, oidc, user_headers, scopes, recheck, exempt } = rules.clone();
        Self {
            basic: basic.map(|basic| basic.users),
            token: token.as_ref().map(token::keys),
            mtls: mtls.map(|mtls| MtlsKeys { ca: Some(mtls.ca) }),
            forward: forward.as_ref().map(ForwardKeys::of),
            oidc: oidc.as_ref().map(OidcKeys::of),
            user_headers,
            scopes: scopes.map(|scopes| scopes.caps),
            recheck,
            exempt,
        }
    }

    fn rules(self) -> LoginRules {
        let Self { basic, token, mtls, forward, oidc, user_headers, scopes, recheck, exempt } = self;
        LoginRules {
            basic: basic.map(|users| BasicAuth { users }),
            token: token.map(token::tokens),
            mtls: mtls.and_then(|mtls| mtls.ca).map(|ca| MtlsAuth { ca }),
            forward: forward.and_then(ForwardKeys::service),
            oidc: oidc.and_then(OidcKeys::issuer),
            user_headers,
            scopes: scopes.map(|caps| ScopeCaps { caps }),
            recheck,
            exempt,
        }
    }
}

impl KeySection for AuthKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "basic",
            Optional(NoValue::Null, USERS),
            &mut self.basic,
            "Users and the hashes of their passwords, argon2 or bcrypt.",
        );
        keys.key(
            "token",
            Optional(NoValue::Null, TOKENS),
            &mut self.token,
            "Services and their tokens, for clients that cannot follow a login page: `Authorization: Bearer TOKEN`.",
        );
        keys.key(
            "mtls",
            Optional(NoValue::Null, Keyed::NEW),
            &mut self.mtls,
            "Certificates of clients: the CA that signs them.",
        );
        keys.key(
            "forward",
            Optional(NoValue::Null, Keyed::NEW),
            &mut self.forward,
            "A login service that is asked about each request, such as Authelia, Authentik, oauth2-proxy or LemonLDAP::NG.",
        );
        keys.key(
            "oidc",
            Optional(NoValue::Null, Keyed::NEW),
            &mut self.oidc,
            "An OpenID Connect issuer at which users log in, such as Keycloak, Google or Dex. Their login is kept in a sealed cookie. The pages \
             of the login are below /.frontgate/ on each host of the route.",
        );
        keys.key(
            "user_header",
            OneOrMany(UserHeader),
            &mut self.user_headers,
            "The header that tells the gateway the user's name, or a list of them; a client's own are deleted.",
        );
        keys.key(
            "scopes",
            Optional(NoValue::Null, CAPS),
            &mut self.scopes,
            "The scopes that each user may have at the gateway, at most; `*` is for all whom no other entry names. Sent in x-openclaw-scopes, \
             empty for a user that no entry names.",
        );
        keys.key(
            "recheck",
            Optional(NoValue::Off, DurationValue { at_least: Duration::from_secs(1), at_most: LONGEST_TIME }),
            &mut self.recheck,
            "How often the login of an open WebSocket is looked at again; one that has ended closes it with 1008 `session ended`.",
        );
        keys.key(
            "exempt",
            Exemptions,
            &mut self.exempt,
            "What is answered without a login: openclaw for what the gateway serves to clients that have none (share links, join links, the \
             socket of workers, health), paths, or a list of both. A path with an encoded byte, a dot segment or a double slash is never exempt.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let Self { basic, token, mtls, forward, oidc, user_headers: _, scopes, recheck: _, exempt: _ } = self;
        if basic.is_none() && token.is_none() && mtls.is_none() && forward.is_none() && oidc.is_none() {
            let fault = ValueError::new(
                "no proof lets a client in: `basic`, `token`, `mtls`, `forward` and `oidc` are missing",
            );
            checks.report(&["basic"], fault.hint(EXAMPLE));
        }
        basic::check(basic.as_deref(), checks);
        if let Some(tokens) = token {
            token::check(tokens, checks);
        }
        scopes::check(scopes.as_deref(), checks);
    }
}
