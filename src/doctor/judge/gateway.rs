//! What a gateway's answers mean.

use std::time::Duration;

use http::StatusCode;

use super::PATIENCE_OF_THE_UI;
use crate::config::Config;
use crate::doctor::catalogue::settings::Known;
use crate::doctor::catalogue::{gateway as found, settings as catalogue};
use crate::doctor::finding::{Diagnosis, Outcome};
use crate::doctor::plan::{Backend, ELSEWHERE, Writing};
use crate::doctor::probe::{Answered, Gateway, Listening, Opened, Reached, Said};
use crate::doctor::settings::net;

/// Judges the gateway of `backend`. `port` is the one that its own configuration names, `needed` whether anybody comes from another
/// machine. Returns how long its first frame took if a WebSocket opens as it should.
pub(in crate::doctor) fn gateway(
    diagnosis: &mut Diagnosis,
    gateway: &Gateway,
    backend: &Backend,
    port: Option<u16>,
    known: Option<&Known<'_>>,
    (needed, config): (bool, &Config),
) -> Option<Duration> {
    let (upstream, x_forwarded) = (&gateway.upstream, config.forwarded.x_forwarded);
    let finding = match &gateway.reached {
        Reached::Http(listening) => {
            diagnosis.checked(format!("{upstream} accepts connections and speaks HTTP"), Outcome::Good, "");
            return listening_gateway(diagnosis, gateway, listening, known, needed, x_forwarded);
        }
        Reached::Refused => found::refused(upstream, port),
        Reached::Unresolved => found::unresolved(upstream),
        Reached::TimedOut => found::timed_out(upstream),
        Reached::Untrusted(distrust) => found::untrusted(upstream, distrust, &Writing::of(backend, config)),
        Reached::Plain => found::wrong_scheme(upstream, None),
        Reached::Tls(refused) => {
            let refused = refused.as_ref().map(|refused| (refused, Writing::of(backend, config)));
            found::wrong_scheme(upstream, refused.as_ref())
        }
        Reached::NotHttp => found::not_http(upstream),
        Reached::Failed(why) => found::failed(upstream, why),
    };
    diagnosis.checked(format!("{upstream} accepts connections and speaks HTTP"), Outcome::Bad, &finding.what);
    diagnosis.found(finding);
    None
}

fn listening_gateway(
    diagnosis: &mut Diagnosis,
    gateway: &Gateway,
    listening: &Listening,
    known: Option<&Known<'_>>,
    needed: bool,
    x_forwarded: bool,
) -> Option<Duration> {
    let upstream = &gateway.upstream;
    let times: Vec<_> = [&listening.direct, &listening.forwarded].into_iter().filter_map(after).collect();
    let what = format!("{upstream} is a gateway and ready");
    if listening.healthy == Some(false) && times.is_empty() {
        diagnosis.checked(what, Outcome::Bad, "its /healthz is not a gateway's");
        diagnosis.found(found::not_a_gateway(upstream));
        return None;
    }
    let starting = listening.ready.is_some_and(|status| status == StatusCode::SERVICE_UNAVAILABLE);
    if starting || listening.healthy.is_none() {
        diagnosis.checked(what, Outcome::Bad, "its /readyz says that it is not");
        diagnosis.found(found::starting(upstream, &listening.failing));
    } else {
        diagnosis.checked(what, Outcome::Good, "");
    }
    trust(diagnosis, gateway, listening, known, needed, x_forwarded);
    let what = format!("{upstream} opens a WebSocket and sends connect.challenge");
    let Some(fastest) = times.iter().min().copied() else {
        if !starting && !is_attribution(&listening.direct) {
            diagnosis.checked(what, Outcome::Bad, describe(&listening.direct));
            diagnosis.found(found::no_websocket(upstream, &describe(&listening.direct)));
        }
        return None;
    };
    if fastest > PATIENCE_OF_THE_UI {
        diagnosis.checked(what, Outcome::Bad, format!("{} ms", fastest.as_millis()));
        diagnosis.found(found::slow(upstream, fastest));
    } else {
        diagnosis.checked(what, Outcome::Good, format!("{} ms", fastest.as_millis()));
    }
    let sockets =
        || listening.origins.iter().map(|(_, opened)| opened).chain([&listening.direct, &listening.forwarded]);
    if sockets().any(|one| matches!(one, Opened::Challenged { answered: Answered::NoSecret, .. })) {
        diagnosis.found(found::no_secret(upstream));
    }
    let ahead = sockets().find_map(|one| match one {
        Opened::Challenged { ahead, .. } => *ahead,
        _ => None,
    });
    if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > CLOCKS_APART) {
        diagnosis.found(found::clock_skew(upstream, ahead.whole_seconds()));
    }
    Some(fastest)
}

/// Whether it believes frontgate about its clients.
fn trust(
    diagnosis: &mut Diagnosis,
    gateway: &Gateway,
    listening: &Listening,
    known: Option<&Known<'_>>,
    needed: bool,
    x_forwarded: bool,
) {
    let upstream = &gateway.upstream;
    let what = format!("{upstream} believes frontgate about its clients' addresses");
    if !is_attribution(&listening.forwarded) {
        if after(&listening.forwarded).is_some() {
            diagnosis.checked(what, Outcome::Good, "");
        }
        return;
    }
    diagnosis.checked(what, Outcome::Bad, "403 proxy_attribution_required");
    let local = listening.local;
    let trusted = known.zip(local).filter(|(known, local)| known.settings.trusts(*local));
    let everybody: Vec<_> = known
        .iter()
        .flat_map(|known| &known.settings.trusted_proxies)
        .map(String::as_str)
        .filter(|entry| net(entry).is_some_and(|net| net.contains(&std::net::IpAddr::from(ELSEWHERE))))
        .collect();
    diagnosis.found(match (trusted, known) {
        _ if !x_forwarded => crate::doctor::catalogue::own::no_x_forwarded(),
        (_, Some(known)) if !everybody.is_empty() => catalogue::everybody_trusted(known, &everybody, true),
        (Some((known, local)), _) => catalogue::proxy_not_trusted_yet(upstream, local, known),
        (None, known) => catalogue::proxy_not_trusted(upstream, local, known, needed),
    });
}

/// How long the first frame took.
pub(super) fn after(opened: &Opened) -> Option<Duration> {
    match opened {
        Opened::Challenged { after, .. } => Some(*after),
        _ => None,
    }
}

pub(super) fn is_attribution(opened: &Opened) -> bool {
    matches!(opened, Opened::Refused { said: Said::Attribution, .. })
}

/// What became of a WebSocket, in words.
pub(super) fn describe(opened: &Opened) -> String {
    match opened {
        Opened::Challenged { after, .. } => format!("connect.challenge came after {} ms", after.as_millis()),
        Opened::Silent => "it opened, and no frame came within 2.5 s".to_owned(),
        Opened::Other => "it opened, and its first frame was not connect.challenge".to_owned(),
        Opened::Closed { code, reason } if reason.is_empty() => format!("it opened and was closed with {code}"),
        Opened::Closed { code, reason } => {
            let reason: String = reason.chars().filter(|c| !c.is_control()).take(120).collect();
            format!("it opened and was closed with {code} \"{reason}\"")
        }
        Opened::Refused { status, said: Said::Attribution } => {
            format!("{} proxy_attribution_required", status.as_u16())
        }
        Opened::Refused { status, .. } => format!("status {}", status.as_u16()),
        Opened::Nothing => "there was no answer".to_owned(),
    }
}

/// A device's signature is good for 120 s; half of that is a fault that shows now and then.
const CLOCKS_APART: time::Duration = time::Duration::seconds(60);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Upstream;
    use crate::doctor::finding::Severity;
    use crate::doctor::plan::Plan;
    use crate::doctor::probe::{Distrust, Machine};
    use crate::doctor::settings::Settings;
    use crate::tls::{Fingerprint, TlsFault};

    fn backend() -> Backend {
        let plan = Plan::new(&Config::default(), &[], &machine());
        plan.backends[0].clone()
    }

    fn machine() -> Machine {
        Machine { addresses: Vec::new(), container: false, now: time::OffsetDateTime::UNIX_EPOCH }
    }

    fn distrust(fault: TlsFault) -> Distrust {
        Distrust { fault, why: "UnknownIssuer".to_owned(), seen: Some(Fingerprint::of(b"abc")) }
    }

    fn challenged(ms: u64) -> Opened {
        Opened::Challenged { after: Duration::from_millis(ms), ahead: None, answered: Answered::NotAsked }
    }

    fn skewed(seconds: i64) -> Opened {
        let ahead = Some(time::Duration::seconds(seconds));
        Opened::Challenged { after: Duration::ZERO, ahead, answered: Answered::NotAsked }
    }

    fn attribution() -> Opened {
        Opened::Refused { status: StatusCode::FORBIDDEN, said: Said::Attribution }
    }

    fn healthy() -> Listening {
        Listening {
            healthy: Some(true),
            ready: Some(StatusCode::OK),
            failing: Vec::new(),
            local: Some([127, 0, 0, 1].into()),
            direct: challenged(3),
            forwarded: challenged(4),
            origins: Vec::new(),
        }
    }

    fn ids(reached: Reached, settings: Option<&Settings>) -> Vec<&'static str> {
        let mut diagnosis = Diagnosis::default();
        let known = settings.map(|settings| Known { file: Path::new("/o.json"), settings });
        let one = Gateway { upstream: Upstream::default(), reached };
        gateway(&mut diagnosis, &one, &backend(), None, known.as_ref(), (true, &Config::default()));
        let bad = diagnosis.checks.iter().any(|check| check.outcome == Outcome::Bad);
        assert!(
            bad || diagnosis.findings.iter().all(|finding| finding.id == "clock_skew"),
            "a finding shows in the checks"
        );
        diagnosis.findings.iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn each_way_to_fail_has_its_finding() {
        let http = |listening| Reached::Http(Box::new(listening));
        let closed = Opened::Closed { code: 1013, reason: "gateway starting".to_owned() };
        let refused = Opened::Refused { status: StatusCode::NOT_FOUND, said: Said::Other };
        let rows: Vec<(Reached, &[&str])> = vec![
            (http(healthy()), &[]),
            (Reached::Refused, &["gateway_refused"]),
            (Reached::Unresolved, &["gateway_unresolved"]),
            (Reached::TimedOut, &["gateway_timed_out"]),
            (Reached::Untrusted(distrust(TlsFault::UnknownIssuer)), &["gateway_untrusted"]),
            (Reached::Untrusted(distrust(TlsFault::OtherThanPinned)), &["gateway_other_certificate"]),
            (Reached::Untrusted(distrust(TlsFault::ClientCertificate)), &["gateway_wants_certificate"]),
            (Reached::Plain, &["gateway_speaks_tls"]),
            (Reached::Tls(None), &["gateway_speaks_tls"]),
            (Reached::Tls(Some(distrust(TlsFault::SelfSignedCa))), &["gateway_speaks_tls"]),
            (Reached::NotHttp, &["gateway_not_http"]),
            (Reached::Failed("no".to_owned()), &["gateway_failed"]),
            (
                http(Listening { healthy: Some(false), direct: refused.clone(), forwarded: refused, ..healthy() }),
                &["not_a_gateway"],
            ),
            // Another version may answer otherwise; what counts is that it opens a WebSocket.
            (http(Listening { healthy: Some(false), ready: Some(StatusCode::NOT_FOUND), ..healthy() }), &[]),
            (
                http(Listening {
                    ready: Some(StatusCode::SERVICE_UNAVAILABLE),
                    direct: closed.clone(),
                    forwarded: closed,
                    ..healthy()
                }),
                &["gateway_starting"],
            ),
            (
                http(Listening { direct: Opened::Silent, forwarded: Opened::Silent, ..healthy() }),
                &["gateway_no_websocket"],
            ),
            (http(Listening { direct: challenged(900), forwarded: challenged(800), ..healthy() }), &["gateway_slow"]),
            // One late frame is chance.
            (http(Listening { direct: challenged(900), ..healthy() }), &[]),
            (http(Listening { forwarded: attribution(), ..healthy() }), &["proxy_not_trusted"]),
            // A gateway takes a trusted address without forwarding headers for nobody.
            (http(Listening { direct: attribution(), ..healthy() }), &[]),
            (http(Listening { direct: attribution(), forwarded: attribution(), ..healthy() }), &["proxy_not_trusted"]),
            (http(Listening { direct: skewed(61), ..healthy() }), &["clock_skew"]),
            (http(Listening { direct: skewed(-86_400), ..healthy() }), &["clock_skew"]),
            (http(Listening { direct: skewed(59), ..healthy() }), &[]),
        ];
        for (reached, expected) in rows {
            assert_eq!(ids(reached.clone(), None), expected, "{reached:?}");
        }
    }

    #[test]
    fn the_gateways_own_file_tells_why_it_does_not_trust() {
        let refused = || Reached::Http(Box::new(Listening { forwarded: attribution(), ..healthy() }));
        let trusting = |list: &[&str]| Settings {
            trusted_proxies: list.iter().map(|one| (*one).to_owned()).collect(),
            ..Settings::default()
        };
        for (list, expected) in [
            (&[][..], "proxy_not_trusted"),
            (&["10.0.0.1"], "proxy_not_trusted"),
            (&["127.0.0.1"], "proxy_trust_not_in_effect"),
            (&["0.0.0.0/0"], "trusted_proxies_too_wide"),
        ] {
            assert_eq!(ids(refused(), Some(&trusting(list))), [expected], "{list:?}");
        }
    }

    #[test]
    fn the_fix_names_the_address_that_the_gateway_sees_and_keeps_the_others() {
        let settings = Settings { trusted_proxies: vec!["10.0.0.1".to_owned()], ..Settings::default() };
        let known = Known { file: Path::new("/o.json"), settings: &settings };
        let reached = Reached::Http(Box::new(Listening { forwarded: attribution(), ..healthy() }));
        let one = Gateway { upstream: Upstream::default(), reached };
        let mut diagnosis = Diagnosis::default();
        gateway(&mut diagnosis, &one, &backend(), None, Some(&known), (true, &Config::default()));
        let finding = &diagnosis.findings[0];
        assert_eq!(finding.severity, Severity::Broken);
        assert_eq!(finding.fix[1], r#"  {"gateway": {"trustedProxies": ["10.0.0.1","127.0.0.1"]}}"#);
        assert!(finding.edit.is_some());
        // Nobody comes from elsewhere: it works for those who come.
        let mut diagnosis = Diagnosis::default();
        gateway(&mut diagnosis, &one, &backend(), None, None, (false, &Config::default()));
        assert_eq!(diagnosis.findings[0].severity, Severity::Advice);
        let mut diagnosis = Diagnosis::default();
        let mut config = Config::default();
        config.forwarded.x_forwarded = false;
        gateway(&mut diagnosis, &one, &backend(), None, None, (true, &config));
        assert_eq!(diagnosis.findings[0].id, "no_x_forwarded");
    }

    #[test]
    fn a_refused_port_names_the_one_that_the_gateway_has() {
        let mut diagnosis = Diagnosis::default();
        let one = Gateway { upstream: Upstream::default(), reached: Reached::Refused };
        gateway(&mut diagnosis, &one, &backend(), Some(19001), None, (true, &Config::default()));
        assert_eq!(diagnosis.findings[0].fix[1], "  upstream: http://127.0.0.1:19001");
    }

    #[test]
    fn what_the_gateway_writes_is_fit_for_a_terminal() {
        let closed = Opened::Closed { code: 1008, reason: "\u{1b}[2Jno".to_owned() };
        assert_eq!(describe(&closed), "it opened and was closed with 1008 \"[2Jno\"");
    }
}
