//! [`NginxAccessRule`]: which clients may pass. A route whose rules cannot be translated is shut: nothing that was
//! locked comes out open.

use std::path::Path;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use crate::import::error::ImportError;
use crate::import::old::DraftAuth;
use crate::import::passwords;
use crate::import::reader::{Files, Unread};
use crate::import::report::{ImportReport, ImportVerdict};

/// Which clients may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NginxAccessRule {
    /// The clients that this lets in may pass.
    Open(DraftAuth),
    /// No client may pass, for this reason.
    Shut(String),
}

/// Reads what restricts access.
pub(super) struct NginxAccess<'a, 'f> {
    pub(super) files: &'a mut Files<'f>,
    pub(super) report: &'a mut ImportReport,
    pub(super) folder: &'a Path,
}

impl NginxAccess<'_, '_> {
    /// Which clients may pass in `scope`. `user_header` is the field that tells the gateway which user it is.
    pub(super) fn gate(
        &mut self,
        scope: &NginxScope<'_>,
        user_header: Option<String>,
    ) -> Result<NginxAccessRule, ImportError> {
        let auth = self.auth(scope, user_header)?;
        let any = scope.last("satisfy").is_some_and(|satisfy| satisfy.first() == "any");
        let mut shut = None;
        if let Some(satisfy) = scope.last("satisfy") {
            self.report.not_needed(&satisfy.place, &satisfy.shown(), "there is only one condition");
        }
        for name in OUTSIDE {
            for directive in scope.all(name).into_iter().filter(|one| one.first() != "off") {
                self.shut(directive, "frontgate asks no other program which users may pass", &mut shut);
            }
        }
        for directive in scope.own().iter().filter(|one| one.name == "limit_except") {
            self.shut(directive, "frontgate does not tell methods apart", &mut shut);
        }
        let has_password = matches!(&auth, NginxAccessRule::Open(DraftAuth::Basic { .. }));
        self.addresses(scope, any && has_password, &mut shut);
        Ok(match (shut, auth) {
            (Some(why), _) => NginxAccessRule::Shut(why),
            (None, auth) => auth,
        })
    }

    fn shut(&mut self, directive: &NginxDirective, why: &str, shut: &mut Option<String>) {
        let remedy = format!(
            "{why}; so that nothing is open that was not, the route answers 403: replace its `respond` by an `auth` or by nothing"
        );
        self.report.dropped(&directive.place, &directive.shown(), remedy);
        shut.get_or_insert_with(|| format!("`{}` ({}) cannot be translated", directive.shown(), directive.place));
    }

    /// `allow` and `deny`.
    fn addresses(&mut self, scope: &NginxScope<'_>, password_will_do: bool, shut: &mut Option<String>) {
        let rules = scope.either(&["allow", "deny"]);
        let all = |rule: &&&NginxDirective| rule.first() == "all";
        let denies_rest = rules.iter().any(|rule| rule.name == "deny" && rule.first() == "all");
        let has_allow = rules.iter().any(|rule| rule.name == "allow");
        let first_is_all = rules.first().filter(all).map(|rule| rule.name.as_str());
        for rule in &rules {
            let (place, shown) = (&rule.place, rule.shown());
            if first_is_all == Some("allow") {
                self.report.not_needed(place, &shown, "every client may pass");
            } else if denies_rest && (!has_allow || first_is_all == Some("deny")) {
                self.report.kept(place, &shown, "respond: 403");
                shut.get_or_insert_with(|| format!("`{shown}` ({place})"));
            } else if denies_rest && password_will_do {
                self.report.dropped(
                    place,
                    &shown,
                    "frontgate knows no lists of addresses: these clients need the password as well",
                );
            } else if denies_rest {
                self.report.dropped(
                    place,
                    &shown,
                    "frontgate knows no lists of addresses, so the route answers 403 to every client: let a firewall choose which clients to let \
                     in, or listen at an address that only they reach, and remove `respond`",
                );
                shut.get_or_insert_with(|| format!("`{shown}` ({place}): only some addresses may pass"));
            } else {
                self.report.dropped(place, &shown, "frontgate knows no lists of addresses: block them in a firewall");
            }
        }
    }

    /// `if` with an answer that refuses: whether it asks for something that only the right clients have cannot be told
    /// from every variable.
    /// Those of the server come before every location. Returns why no client may pass.
    pub(super) fn conditions(&mut self, scope: &NginxScope<'_>) -> Option<String> {
        let mut shut = None;
        let ifs = scope.own().iter().chain(scope.server().iter().filter(|_| !scope.is_server()));
        for directive in ifs.filter(|one| one.name == "if") {
            let refuses = directive.inner().iter().any(|inner| inner.name == "deny" || refusal(inner));
            let condition = directive.args.join(" ");
            let inner = directive.inner();
            let variable =
                condition.trim_start_matches(['(', ' ']).split([' ', ')', '=', '!', '~']).next().unwrap_or_default();
            let shown = directive.shown();
            // The directive was taken for a redirect to https, or for the demand for a certificate.
            if self.report.says(&directive.place, ImportVerdict::Kept) {
                continue;
            }
            let harmless = HARMLESS.contains(&variable);
            if refuses && !harmless {
                self.shut(directive, "frontgate has no conditions", &mut shut);
            } else {
                let remedy = if refuses {
                    "frontgate has no conditions: what it refused now goes to the gateway"
                } else {
                    "frontgate has no conditions"
                };
                self.report.dropped(&directive.place, &shown, remedy);
            }
            for one in inner {
                self.report.dropped(&one.place, &one.shown(), "part of the `if` above");
            }
        }
        shut
    }

    fn auth(&mut self, scope: &NginxScope<'_>, user_header: Option<String>) -> Result<NginxAccessRule, ImportError> {
        let Some(realm) = scope.last("auth_basic") else { return Ok(NginxAccessRule::Open(DraftAuth::Inherited)) };
        if realm.first() == "off" {
            self.report.kept(&realm.place, &realm.shown(), "auth: none");
            return Ok(NginxAccessRule::Open(DraftAuth::None));
        }
        self.report.kept(&realm.place, &realm.shown(), "auth: basic");
        let shut = |why: String| Ok(NginxAccessRule::Shut(why));
        let Some(file) = scope.last("auth_basic_user_file") else {
            return shut("there is no file with passwords".into());
        };
        let (place, shown) = (&file.place, file.shown());
        let path = self.folder.join(file.first());
        let text = match self.files.text(&path) {
            Ok(text) => text,
            Err(Unread::Limit(error)) => return Err(error),
            Err(Unread::Io(error)) => {
                let remedy = format!(
                    "{} cannot be read ({error}), so the route answers 403: put the users with their bcrypt hashes under `auth: {{ basic: … }}`",
                    path.display()
                );
                self.report.dropped(place, &shown, remedy);
                return shut(format!("the passwords in {} could not be read", path.display()));
            }
        };
        let (users, lost) = passwords::users(&text);
        for user in &lost {
            let remedy = format!(
                "the password of `{user}` is not hashed with bcrypt or argon2: make a hash with `htpasswd -nB {user}` and put it under \
                 `auth: {{ basic: … }}`"
            );
            self.report.dropped(place, &shown, remedy);
        }
        if users.is_empty() {
            return shut(format!("{} has no user whose password is hashed with bcrypt", path.display()));
        }
        self.report.kept(place, &shown, format!("auth: basic: {} of {} users", users.len(), users.len() + lost.len()));
        Ok(NginxAccessRule::Open(DraftAuth::Basic { users, user_header }))
    }
}

/// Modules that ask another program whether a client may pass.
const OUTSIDE: [&str; 8] = [
    "auth_request",
    "auth_jwt",
    "auth_digest",
    "auth_ldap",
    "auth_pam",
    "secure_link",
    "access_by_lua_block",
    "access_by_lua_file",
];

/// Properties that every client chooses freely about its request: no condition on one of them keeps a client out that
/// wants in.
const HARMLESS: [&str; 12] = [
    "$request_method",
    "$http_user_agent",
    "$http_referer",
    "$invalid_referer",
    "$request_uri",
    "$uri",
    "$host",
    "$http_host",
    "$scheme",
    "$https",
    "$http_upgrade",
    "$http_x_forwarded_proto",
];

/// Whether the directive answers with an error.
fn refusal(directive: &NginxDirective) -> bool {
    directive.name == "return" && directive.first().starts_with(['4', '5'])
}
