//! [`Pass`]: `ProxyPass` and its like, and the settings behind its URL.

mod pass_target;

use std::time::Duration;

pub(super) use pass_target::PassTarget;

use super::Apache;
use super::access::origin_of;
use super::known::seconds;
use super::pattern::ApachePattern;
use super::redirect::{meant, prefix};
use super::sayable::Sayable;
use super::target::ApacheTarget;
use crate::import::matching::Unsayable;
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// One `ProxyPass`.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) origin: Origin,
    pub(super) paths: Sayable,
    pub(super) target: PassTarget,
    pub(super) timeouts: Vec<TimeLimit>,
}

impl Pass {
    /// Reads `ProxyPassMatch` of a server; before one that forwards only some of its paths as they are the same for just these.
    pub(super) fn with_meant(node: &ImportNode, apache: &mut Apache<'_, '_>) -> Vec<Self> {
        let Some(pass) = Self::of(node, None, apache) else { return Vec::new() };
        let meant = meant(node.arg(0))
            .filter(|_| matches!(pass.target, PassTarget::Nowhere(..)) && node.name == "proxypassmatch");
        let narrower = meant.and_then(|text| {
            let target = PassTarget::of(&text, true, node.arg(1));
            let paths = ApachePattern::of(&text, false).and_then(|pattern| pattern.paths()).ok()?;
            let fits = matches!(target, PassTarget::Gateway { .. });
            fits.then(|| Self { paths: Sayable::exactly(paths), target, ..pass.clone() })
        });
        narrower.into_iter().chain([pass]).collect()
    }

    /// Reads `ProxyPass` or `ProxyPassMatch`; in a section, with the path or the expression that is the section's.
    pub(super) fn of(node: &ImportNode, section: Option<&SectionPath>, apache: &mut Apache<'_, '_>) -> Option<Self> {
        let is_match = node.name == "proxypassmatch";
        let (path, rest) = if let Some(SectionPath { text, is_regex }) = section {
            // Apache compares the path with the text of the expression, which it never is.
            if *is_regex && !is_match {
                let text = "in <LocationMatch> only ProxyPassMatch does anything";
                apache.report.wrong(&node.place, &node.shown, text);
                return None;
            }
            (text.clone(), node.args.as_slice())
        } else {
            let (path, rest) = node.args.split_first()?;
            (path.clone(), rest)
        };
        let Some((url, settings)) = rest.split_first() else {
            apache.report.dropped(&node.place, &node.shown, "it has no URL: write the gateway's as `upstream`");
            return None;
        };
        let paths = if is_match {
            match ApachePattern::of(&path, false).and_then(|pattern| pattern.paths()) {
                Ok(condition) => Sayable::exactly(condition),
                Err(Unsayable) => Sayable::among(ApachePattern::beginning(&path)),
            }
        } else {
            prefix(&path)
        };
        let target = match url.as_str() {
            "!" => PassTarget::Off,
            url => PassTarget::of(&path, is_match, url),
        };
        let timeouts = apache.settings(node, settings);
        let mut pass = Self { origin: origin_of(node), paths, target, timeouts };
        // Without a slash at its end the host has the path put to it, and only the path `/` is right.
        if !is_match && path.ends_with('/') && ApacheTarget::of(url).is_ok_and(|target| target.path().is_empty()) {
            pass.target = PassTarget::Nowhere(
                format!("the URL has no slash at its end, so that Apache asks for a host such as `{url}x`"),
                "Write the URL with a slash at its end",
            );
        }
        Some(pass)
    }
}

/// The path or expression of a section.
#[derive(Debug, Clone)]
pub(super) struct SectionPath {
    pub(super) text: String,
    pub(super) is_regex: bool,
}

/// A time limit for what goes to the gateway.
#[derive(Debug, Clone)]
pub(super) struct TimeLimit {
    pub(super) origin: Origin,
    /// Whether it is for connecting, not for waiting.
    pub(super) connect: bool,
    pub(super) time: Duration,
}

impl Apache<'_, '_> {
    /// The time without a byte after which a WebSocket was cut, unless it is too short to be taken over.
    pub(super) fn waiting(&mut self, node: &ImportNode, time: Duration) -> Option<TimeLimit> {
        let (place, shown) = (&node.place, &node.shown);
        if time < Duration::from_hours(1) {
            let text = format!(
                "it ends a WebSocket after {} s without a byte, which clients see as 1006. frontgate waits for timeouts.read, 24 h, \
                 and finds peers that are gone by pings",
                time.as_secs()
            );
            self.report.wrong(place, shown, text);
            return None;
        }
        Some(TimeLimit { origin: Origin::of(place, shown), connect: false, time })
    }

    /// `timeout=600` and the like behind a URL.
    pub(super) fn settings(&mut self, node: &ImportNode, settings: &[String]) -> Vec<TimeLimit> {
        let mut timeouts = Vec::new();
        for setting in settings {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let (place, shown) = (&node.place, part(node, setting));
            let key = key.to_ascii_lowercase();
            match key.as_str() {
                "timeout" => {
                    let named = ImportNode { shown, ..node.clone() };
                    timeouts.extend(seconds(value).and_then(|time| self.waiting(&named, time)));
                }
                "connectiontimeout" => match seconds(value).filter(|time| !time.is_zero()) {
                    Some(time) => {
                        timeouts.push(TimeLimit { origin: Origin::of(place, shown), connect: true, time });
                    }
                    None => self.report.not_needed(place, &shown, "timeouts.connect holds"),
                },
                "secret" => {
                    self.report.dropped(place, &part(node, "secret=…"), "it is AJP's, and frontgate forwards HTTP");
                }
                _ => match SETTINGS.iter().find(|(names, _)| names.split(' ').any(|name| name == key)) {
                    Some((_, why)) => self.report.not_needed(place, &shown, *why),
                    None => self.report.dropped(
                        place,
                        &shown,
                        "this setting is not known here: see whether frontgate has to do it",
                    ),
                },
            }
        }
        timeouts
    }
}

/// One setting of a directive, as the report shows it.
pub(super) fn part(node: &ImportNode, setting: &str) -> String {
    let name = node.shown.split(' ').next().unwrap_or_default();
    format!("{name} … {setting}")
}

/// Settings of a worker that frontgate does not need, and why.
const SETTINGS: &[(&str, &str)] = &[
    ("upgrade", "frontgate always forwards WebSocket upgrades"),
    ("nocanon noquery mapping", "frontgate forwards the path byte for byte"),
    (
        "retry keepalive disablereuse enablereuse flushpackets flushwait max min smax acquire ttl ping iobuffersize \
         responsefieldsize receivebuffersize address_ttl addressttl failonstatus failontimeout maxattempts",
        "frontgate keeps and checks connections to the gateway by itself",
    ),
];
