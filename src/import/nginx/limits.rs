//! How long an upstream may take, and how much a client may send to it.

use std::time::Duration;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use super::units;
use crate::import::draft::DraftTimeouts;

impl<'a> Translation<'a, '_> {
    pub(super) fn timeouts(&mut self, scope: &NginxScope<'a>, pass: &NginxDirective) -> DraftTimeouts {
        let mut timeouts = DraftTimeouts::default();
        let idle = |this: &mut Self, name: &str, what: &str| {
            let directive = scope.last(name)?;
            let (place, shown) = (&directive.place, directive.shown());
            let Some(time) = units::time(directive.args.join(" ").as_str()) else {
                this.report.dropped(place, &shown, format!("not a time: set timeouts.{what}"));
                return None;
            };
            if time < SHORT {
                let instead = "it cut WebSockets that were idle. frontgate keeps them for 24 h and pings both ends";
                this.report.wrong(place, &shown, instead);
                None
            } else if time == DAY {
                this.report.not_needed(place, &shown, format!("timeouts.{what} is 24h anyway"));
                None
            } else {
                this.report.kept(place, &shown, format!("timeouts.{what}"));
                Some(time)
            }
        };
        timeouts.read = idle(self, "proxy_read_timeout", "read");
        timeouts.send = idle(self, "proxy_send_timeout", "send");
        if scope.last("proxy_read_timeout").is_none() {
            let instead = "without proxy_read_timeout nginx cuts every WebSocket that is silent for 60 s. frontgate keeps it for 24 h and pings \
                           both ends";
            self.report.wrong(&pass.place, &pass.shown(), instead);
        }
        if let Some(directive) = scope.last("proxy_connect_timeout") {
            let (place, shown) = (&directive.place, directive.shown());
            match units::time(directive.first()) {
                Some(time) if time <= Duration::from_secs(75) && !time.is_zero() => {
                    self.report.kept(place, &shown, "timeouts.connect");
                    timeouts.connect = Some(time);
                }
                _ => self.report.not_needed(place, &shown, "no system waits so long; timeouts.connect stays as it is"),
            }
        }
        timeouts
    }

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
            Some(size) => {
                self.report.kept(place, &shown, "limits.request_body, the largest of all");
                self.draft.limits.request_body = self.draft.limits.request_body.max(Some(size));
            }
            None => self.report.dropped(place, &shown, "not a size: set limits.request_body"),
        }
    }
}

/// A time limit that is shorter than this is meant for requests, not for WebSockets.
const SHORT: Duration = Duration::from_mins(10);
const DAY: Duration = Duration::from_hours(24);
