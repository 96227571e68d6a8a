//! The environment and the command line, laid over the file.

use super::Config;
use super::names::{self, KeyNames};
use super::node::{ConfigNode, ConfigValue};
use super::problem::{Problem, SettingPosition, ValueError};

/// The settings of the command line, which override all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--upstream URL`
    pub(crate) upstream: Option<String>,
    /// `--listen ADDR`, for `listen.https`; empty leaves it alone.
    pub(crate) listen: Vec<String>,
    /// `--name NAME`, for `tls.names`; empty leaves them alone.
    pub(crate) names: Vec<String>,
    /// `--admin ADDR|off`
    pub(crate) admin: Option<String>,
    /// `--acme`: a public certificate, and unless set otherwise the two ports that ACME needs.
    pub(crate) acme: bool,
    /// `--email MAIL`
    pub(crate) email: Option<String>,
}

/// Lays the environment and the flags over `root`.
pub(super) fn apply(
    root: &mut ConfigNode,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
    problems: &mut Vec<Problem>,
) {
    let mut layers = Layers { root, names: KeyNames::of(&mut Config::default()) };
    layers.variables(env, problems);
    layers.flags(flags);
}

struct Layers<'a> {
    root: &'a mut ConfigNode,
    names: KeyNames,
}

impl Layers<'_> {
    /// A variable with an empty value counts as not set: compose files make those.
    fn variables(&mut self, env: impl IntoIterator<Item = (String, String)>, problems: &mut Vec<Problem>) {
        let settable = self.names.variables();
        let mut given: Vec<(String, String)> = env.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        // Shorter names first, so that a part (`…_CERTIFICATE_CERT`) is laid over its whole.
        given.sort();
        for (name, value) in given {
            if !name.starts_with(names::PREFIX) || name == "FRONTGATE_CONFIG" {
                continue;
            }
            let place = SettingPosition::Variable(name.clone());
            match settable.iter().find(|(variable, _)| *variable == name) {
                Some((_, path)) if path == "admin" => {
                    self.set_admin(ConfigNode { value: ConfigValue::Scalar(value), place });
                }
                Some((_, path)) => self.set(path, ConfigNode { value: ConfigValue::Scalar(value), place }),
                None if is_service_link(&name, &value) => {}
                None => problems.push(Problem::new(&place, "", unknown(&name, &settable))),
            }
        }
    }

    fn flags(&mut self, flags: &Overrides) {
        let word = |flag, text: &String| ConfigNode {
            value: ConfigValue::Scalar(text.clone()),
            place: SettingPosition::Flag(flag),
        };
        let list = |flag, words: &[String]| ConfigNode {
            value: ConfigValue::List(words.iter().map(|text| word(flag, text)).collect()),
            place: SettingPosition::Flag(flag),
        };
        if let Some(url) = &flags.upstream {
            self.set("upstream", word("--upstream", url));
        }
        if !flags.listen.is_empty() {
            self.set("listen.https", list("--listen", &flags.listen));
        }
        if !flags.names.is_empty() {
            self.set("tls.names", list("--name", &flags.names));
        }
        if let Some(addr) = &flags.admin {
            self.set_admin(word("--admin", addr));
        }
        if let Some(email) = &flags.email {
            self.set("tls.acme.email", word("--email", email));
        }
        if flags.acme {
            self.set("tls.certificate", word("--acme", &"acme".to_owned()));
            for (key, addr) in [("listen.https", "[::]:443"), ("listen.http", "[::]:80")] {
                if self.root.find(key).is_none_or(|node| node.value == ConfigValue::Null) {
                    self.set(key, list("--acme", &[addr.to_owned()]));
                }
            }
        }
    }

    /// Sets the admin listener's address. Another address does not drop the token.
    fn set_admin(&mut self, node: ConfigNode) {
        let long = matches!(self.root.find("admin").map(|node| &node.value), Some(ConfigValue::Map(_)));
        self.set(if long { "admin.address" } else { "admin" }, node);
    }

    /// Sets the value at `path`. A value that stands where a section should be is a mistake to report, not one to
    /// overwrite.
    fn set(&mut self, path: &str, node: ConfigNode) {
        let steps: Vec<&str> = path.split('.').collect();
        let outer = self.root.find(steps[0]).map(|node| &node.value);
        let covers = matches!(outer, Some(ConfigValue::Scalar(_) | ConfigValue::List(_)));
        if !(covers && self.names.sections.iter().any(|section| section == steps[0])) {
            self.root.put(&steps, node);
        }
    }
}

/// The fault of a variable that sets no key.
fn unknown(name: &str, settable: &[(String, String)]) -> ValueError {
    let fault = ValueError::new("sets nothing");
    let variables = || settable.iter().map(|(variable, _)| variable.as_str());
    let rest = &name[names::PREFIX.len()..];
    let near = names::nearest(rest, variables().map(|variable| &variable[names::PREFIX.len()..]));
    // `FRONTGATE_LISTEN` is a section; `FRONTGATE_PING_INTERVAL` lacks one.
    let part = || {
        variables()
            .find(|variable| variable.ends_with(&format!("_{rest}")) || variable.starts_with(&format!("{name}_")))
    };
    match near {
        Some(near) => fault.hint(format!("did you mean `{}{near}`?", names::PREFIX)),
        None => match part() {
            Some(part) => fault.hint(format!("did you mean `{part}`?")),
            None => fault
                .hint("`frontgate man frontgate.yaml` lists the variables; only frontgate's own begin with FRONTGATE_"),
        },
    }
}

/// Kubernetes and container links describe a service called `frontgate…` to every container in its namespace:
/// `FRONTGATE_SERVICE_HOST`, `FRONTGATE_PORT`, `FRONTGATE_PORT_8443_TCP_ADDR`. They are not meant for frontgate.
fn is_service_link(name: &str, value: &str) -> bool {
    let url = value.starts_with("tcp://") || value.starts_with("udp://");
    let port = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT") && url
        || name.split_once("_PORT_").is_some_and(|(_, rest)| port(rest))
}
