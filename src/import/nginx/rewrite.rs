//! The directives that nginx runs one after the other: `set`, `if`, `return`, `rewrite`, `break`
//! (`ngx_http_rewrite_module`).

use super::locations::Locations;
use super::parser::NginxDirective;
use super::rewritten_path::rewritten_path;
use super::scope::NginxScope;
use super::state::{NginxPath, NginxPattern, NginxState};
use super::translation::Translation;
use super::values::Constants;
use crate::import::condition::Condition;
use crate::import::draft::DraftAnswer;
use crate::import::error::ImportError;
use crate::import::matching::{DraftPath, Unsayable};
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part};

/// A server while its rules are made.
pub(super) struct NginxRules<'a> {
    pub(super) scope: NginxScope<'a>,
    pub(super) locations: Locations<'a>,
    pub(super) constants: Constants,
    pub(super) rules: Vec<ImportRule>,
}

/// How often nginx looks for a location before it answers 500.
const MOST_SEARCHES: usize = 10;

/// How many rules a server may have; no server that people write has more.
const MOST_RULES: usize = 5000;

/// What is to be written instead of something that cannot be said.
pub(super) const WRITE: &str =
    "Say it with `path`, `methods`, `from`, `headers`, `query` or `cookies` of a route, and take the 403 away";

impl<'a> Translation<'a, '_> {
    /// Runs what is left of a phase, and all that follows.
    pub(super) fn run(&mut self, server: &mut NginxRules<'a>, mut state: NginxState<'a>) -> Result<(), ImportError> {
        if server.rules.len() > MOST_RULES {
            let file = server.scope.own().first().map_or_else(String::new, |one| one.place.to_string());
            return Err(ImportError::TooMuch { file, limit: format!("more than {MOST_RULES} rules in a server") });
        }
        while let Some(block) = state.rest.first_mut() {
            let Some((directive, rest)) = block.split_first() else {
                state.rest.remove(0);
                continue;
            };
            *block = rest;
            let ends = match directive.name.as_str() {
                "set" => self.set(server, &mut state, directive),
                "return" => {
                    self.answer(server, &state, directive)?;
                    true
                }
                "break" => {
                    state.say(
                        directive,
                        Part::Remark(ImportVerdict::NotNeeded, "nothing behind it changes these requests".into()),
                    );
                    state.changed = false;
                    state.rest.clear();
                    false
                }
                "if" => self.branch(server, &mut state, directive)?,
                "rewrite" => self.rewrite(server, &mut state, directive)?,
                _ => false,
            };
            if ends {
                return Ok(());
            }
        }
        let in_server = state.pattern.is_none();
        if in_server || state.changed { self.search(server, state) } else { self.content(server, &state) }
    }

    fn set(&mut self, server: &NginxRules<'a>, state: &mut NginxState<'a>, directive: &'a NginxDirective) -> bool {
        let [name, value] = directive.args.as_slice() else { return false };
        let Some(name) = name.strip_prefix('$') else { return false };
        let mut maps = Vec::new();
        let texts = self.expand(value, state, &server.constants, &mut maps, 0);
        state.variables.insert(name, texts.ok());
        state.say(directive, Part::Remark(ImportVerdict::Kept, format!("${name} is put in where it is used")));
        false
    }

    /// An `if`: whether no request goes on behind it.
    fn branch(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &mut NginxState<'a>,
        directive: &'a NginxDirective,
    ) -> Result<bool, ImportError> {
        let sets_only = directive.inner().iter().all(|one| one.name == "set");
        let found = self.condition(directive, state, &server.constants);
        let found = found.and_then(|(condition, maps)| Ok((state.when.and(&condition)?, condition, maps)));
        let (joined, condition, maps) = match found {
            Ok(found) => found,
            Err(Unsayable) if sets_only => {
                for one in directive.inner() {
                    state.variables.insert(one.first().trim_start_matches('$'), None);
                    state.say(
                        one,
                        Part::Remark(
                            ImportVerdict::Dropped,
                            "its condition cannot be said, so what is made of it is not known".into(),
                        ),
                    );
                }
                state.say(directive, Part::Remark(ImportVerdict::Dropped, "the condition cannot be said".into()));
                return Ok(false);
            }
            Err(Unsayable) if is_harmless(directive) => {
                for one in directive.inner().iter().chain([directive]) {
                    state.say(
                        one,
                        Part::Remark(
                            ImportVerdict::Dropped,
                            "routes cannot say the condition: it holds for no request".into(),
                        ),
                    );
                }
                return Ok(false);
            }
            Err(Unsayable) => {
                server.rules.extend(state.shut(&directive.origin(), "routes cannot say this condition", WRITE));
                return Ok(true);
            }
        };
        if joined.is_never() {
            let text = "it holds for no request here";
            for one in directive.inner().iter().chain([directive]) {
                state.say(one, Part::Remark(ImportVerdict::NotNeeded, text.into()));
            }
            return Ok(false);
        }
        let mut fork = state.clone();
        fork.say(directive, Part::When);
        for map in maps {
            fork.say(map, Part::Remark(ImportVerdict::Kept, "part of the conditions of routes".into()));
            for entry in map.inner() {
                fork.say(entry, Part::Remark(ImportVerdict::Kept, "part of the conditions of routes".into()));
            }
        }
        if sets_only {
            let before = state.variables.clone();
            for one in directive.inner() {
                self.set(server, &mut fork, one);
            }
            for (name, texts) in fork.variables {
                let old = before.get(name).cloned().unwrap_or_else(|| Some(vec![(Condition::always(), String::new())]));
                let own = texts.map(|texts| {
                    texts
                        .into_iter()
                        .map(|(when, text)| Ok((condition.and(&when)?, text)))
                        .collect::<Result<Vec<_>, Unsayable>>()
                });
                let both = match (own, old) {
                    (Some(Ok(own)), Some(old)) if before.get(name).is_none_or(|old| old.as_ref() != Some(&own)) => {
                        Some(own.into_iter().chain(old).collect())
                    }
                    (Some(Ok(_)), old) => old,
                    _ => None,
                };
                state.variables.insert(name, both);
            }
            state.said = fork.said;
            return Ok(false);
        }
        let is_always = condition.is_always();
        fork.when = joined;
        fork.scope = state.scope.branch(directive.inner());
        fork.rest.insert(0, directive.inner());
        self.run(server, fork)?;
        Ok(is_always)
    }

    /// A `rewrite`: whether no request goes on behind it.
    fn rewrite(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &mut NginxState<'a>,
        directive: &'a NginxDirective,
    ) -> Result<bool, ImportError> {
        let [regex, to, flags @ ..] = directive.args.as_slice() else { return Ok(false) };
        let flag = flags.first().map_or("", String::as_str);
        let found = state.path.condition(DraftPath::Regex(regex.clone()));
        let Ok((joined, condition)) = found.and_then(|found| Ok((state.when.and(&found)?, found))) else {
            let why = "routes cannot say which paths it is for";
            server.rules.extend(state.shut(&directive.origin(), why, WRITE));
            return Ok(true);
        };
        if joined.is_never() {
            state.say(directive, Part::Remark(ImportVerdict::NotNeeded, "no path here is one of its own".into()));
            return Ok(false);
        }
        let mut fork = state.clone();
        fork.when = joined;
        let away = ["http://", "https://", "$scheme"].iter().any(|start| to.starts_with(start));
        if away || matches!(flag, "redirect" | "permanent") {
            let status = if flag == "permanent" { 301 } else { 302 };
            self.redirect_by(server, &fork, directive, regex, to, status);
            return Ok(condition.is_always());
        }
        fork.say(directive, Part::When);
        fork.path = rewritten_path(regex, to, &fork);
        match flag {
            "last" => {
                fork.rest.clear();
                fork.changed = true;
            }
            "break" => {
                fork.rest.clear();
                fork.changed = fork.pattern.is_none();
            }
            _ => fork.changed = true,
        }
        if fork.path != NginxPath::Original && fork.path != NginxPath::Unsayable {
            fork.say(directive, Part::Strip);
        }
        self.run(server, fork)?;
        Ok(condition.is_always())
    }

    /// Finds the location of requests.
    fn search(&mut self, server: &mut NginxRules<'a>, mut state: NginxState<'a>) -> Result<(), ImportError> {
        state.searches += 1;
        state.changed = false;
        if state.searches > MOST_SEARCHES {
            let rule = state.rule(DraftAnswer::status(500));
            server.rules.extend(state.rules(&rule));
            return Ok(());
        }
        if state.path == NginxPath::Unsayable {
            let origin = last_origin(&state, server);
            server.rules.extend(state.shut(&origin, "frontgate does not change paths so", STRIP));
            return Ok(());
        }
        for candidate in server.locations.order.clone() {
            let place = server.locations.place(&candidate);
            let (location, scope, pattern) = (place.location, place.scope.clone(), place.pattern.clone());
            let found = candidate
                .paths
                .iter()
                .try_fold(state.when.clone(), |when, path| when.and(&state.path.condition(path.clone())?));
            let mut inner = state.clone();
            inner.say(location, Part::When);
            match found {
                Ok(when) if when.is_never() => continue,
                Ok(when) => inner.when = when,
                Err(Unsayable) => {
                    let why = "routes cannot say which paths it is for";
                    // Of the paths that must hold, the first is said.
                    let wide = candidate.paths.first().map(|path| state.path.condition(path.clone()));
                    if let Some(Ok(wide)) = wide
                        && candidate.paths.len() > 1
                        && let Ok(wide) = state.when.and(&wide)
                    {
                        inner.when = wide;
                    }
                    server.rules.extend(inner.shut(&location.origin(), why, WRITE));
                    continue;
                }
            }
            if candidate.adds_slash {
                self.add_slash(server, &inner);
                continue;
            }
            inner.pattern = Some(pattern);
            inner.rest = vec![location.inner()];
            inner.scope = scope;
            let all = inner.when.is_always();
            self.run(server, inner)?;
            if all {
                return Ok(());
            }
        }
        state.pattern = Some(NginxPattern::Named);
        self.content(server, &state)
    }

    /// Gives requests to a named location.
    pub(super) fn named(
        &mut self,
        server: &mut NginxRules<'a>,
        mut state: NginxState<'a>,
        name: &str,
    ) -> Result<bool, ImportError> {
        state.searches += 1;
        let Some(place) = server.locations.named(name).filter(|_| state.searches <= MOST_SEARCHES) else {
            return Ok(false);
        };
        let location = place.location;
        state.scope = place.scope.clone();
        state.pattern = Some(NginxPattern::Named);
        state.changed = false;
        state.rest = vec![location.inner()];
        state.say(location, Part::When);
        self.run(server, state)?;
        Ok(true)
    }

    /// Gives requests to the location of another path.
    pub(super) fn elsewhere(
        &mut self,
        server: &mut NginxRules<'a>,
        mut state: NginxState<'a>,
        path: &str,
    ) -> Result<(), ImportError> {
        state.path = NginxPath::Fixed(path.to_owned());
        state.rest.clear();
        state.scope = server.scope.clone();
        self.search(server, state)
    }
}

const STRIP: &str =
    "`strip_prefix` cuts the beginning off a path; let the gateway answer to the path that clients ask for";

/// The last directive that changed these requests.
fn last_origin(state: &NginxState<'_>, server: &NginxRules<'_>) -> Origin {
    let own = || server.scope.own().first().map(NginxDirective::origin);
    let last = state.said.last().map(|said| said.origin.clone()).or_else(own);
    last.unwrap_or_else(|| Origin::of(&crate::import::place::ImportPlace::start(""), "server"))
}

/// Whether a branch can neither refuse nor lead elsewhere.
fn is_harmless(directive: &NginxDirective) -> bool {
    let harmless = [
        "access_log",
        "add_header",
        "add_trailer",
        "expires",
        "gzip",
        "limit_rate",
        "limit_rate_after",
        "charset",
        "etag",
        "if_modified_since",
    ];
    directive.inner().iter().all(|one| harmless.contains(&one.name.as_str()))
}
