//! [`NginxGuards`]: which clients may pass.

use std::collections::HashSet;

use ipnet::IpNet;

use super::login_service::NginxLoginService;
use super::nginx_test::network;
use super::parser::NginxDirective;
use super::password_file::NginxPasswords;
use super::scope::NginxScope;
use super::translation::Translation;
use crate::import::condition::Condition;
use crate::import::draft::DraftAuth;
use crate::import::error::ImportError;
use crate::import::matching::DraftMatch;
use crate::import::networks::{AddressRules, decided, everywhere};
use crate::import::passwords;
use crate::import::reader::Unread;
use crate::import::report::ImportVerdict;
use crate::import::table::DirectiveClass;
use crate::import::tree::{Part, Said, Shut};

/// Which clients may pass: the first way counts whose condition holds.
#[derive(Debug, Clone, Default)]
pub(super) struct NginxGuards {
    /// What guards and cannot be said; with any of these no client may pass.
    pub(super) shut: Vec<Shut>,
    /// The ways in.
    pub(super) ways: Vec<Way>,
    /// What the report says.
    pub(super) said: Vec<Said>,
}

/// A way in.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// The requests that take it.
    pub(super) when: Condition,
    /// Networks that may pass; empty for all.
    pub(super) allow: Vec<IpNet>,
    /// Networks that may not pass.
    pub(super) deny: Vec<IpNet>,
    /// The password that is asked for.
    pub(super) auth: DraftAuth,
    /// Whether no client may pass.
    pub(super) is_refused: bool,
}

impl<'a> Translation<'a, '_> {
    /// What guards the requests in `scope`.
    pub(super) fn guards(&mut self, scope: &NginxScope<'a>) -> Result<NginxGuards, ImportError> {
        let mut guards = NginxGuards::default();
        self.unknown(scope, &mut guards);
        let auth = self.auth(scope, &mut guards)?;
        let auth = self.service(scope, auth, &mut guards);
        let addresses = self.addresses(scope, &mut guards);
        let satisfy = scope.last("satisfy");
        let any = satisfy.is_some_and(|satisfy| satisfy.first() == "any");
        if let Some(satisfy) = satisfy {
            let part = Part::Remark(ImportVerdict::Kept, "the routes say whether both hold, or either".into());
            guards.said.push(Said { origin: satisfy.origin(), part });
        }
        let open = Way {
            when: Condition::always(),
            allow: Vec::new(),
            deny: Vec::new(),
            auth: DraftAuth::None,
            is_refused: false,
        };
        let asks = auth.asks();
        let of = |from: Vec<IpNet>| DraftMatch { from, ..DraftMatch::default() };
        guards.ways = match addresses {
            AddressRules::All if any && !scope.either(&["allow", "deny"]).is_empty() => vec![open],
            AddressRules::All => vec![Way { auth, ..open }],
            AddressRules::Nothing if any && asks => vec![Way { auth, ..open }],
            AddressRules::Nothing => vec![Way { is_refused: true, ..open }],
            AddressRules::Only(nets) if any && asks => {
                vec![Way { when: Condition::of(of(nets)), ..open.clone() }, Way { auth, ..open }]
            }
            AddressRules::Except(nets) if any && asks => {
                let when = Condition::of(DraftMatch { not: vec![of(nets)], ..DraftMatch::default() });
                vec![Way { when, ..open.clone() }, Way { auth, ..open }]
            }
            AddressRules::Only(allow) => vec![Way { allow, auth, ..open }],
            AddressRules::Except(deny) => vec![Way { deny, auth, ..open }],
        };
        Ok(guards)
    }

    /// Directives that guard and are not translated.
    fn unknown(&mut self, scope: &NginxScope<'a>, guards: &mut NginxGuards) {
        let mut seen: HashSet<&str> = HashSet::new();
        for block in scope.levels() {
            let mut here: Vec<&str> = Vec::new();
            for directive in *block {
                let DirectiveClass::Guarding(write) = self.class(directive) else { continue };
                if seen.contains(directive.name.as_str()) {
                    continue;
                }
                here.push(&directive.name);
                if directive.args.len() == 1 && directive.first() == "off" {
                    continue;
                }
                let why = match directive.name.as_str() {
                    "include" => "what it includes could not be read, and may have guarded what is here",
                    _ => "it can refuse requests, and frontgate has nothing that does the same",
                };
                guards.shut.push(Shut { origin: directive.origin(), why: why.into(), write: write.into() });
            }
            seen.extend(here);
        }
    }

    /// `allow` and `deny`.
    fn addresses(&mut self, scope: &NginxScope<'a>, guards: &mut NginxGuards) -> AddressRules {
        let mut list: Vec<(bool, IpNet)> = Vec::new();
        for rule in scope.either(&["allow", "deny"]) {
            let passes = rule.name == "allow";
            guards.said.push(Said { origin: rule.origin(), part: Part::Addresses });
            match (rule.first(), network(rule.first())) {
                ("all", _) => list.extend(everywhere().map(|net| (passes, net))),
                (_, Some(net)) => list.push((passes, net)),
                ("unix:", _) if passes => {}
                _ => {
                    let why = "frontgate knows clients by their addresses only".to_owned();
                    let write = "Write the networks as `allow` or `deny` of the route".to_owned();
                    guards.shut.push(Shut { origin: rule.origin(), why, write });
                }
            }
            if self.clients_differ {
                let why = "servers here believe different proxies about a client's address, and frontgate believes the same for all".to_owned();
                let write =
                    "See whether forwarded.trusted_proxies is right for this route, too, and write `allow` or `deny`"
                        .to_owned();
                guards.shut.push(Shut { origin: rule.origin(), why, write });
            }
        }
        decided(&list, true)
    }

    fn auth(&mut self, scope: &NginxScope<'a>, guards: &mut NginxGuards) -> Result<DraftAuth, ImportError> {
        let Some(realm) = scope.last("auth_basic") else { return Ok(DraftAuth::None) };
        guards.said.push(Said { origin: realm.origin(), part: Part::Auth });
        if realm.first() == "off" {
            return Ok(DraftAuth::None);
        }
        let write = "Put the users with their bcrypt hashes under `auth: { basic: … }`".to_owned();
        let Some(file) = scope.last("auth_basic_user_file") else {
            let why = "there is no auth_basic_user_file with passwords".to_owned();
            guards.shut.push(Shut { origin: realm.origin(), why, write });
            return Ok(DraftAuth::None);
        };
        if realm.first().contains('$') {
            let why = "whether it asks for a password depends on the request".to_owned();
            guards.shut.push(Shut { origin: realm.origin(), why, write });
            return Ok(DraftAuth::None);
        }
        let passwords = self.passwords(file.first())?;
        guards.said.push(Said { origin: file.origin(), part: Part::Auth });
        for user in &passwords.lost {
            let text = format!(
                "`{user}` is refused: the password is not hashed with bcrypt or argon2. `htpasswd -nB {user}` makes a hash for `auth: {{ basic: … }}`"
            );
            guards.said.push(Said { origin: file.origin(), part: Part::Remark(ImportVerdict::Dropped, text) });
        }
        if passwords.users.is_empty() {
            let why = passwords.unread.unwrap_or_else(|| {
                format!("{} has no user whose password is hashed with bcrypt or argon2", file.first())
            });
            guards.shut.push(Shut { origin: file.origin(), why, write });
            return Ok(DraftAuth::None);
        }
        Ok(DraftAuth::Basic { users: passwords.users, user_headers: Vec::new() })
    }

    /// `auth_request`; `auth` is what is asked for besides.
    fn service(&mut self, scope: &NginxScope<'a>, auth: DraftAuth, guards: &mut NginxGuards) -> DraftAuth {
        let Some(request) = scope.last("auth_request").filter(|request| request.first() != "off") else { return auth };
        let found = match auth {
            DraftAuth::Basic { .. } => {
                Err("a password is asked for as well, and of several logins a route needs one".into())
            }
            _ => self.login_service(scope, request),
        };
        match found {
            Ok(NginxLoginService { auth, parts }) => {
                let said = std::iter::once(request).chain(parts);
                guards.said.extend(said.map(|one| Said { origin: one.origin(), part: Part::Auth }));
                auth
            }
            Err(why) => {
                let write = "Write `auth: { forward: … }` for the route, or another login".to_owned();
                guards.shut.push(Shut { origin: request.origin(), why, write });
                auth
            }
        }
    }

    fn passwords(&mut self, name: &str) -> Result<NginxPasswords, ImportError> {
        if let Some(known) = self.passwords.get(name) {
            return Ok(known.clone());
        }
        let read = match self.files.text(&self.folder.join(name)) {
            Ok(text) => {
                let (users, lost) = passwords::users(&text);
                NginxPasswords { users, lost, unread: None }
            }
            Err(Unread::Limit(error)) => return Err(error),
            Err(Unread::Io(error)) => {
                let unread = Some(format!("{name} cannot be read ({error})"));
                NginxPasswords { users: Vec::new(), lost: Vec::new(), unread }
            }
        };
        self.passwords.insert(name.to_owned(), read.clone());
        Ok(read)
    }
}

/// The methods of a `limit_except`, for which it does not hold.
pub(super) fn excepted(directive: &NginxDirective) -> Vec<String> {
    let mut methods: Vec<String> = directive.args.iter().map(|method| method.to_ascii_uppercase()).collect();
    if methods.iter().any(|method| method == "GET") && !methods.iter().any(|method| method == "HEAD") {
        methods.push("HEAD".to_owned());
    }
    methods
}
