//! `auth.exempt`: what is answered without a login.

use http::Method;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, List, NoValue, Optional, Quoted, WordOf};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::routes::{MethodName, PathText};
use crate::config::setting::SettingReader;

/// Requests that pass without a login: those of some methods for a path, or for all below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exemption {
    /// The path, which is compared byte for byte.
    pub(crate) path: ExemptPath,
    /// What a request for it may be.
    pub(crate) kind: ExemptKind,
}

/// A path that needs no login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExemptPath {
    /// This one.
    Exact(String),
    /// All that begin so; it ends with a slash.
    Below(String),
}

/// What an exempt request may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExemptKind {
    /// A request of one of these methods, and no upgrade.
    Request(Vec<Method>),
    /// An upgrade to a WebSocket.
    Upgrade,
}

impl Exemption {
    /// Whether a request is exempt. `path` is as it came: what could be read in another way is not exempt.
    pub(crate) fn takes(&self, path: &str, method: &Method, is_upgrade: bool) -> bool {
        let kind = match &self.kind {
            ExemptKind::Request(methods) => !is_upgrade && methods.contains(method),
            ExemptKind::Upgrade => is_upgrade,
        };
        let path = || {
            is_plain(path)
                && match &self.path {
                    ExemptPath::Exact(exact) => path == exact,
                    ExemptPath::Below(prefix) => path.len() > prefix.len() && path.starts_with(prefix.as_str()),
                }
        };
        kind && path()
    }
}

/// Whether every program reads a path in the same way: no byte of it is encoded or has another meaning for some.
fn is_plain(path: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@!$&'()*+,=:".contains(&byte);
    let rest = path.strip_prefix('/').unwrap_or_default();
    let dots = |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| byte == b'.');
    path.bytes().all(letter) && !path.contains("//") && !rest.split('/').any(dots)
}

/// What OpenClaw serves to clients that have no login, each with a credential of its own or with nothing to hide: share
/// links (for crawlers, GET and HEAD only: any path takes an upgrade to the gateway's own socket), join links and the
/// socket of workers, and the probes of its health (`web/urls.md`, `cli/devices.md` and `gateway/health.md` of 2026.9.6).
fn openclaw() -> Vec<Exemption> {
    let request = |path, methods: &[Method]| Exemption { path, kind: ExemptKind::Request(methods.to_vec()) };
    let exact = |path: &str| ExemptPath::Exact(path.to_owned());
    let below = |path: &str| ExemptPath::Below(path.to_owned());
    let read = [Method::GET, Method::HEAD];
    vec![
        request(below("/share/"), &read),
        request(below("/j/"), &[Method::GET, Method::HEAD, Method::POST]),
        Exemption { path: exact("/__openclaw__/worker"), kind: ExemptKind::Upgrade },
        request(exact("/healthz"), &read),
        request(exact("/startupz"), &read),
        request(exact("/readyz"), &read),
    ]
}

/// The kind of `exempt`: `openclaw`, a path or a prefix, or a list of them.
pub(super) struct Exemptions;

const LONG: Keyed<ExemptKeys> = Keyed::NEW;
const OPENCLAW: &str = "openclaw";

impl KeyKind for Exemptions {
    type Value = Vec<Exemption>;

    fn name(&self) -> String {
        format!("openclaw, path or {}, or a list of such", LONG.name())
    }

    fn parse(&self, text: &str) -> Result<Vec<Exemption>, ValueError> {
        if text == OPENCLAW {
            return Ok(openclaw());
        }
        let path = PathText.parse(text).map_err(|fault| {
            let hint = "openclaw, or a path such as /healthz; /share/ is all below it";
            if text.starts_with('/') {
                fault
            } else {
                ValueError::new(format!("{} is no path", Quoted(text))).hint(hint)
            }
        })?;
        exemption(ExemptKeys {
            below: path.ends_with('/').then(|| path.clone()),
            exact: (!path.ends_with('/')).then_some(path),
            ..ExemptKeys::default()
        })
        .map(|one| vec![one])
        .ok_or_else(|| ValueError::new("everything would be exempt").hint("write `auth: none`"))
    }

    fn write(&self, value: &Vec<Exemption>) -> YamlText {
        YamlText::List(value.iter().map(|one| LONG.write(&keys(one))).collect())
    }

    fn schema(&self) -> Json {
        let one = json!({ "anyOf": [{ "const": OPENCLAW }, { "type": "string", "pattern": "^/[^?#%\\\\]+$" }, LONG.schema()] });
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Vec<Exemption>> {
        match &node.value {
            ConfigValue::List(items) => {
                let read: Vec<_> =
                    items.iter().enumerate().map(|(index, item)| self.read(item, &mut at.item(index))).collect();
                read.into_iter().collect::<Option<Vec<_>>>().map(|all| all.concat())
            }
            ConfigValue::Map(_) => LONG.read(node, at).and_then(exemption).map(|one| vec![one]),
            _ => at.word(node, self),
        }
    }
}

/// The keys of one exemption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ExemptKeys {
    exact: Option<String>,
    below: Option<String>,
    methods: Vec<Method>,
    upgrade: bool,
}

impl KeySection for ExemptKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("exact", Optional(NoValue::Null, PathText), &mut self.exact, "The whole path.");
        keys.key(
            "below",
            Optional(NoValue::Null, PathText),
            &mut self.below,
            "What the path begins with; it ends with a slash.",
        );
        keys.key("methods", List(MethodName), &mut self.methods, "The methods; GET and HEAD where none is given.");
        keys.key(
            "upgrade",
            WordOf::SWITCH,
            &mut self.upgrade,
            "Whether it is for upgrades to a WebSocket, and nothing else.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let example = "such as { exact: /healthz } or { below: /share/ }";
        match (&self.exact, &self.below) {
            (None, None) => checks.report(&["exact"], ValueError::new("no path").hint(example)),
            (Some(_), Some(_)) => checks.report(&["below", "exact"], ValueError::new("two paths").hint(example)),
            (Some(exact), None) if !is_plain(exact) => {
                checks.report(&["exact"], ValueError::new("a path that not all programs read alike").hint(example));
            }
            (None, Some(below)) if !below.ends_with('/') || below == "/" || !is_plain(below) => {
                checks.report(&["below"], ValueError::new("not the beginning of a path").hint(example));
            }
            _ => {}
        }
        if self.upgrade && !self.methods.is_empty() {
            let fault = ValueError::new("an upgrade is always a GET");
            checks.report(&["methods", "upgrade"], fault.hint("remove `methods`, or write another exemption"));
        }
    }
}

/// The exemption that these keys describe; what is wrong with them has been reported.
fn exemption(keys: ExemptKeys) -> Option<Exemption> {
    let ExemptKeys { exact, below, methods, upgrade } = keys;
    let path = match (exact, below) {
        (Some(exact), None) if is_plain(&exact) => ExemptPath::Exact(exact),
        (None, Some(below)) if below != "/" && is_plain(&below) => ExemptPath::Below(below),
        _ => return None,
    };
    let methods = if methods.is_empty() { vec![Method::GET, Method::HEAD] } else { methods };
    Some(Exemption { path, kind: if upgrade { ExemptKind::Upgrade } else { ExemptKind::Request(methods) } })
}

/// The keys that describe this exemption.
fn keys(exemption: &Exemption) -> ExemptKeys {
    let (exact, below) = match exemption.path.clone() {
        ExemptPath::Exact(path) => (Some(path), None),
        ExemptPath::Below(path) => (None, Some(path)),
    };
    match &exemption.kind {
        ExemptKind::Upgrade => ExemptKeys { exact, below, methods: Vec::new(), upgrade: true },
        ExemptKind::Request(methods) => ExemptKeys { exact, below, methods: methods.clone(), upgrade: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_that_all_read_alike_is_exempt() {
        let all = openclaw();
        let takes = |path: &str, method: &Method, upgrade| all.iter().any(|one| one.takes(path, method, upgrade));
        for (path, request, upgrade) in [
            ("/share/session", true, false),
            ("/share/dashboard/main/deploy-monitor-6db92d48", true, false),
            ("/share/card.png", true, false),
            ("/share/", false, false),
            ("/share", false, false),
            ("/shared/x", false, false),
            ("/Share/x", false, false),
            ("/share/../config", false, false),
            ("/share/./x", false, false),
            ("/share/..", false, false),
            ("/share/.../x", false, false),
            ("/share/%2e%2e/config", false, false),
            ("/share/x%2Fy", false, false),
            ("/share//x", false, false),
            ("//share/x", false, false),
            ("/share/..\\config", false, false),
            ("/share/x;y", false, false),
            ("/share/..;/config", false, false),
            ("/j/abc", true, false),
            ("/__openclaw__/worker", false, true),
            ("/__openclaw__/worker/", false, false),
            ("/healthz", true, false),
            ("/healthz/", false, false),
            ("/", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (takes(path, &Method::GET, false), takes(path, &Method::GET, true)),
                (request, upgrade),
                "{path}"
            );
        }
        assert!(!takes("/share/x", &Method::POST, false) && takes("/j/x", &Method::POST, false));
    }
}
