//! [`ApacheServer`]: what the whole configuration or one `<VirtualHost>` says; [`SectionBody`]: what it, or a section in
//! it, says about requests.

use std::path::PathBuf;

use super::access::{AddressAccess, Requirement};
use super::proxy::{Pass, TimeLimit};
use super::redirect::ApacheRedirect;
use super::rewrite::RewriteRule;
use super::sayable::Sayable;
use crate::import::fields::Content;
use crate::import::node::ImportNode;
use crate::import::tree::{Origin, Shut};

/// What the whole configuration or one `<VirtualHost>` says.
#[derive(Debug, Clone)]
pub(super) struct ApacheServer {
    /// The section, or the first directive.
    pub(super) origin: Origin,
    /// The addresses that the section names.
    pub(super) addresses: Vec<String>,
    /// `ServerName` and `ServerAlias`, one after the other.
    pub(super) names: Vec<(Origin, String)>,
    /// What holds for every request.
    pub(super) body: SectionBody,
    /// `<Location>` and `<Proxy>`, in the order of the files.
    pub(super) sections: Vec<Section>,
    /// `RewriteEngine`: the last one decides.
    pub(super) rewrites: Option<bool>,
    /// `RewriteRule`.
    pub(super) rules: Vec<RewriteRule>,
    /// `RewriteOptions Inherit…`, with the first word in lower case.
    pub(super) inherits: Option<(Origin, String)>,
    /// The conditions of the rule that comes next.
    pub(super) pending: Vec<ImportNode>,
    /// `ProxyPass`.
    pub(super) passes: Vec<Pass>,
    /// `Redirect`.
    pub(super) redirects: Vec<ApacheRedirect>,
    /// `SetEnvIf` and its like.
    pub(super) environment: Vec<ImportNode>,
    /// `SSL…`
    pub(super) tls: ServerTls,
    /// `ProxyPreserveHost`.
    pub(super) keeps_host: Option<bool>,
    /// The directives of `mod_auth_openidc`.
    pub(super) openid: Vec<ImportNode>,
}

/// What a server says about TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerTls {
    /// `SSLEngine`.
    pub(super) engine: Option<bool>,
    pub(super) certificates: Vec<(Origin, PathBuf)>,
    pub(super) keys: Vec<(Origin, PathBuf)>,
    /// `SSLVerifyClient`, in lower case.
    pub(super) verify: Option<(Origin, String)>,
    /// `SSLCACertificateFile`.
    pub(super) client_ca: Option<(Origin, PathBuf)>,
    /// A directive about the certificates of clients that cannot be said.
    pub(super) unsaid: Option<Origin>,
}

/// What a section says about its requests.
#[derive(Debug, Clone, Default)]
pub(super) struct SectionBody {
    /// `AuthType`, in lower case.
    pub(super) auth_type: Option<(Origin, String)>,
    /// Whether there is an `AuthName`.
    pub(super) is_named: bool,
    /// `AuthUserFile`.
    pub(super) user_file: Option<(Origin, String)>,
    /// `AuthGroupFile`.
    pub(super) group_file: Option<(Origin, String)>,
    /// `AuthBasicProvider`, in lower case.
    pub(super) provider: Option<(Origin, String)>,
    /// `AuthMerging`, in lower case.
    pub(super) merging: Option<(Origin, String)>,
    /// `Require` and the sections that hold it, of which one suffices.
    pub(super) require: Vec<Requirement>,
    /// `Order`, `Allow`, `Deny` and `Satisfy`.
    pub(super) addresses: Option<AddressAccess>,
    /// `SSLRequireSSL`.
    pub(super) needs_tls: Option<Origin>,
    /// `RequestHeader` and `Header`.
    pub(super) headers: Vec<HeaderChange>,
    /// `ProxyPass` of a `<Location>`.
    pub(super) pass: Option<Pass>,
    /// `Redirect` of a `<Location>`.
    pub(super) redirects: Vec<ApacheRedirect>,
    /// A directive of `mod_auth_openidc` that is for this section only.
    pub(super) openid: Option<Origin>,
    /// Time limits.
    pub(super) timeouts: Vec<TimeLimit>,
    /// What guards its requests and cannot be said.
    pub(super) shut: Vec<Shut>,
    /// `<If>`, with what follows it.
    pub(super) branches: Vec<Branches>,
}

/// `<If>`, `<ElseIf>` and `<Else>`, in this order.
pub(super) type Branches = Vec<(Origin, Option<String>, SectionBody)>;

/// `<Location>` or `<Proxy>`.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) origin: Origin,
    pub(super) at: SectionPlace,
    pub(super) body: SectionBody,
}

/// The requests that a section is for.
#[derive(Debug, Clone)]
pub(super) enum SectionPlace {
    /// Those for paths.
    Paths(Sayable),
    /// Those that go to a URL that begins so, or that matches so.
    Proxy {
        /// The beginning, or the expression.
        url: String,
        /// Whether it is an expression.
        is_regex: bool,
    },
}

/// One field that is set or removed.
#[derive(Debug, Clone)]
pub(super) struct HeaderChange {
    pub(super) origin: Origin,
    /// Whether it is a field of requests, not of responses.
    pub(super) of_request: bool,
    pub(super) name: String,
    pub(super) value: FieldValue,
    /// Why it cannot be done as it is written, if so.
    pub(super) lost: Option<&'static str>,
    /// Whether it comes before all others.
    pub(super) early: bool,
    /// Whether what a client sends in the field ends here.
    pub(super) replaces: bool,
}

/// What a field gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldValue {
    Text(String),
    Client,
    User,
    Host,
    Field(String),
    Other,
    Nothing,
}

impl FieldValue {
    pub(super) fn content(&self) -> Content<'_> {
        match self {
            Self::Text(text) => Content::Text(text),
            Self::Client => Content::Client,
            Self::User => Content::User,
            Self::Host => Content::Host,
            Self::Field(name) => Content::Field(name),
            Self::Other => Content::Other,
            Self::Nothing => Content::Nothing,
        }
    }
}

impl ApacheServer {
    /// A server that says nothing yet.
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            origin,
            addresses: Vec::new(),
            names: Vec::new(),
            body: SectionBody::default(),
            sections: Vec::new(),
            rewrites: None,
            rules: Vec::new(),
            inherits: None,
            pending: Vec::new(),
            passes: Vec::new(),
            redirects: Vec::new(),
            environment: Vec::new(),
            tls: ServerTls::default(),
            keeps_host: None,
            openid: Vec::new(),
        }
    }

    /// The server with what the whole configuration says besides, in Apache's order.
    pub(super) fn within(mut self, main: &Self) -> Self {
        self.sections = main.sections.iter().cloned().chain(self.sections).collect();
        self.passes = main.passes.iter().cloned().chain(self.passes).collect();
        self.redirects.extend(main.redirects.iter().cloned());
        self.environment = main.environment.iter().cloned().chain(self.environment).collect();
        self.rewrites = self.rewrites.or(main.rewrites);
        if let (Some((origin, how)), false) = (&self.inherits, main.rules.is_empty()) {
            match how.as_str() {
                "inherit" => self.rules.extend(main.rules.iter().cloned()),
                "inheritbefore" => self.rules = main.rules.iter().cloned().chain(self.rules).collect(),
                _ => {
                    let shut = Shut {
                        origin: origin.clone(),
                        why: "rules of the whole server are asked for in another order than the usual ones".into(),
                        write: "Write the rules into the virtual host".into(),
                    };
                    self.body.shut.push(shut);
                }
            }
        }
        if let Some((origin, how)) = main.inherits.as_ref().filter(|(_, how)| how.starts_with("inheritdown")) {
            let shut = Shut {
                origin: origin.clone(),
                why: format!("`{how}` gives its rules to every virtual host"),
                write: "Write the rules into the virtual hosts".into(),
            };
            self.body.shut.push(shut);
        }
        self.tls.engine = self.tls.engine.or(main.tls.engine);
        if self.tls.certificates.is_empty() {
            self.tls.certificates.clone_from(&main.tls.certificates);
            self.tls.keys.clone_from(&main.tls.keys);
        }
        self.tls.verify = self.tls.verify.or_else(|| main.tls.verify.clone());
        self.tls.client_ca = self.tls.client_ca.or_else(|| main.tls.client_ca.clone());
        self.keeps_host = self.keeps_host.or(main.keeps_host);
        self.openid = main.openid.iter().cloned().chain(self.openid).collect();
        self.body = SectionBody::merged(&[&main.body, &self.body]);
        self
    }
}

impl SectionBody {
    /// What holds where all of these sections do, the later ones over the earlier.
    pub(super) fn merged(all: &[&Self]) -> Self {
        let mut one = Self::default();
        for next in all {
            let or = |mine: &mut Option<(Origin, String)>, its: &Option<(Origin, String)>| {
                if its.is_some() {
                    mine.clone_from(its);
                }
            };
            or(&mut one.auth_type, &next.auth_type);
            one.is_named |= next.is_named;
            or(&mut one.user_file, &next.user_file);
            or(&mut one.group_file, &next.group_file);
            or(&mut one.provider, &next.provider);
            one.require = Requirement::merged(std::mem::take(&mut one.require), &next.require, next.merging.as_ref());
            one.addresses = next.addresses.clone().or(one.addresses);
            one.needs_tls = one.needs_tls.or_else(|| next.needs_tls.clone());
            one.openid = one.openid.or_else(|| next.openid.clone());
            one.headers.extend(next.headers.iter().cloned());
            // The first that fits decides, and later sections have the first word.
            one.redirects = next.redirects.iter().cloned().chain(one.redirects).collect();
            one.timeouts.extend(next.timeouts.iter().cloned());
            one.shut.extend(next.shut.iter().cloned());
            one.branches.extend(next.branches.iter().cloned());
            one.pass = next.pass.clone().or(one.pass);
        }
        one
    }

    /// Whether it refuses every request, whatever other sections before it say.
    pub(super) fn refuses_all(&self) -> bool {
        !self.shut.is_empty()
            || (self.merging.is_none() && self.addresses.is_none() && Requirement::refuse_all(&self.require))
    }

    /// Whether it says nothing that decides what becomes of a request.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            auth_type,
            is_named,
            user_file,
            group_file,
            provider,
            merging,
            require,
            addresses,
            needs_tls,
            headers,
            pass: _,
            openid,
            redirects,
            timeouts,
            shut,
            branches,
        } = self;
        [auth_type, user_file, group_file, provider, merging].iter().all(|part| part.is_none())
            && !is_named
            && require.is_empty()
            && addresses.is_none()
            && needs_tls.is_none()
            && openid.is_none()
            && headers.is_empty()
            && redirects.is_empty()
            && timeouts.is_empty()
            && shut.is_empty()
            && branches.is_empty()
    }
}
