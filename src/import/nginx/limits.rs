//! How long an upstream may take, and how much a client may send to it.

use std::time::Duration;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use super::units;
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Part};

impl<'a> Translation<'a, '_> {
    /// Takes over the limit of bodies. `limits.request_body` is one for all: the largest.
    pub(super) fn body_limit(&mut self, scope: &NginxScope<'a>) {
        let Some(directive) = scope.last("client_max_body_size") else {
            self.unlimited = true;
            return;
        };
        let (place, shown) = (&directive.place, directive.shown());
        match units::size(directive.first()) {
            Some(0) => {
                self.unlimited = true;
                self.report.not_needed(place, &shown, "limits.request_body is off anyway");
            }
            Some(size) if size <= LARGEST => {
                self.report.kept(place, &shown, "limits.request_body, the largest of all");
                self.draft.limits.request_body = self.draft.limits.request_body.max(Some(size));
            }
            _ => {
                self.unlimited = true;
                self.report.dropped(place, &shown, "no size that limits.request_body takes: bodies may have any size");
            }
        }
    }
}

/// Puts how long the gateway may take into the rule.
pub(super) fn timeouts(scope: &NginxScope<'_>, pass: &NginxDirective, rule: &mut ImportRule) {
    let remark = |verdict, text: String| Part::Remark(verdict, text);
    for (name, key) in [("proxy_read_timeout", "read"), ("proxy_send_timeout", "send")] {
        let Some(directive) = scope.last(name) else { continue };
        let part = match units::time(&directive.args.join(" ")) {
            None => remark(ImportVerdict::Dropped, format!("not a time: set timeouts.{key}")),
            Some(time) if time < SHORT => {
                let text = "it cut WebSockets that were idle. frontgate keeps them for 24 h and pings both ends";
                remark(ImportVerdict::Wrong, text.into())
            }
            Some(time) if time == DAY => remark(ImportVerdict::NotNeeded, format!("timeouts.{key} is 24h anyway")),
            Some(time) => {
                let timeouts = &mut rule.route.timeouts;
                *(if key == "read" { &mut timeouts.read } else { &mut timeouts.send }) = Some(time);
                Part::Timeouts
            }
        };
        rule.say(&directive.origin(), part);
    }
    if scope.last("proxy_read_timeout").is_none() {
        let text = "without proxy_read_timeout nginx cuts every WebSocket that is silent for 60 s. frontgate keeps it for 24 h and pings \
                    both ends";
        rule.say(&pass.origin(), remark(ImportVerdict::Wrong, text.into()));
    }
    if let Some(directive) = scope.last("proxy_connect_timeout") {
        let time = units::time(directive.first());
        let part = match time.filter(|time| *time <= Duration::from_secs(75) && !time.is_zero()) {
            Some(time) => {
                rule.route.timeouts.connect = Some(time);
                Part::Timeouts
            }
            None => remark(ImportVerdict::NotNeeded, "no system waits so long; timeouts.connect stays as it is".into()),
        };
        rule.say(&directive.origin(), part);
    }
}

/// A time limit that is shorter than this is meant for requests, not for WebSockets.
const SHORT: Duration = Duration::from_mins(10);
/// Bytes above which a limit is none.
const LARGEST: u64 = 1 << 50;
const DAY: Duration = Duration::from_hours(24);
