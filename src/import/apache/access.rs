//! [`ApacheAccess`]: which clients may pass a section. A section whose rules cannot be translated is shut: nothing that
//! was locked comes out open.

use super::Apache;
use super::requirements::{ApacheAccess, ApacheNoted};
use super::scope::Here;
use crate::import::ImportError;
use crate::import::node::ImportNode;
use crate::import::old::DraftAuth;
use crate::import::passwords;
use crate::import::paths::ImportAccess;
use crate::import::reader::Unread;

impl Apache<'_, '_> {
    /// Takes note of a directive that restricts access; `false` for any other directive. Inside of `<RequireAll>` all
    /// must hold.
    pub(super) fn access(&mut self, node: &ImportNode, access: &mut ApacheAccess) -> bool {
        let noted = (node.place.clone(), node.shown.clone());
        let words = || node.args.join(" ");
        match node.name.as_str() {
            "authtype" => access.kind = Some((noted, node.arg(0).to_lowercase())),
            "authuserfile" => access.file = Some((noted, node.arg(0).to_owned())),
            "authbasicprovider" | "authdigestprovider" if node.arg(0).eq_ignore_ascii_case("file") => {
                self.report.not_needed(&node.place, &node.shown, "frontgate has the users in its config");
            }
            "authbasicprovider" => access.provider = Some(noted),
            "authname" => self.report.not_needed(&node.place, &node.shown, "frontgate asks with a name of its own"),
            "require" => access.requires.push((noted, node.args.iter().map(|word| word.to_lowercase()).collect())),
            "satisfy" => access.also.push((noted, words())),
            "order" | "allow" | "deny" => access.old.push((noted, format!("{} {}", node.name, words()).to_lowercase())),
            "requireany" | "requirenone" | "requireall" => {
                let inner = node.inner();
                let single = inner.len() < 2 && node.name != "requirenone";
                if node.name == "requireany" || single {
                    self.report.not_needed(&node.place, &node.shown, "taken for what stands in it");
                    for one in inner {
                        if !self.access(one, access) {
                            self.unknown(one);
                        }
                    }
                } else {
                    for one in inner {
                        access.also.push(((one.place.clone(), one.shown.clone()), String::new()));
                    }
                    access.also.push((noted, String::new()));
                }
            }
            "limit" | "limitexcept" => {
                // Methods that no client is kept from need no section.
                let inner = node.inner();
                let shuts = inner.iter().any(|one| !is_open(one));
                for one in inner {
                    let noted = (one.place.clone(), one.shown.clone());
                    if shuts {
                        access.also.push((noted, String::new()));
                    } else {
                        self.report.not_needed(&noted.0, &noted.1, "every client may pass");
                    }
                }
                if shuts {
                    access.also.push((noted, String::new()));
                } else {
                    self.report.not_needed(&node.place, &node.shown, "every client may pass");
                }
            }
            _ => return false,
        }
        true
    }

    /// Decides which clients may pass, at the end of a section.
    pub(super) fn decide(&mut self, here: &mut Here) -> Result<(), ImportError> {
        let access = std::mem::take(&mut here.access);
        if let Some(why) = self.barrier(&access) {
            here.section.gate = ImportAccess::Shut(why);
            for ((place, shown), _) in access.kind.iter().chain(&access.file) {
                self.report.dropped(place, shown, "the route answers 403 to every client");
            }
            return Ok(());
        }
        let granted = access.requires.iter().any(|(_, words)| is_granted(words));
        let (users, others): (Vec<_>, Vec<_>) = access
            .requires
            .into_iter()
            .filter(|(_, words)| !is_granted(words))
            .partition(|(_, words)| is_password(words));
        if granted || users.is_empty() && others.is_empty() {
            for ((place, shown), _) in access.kind.iter().chain(&access.file) {
                self.report.not_needed(place, shown, "nothing requires a user");
            }
            for ((place, shown), _) in users.iter().chain(&others) {
                self.report.not_needed(place, shown, "`Require all granted` lets every client pass");
            }
            if granted {
                here.section.auth = DraftAuth::None;
                here.section.gate = ImportAccess::Open;
            }
            return Ok(());
        }
        for ((place, shown), words) in &others {
            let remedy = "frontgate knows users only: these clients need a password as well";
            if words.first().is_some_and(|word| word == "all") {
                self.report.not_needed(place, shown, "users with a password may pass");
            } else {
                self.report.dropped(place, shown, remedy);
            }
        }
        let named: Vec<&String> = users
            .iter()
            .filter(|(_, words)| words.first().is_some_and(|word| word == "user"))
            .flat_map(|(_, words)| &words[1..])
            .collect();
        let all = users.iter().any(|(_, words)| words.first().is_some_and(|word| word == "valid-user"));
        let found = self.users(access.kind.as_ref(), access.file.as_ref(), access.provider.as_ref(), |user| {
            all || named.iter().any(|name| name.eq_ignore_ascii_case(user))
        })?;
        match found {
            Ok(found) => {
                for ((place, shown), _) in &users {
                    self.report.kept(place, shown, "auth: basic");
                }
                here.section.auth = DraftAuth::Basic { users: found, user_header: None };
                here.section.gate = ImportAccess::Open;
            }
            Err(why) => {
                for ((place, shown), _) in &users {
                    self.report.dropped(place, shown, format!("{why}, so the route answers 403"));
                }
                for ((place, shown), _) in access.kind.iter().chain(&access.file) {
                    if !self.report.mentions(place) {
                        self.report.dropped(place, shown, "the route answers 403 to every client");
                    }
                }
                here.section.gate = ImportAccess::Shut(why);
            }
        }
        Ok(())
    }

    /// The reason why the section is shut for every client, if it is.
    fn barrier(&mut self, access: &ApacheAccess) -> Option<String> {
        let mut why = None;
        for ((place, shown), _) in &access.also {
            self.report.dropped(place, shown, SHUT);
            why.get_or_insert_with(|| format!("`{shown}` ({place}) cannot be translated."));
        }
        let opens = |words: &Vec<String>| is_granted(words) || is_password(words);
        let way_in = access.requires.iter().any(|(_, words)| opens(words));
        for ((place, shown), words) in &access.requires {
            if is_granted(words) {
                self.report.not_needed(place, shown, "every client may pass, unless a route says otherwise");
            } else if way_in || opens(words) {
                // The report says so when it is known what becomes of it.
            } else if words.iter().map(String::as_str).eq(["all", "denied"]) {
                self.report.kept(place, shown, "respond: 403");
                why.get_or_insert_with(|| format!("`{shown}` ({place})."));
            } else {
                self.report.dropped(place, shown, ADDRESSES);
                why.get_or_insert_with(|| format!("`{shown}` ({place}): only some clients may pass."));
            }
        }
        let all_allowed = access.old.iter().any(|(_, words)| words == "allow from all");
        for ((place, shown), words) in &access.old {
            if all_allowed || words.starts_with("order ") {
                self.report.not_needed(place, shown, "as Apache 2.2 has it: see what else is said of this section");
            } else if words == "deny from all" {
                self.report.kept(place, shown, "respond: 403");
                why.get_or_insert_with(|| format!("`{shown}` ({place})."));
            } else {
                self.report.dropped(place, shown, ADDRESSES);
                why.get_or_insert_with(|| format!("`{shown}` ({place}): only some clients may pass."));
            }
        }
        why
    }

    /// The users that a file has, as far as they are asked for; or why there are none.
    fn users(
        &mut self,
        kind: Option<&(ApacheNoted, String)>,
        file: Option<&(ApacheNoted, String)>,
        provider: Option<&ApacheNoted>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Result<Vec<(String, String)>, String>, ImportError> {
        match kind {
            Some((_, kind)) if kind == "basic" => {}
            Some(((place, shown), kind)) => {
                self.report.dropped(
                    place,
                    shown,
                    "frontgate asks for a password in one way, `auth: { basic: … }`; the route answers 403",
                );
                return Ok(Err(format!("AuthType {kind} cannot be translated")));
            }
            None => return Ok(Err("there is no AuthType here".into())),
        }
        if let Some((place, shown)) = provider {
            self.report.dropped(place, shown, "frontgate asks no other program for users; the route answers 403");
            return Ok(Err("the users are not in a file".into()));
        }
        let Some(((place, shown), name)) = file else { return Ok(Err("there is no AuthUserFile here".into())) };
        let path = self.root.join(name);
        let text = match self.files.text(&path) {
            Ok(text) => text,
            Err(Unread::Limit(error)) => return Err(error),
            Err(Unread::Io(error)) => {
                let remedy = format!(
                    "it cannot be read ({error}), so the route answers 403: put the users with their bcrypt hashes (`htpasswd -nB \
                     NAME`) under `auth: {{ basic: … }}`"
                );
                self.report.dropped(place, shown, remedy);
                return Ok(Err(format!("the passwords in {name} could not be read")));
            }
        };
        let (mut found, mut lost) = passwords::users(&text);
        found.retain(|(user, _)| wanted(user));
        lost.retain(|user| wanted(user));
        for user in &lost {
            let remedy = format!(
                "the password of `{user}` is not hashed with bcrypt: make a hash with `htpasswd -nB {user}` and put it under `auth: {{ \
                 basic: … }}`"
            );
            self.report.dropped(place, shown, remedy);
        }
        if let Some(((place, shown), _)) = kind {
            self.report.kept(place, shown, "auth: basic");
        }
        if found.is_empty() {
            return Ok(Err(format!("{name} has no user whose password is hashed with bcrypt")));
        }
        self.report.kept(place, shown, format!("auth: basic: {} of {} users", found.len(), found.len() + lost.len()));
        Ok(Ok(found))
    }
}

/// Whether a directive keeps no client out.
pub(super) fn is_open(node: &ImportNode) -> bool {
    match node.name.as_str() {
        "require" => is_granted(&node.args.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>()),
        "order" | "satisfy" | "authname" => true,
        "allow" => node.args.join(" ").eq_ignore_ascii_case("from all"),
        "deny" | "authtype" | "authuserfile" => false,
        name if name.starts_with("require") || name.starts_with("limit") && node.body.is_some() => {
            node.body.iter().flatten().all(is_open)
        }
        _ => true,
    }
}

fn is_granted(words: &[String]) -> bool {
    words.iter().map(String::as_str).eq(["all", "granted"])
}

fn is_password(words: &[String]) -> bool {
    matches!(words.first().map(String::as_str), Some("valid-user" | "user"))
}

const SHUT: &str = "frontgate has no such conditions; so that nothing is open that was not, the route answers 403: replace its `respond` \
                    by an `auth`, or by nothing";
const ADDRESSES: &str = "frontgate knows no lists of addresses, so the route answers 403 to every client: let a firewall choose which clients to let \
                         in, or listen at an address that only they reach, and remove `respond`";
