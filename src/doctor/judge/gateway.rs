//! What a gateway's answers mean.

use std::time::Duration;

use http::StatusCode;

use super::PATIENCE_OF_THE_UI;
use crate::config::Config;
use crate::doctor::catalogue::settings::KnownSettings;
use crate::doctor::catalogue::{gateway as found, settings as catalogue};
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::plan::{ELSEWHERE, RouteNotation};
use crate::doctor::planned::PlannedGateway;
use crate::doctor::probe::{ConnectAnswer, GatewayReach, Listening, OpenedSocket, ProbedGateway, RefusalSubject};
use crate::doctor::settings::net;

/// Judges the gateway of `backend`. `port` is the one that the gateway's own configuration names, `needed` whether
/// clients come from other machines. Returns how long the first frame took if a WebSocket opens as it should.
pub(in crate::doctor) fn gateway(
    diagnosis: &mut Diagnosis,
    gateway: &ProbedGateway,
    backend: &PlannedGateway,
    port: Option<u16>,
    known: Option<&KnownSettings<'_>>,
    (needed, config): (bool, &Config),
) -> Option<Duration> {
    let (upstream, x_forwarded) = (&gateway.upstream, config.forwarded.x_forwarded);
    let finding = match &gateway.reached {
        GatewayReach::Http(listening) => {
            diagnosis.checked(format!("{upstream} accepts connections and speaks HTTP"), CheckOutcome::Good, "");
            return listening_gateway(diagnosis, gateway, listening, known, needed, x_forwarded);
        }
        GatewayReach::Refused => found::refused(upstream, port),
        GatewayReach::Unresolved => found::unresolved(upstream),
        GatewayReach::TimedOut => found::timed_out(upstream),
        GatewayReach::Untrusted(distrust) => found::untrusted(upstream, distrust, &RouteNotation::of(backend, config)),
        GatewayReach::Plain => found::wrong_scheme(upstream, None),
        GatewayReach::Tls(refused) => {
            let refused = refused.as_ref().map(|refused| (refused, RouteNotation::of(backend, config)));
            found::wrong_scheme(upstream, refused.as_ref())
        }
        GatewayReach::NotHttp => found::not_http(upstream),
        GatewayReach::Failed(why) => found::failed(upstream, why),
    };
    diagnosis.checked(format!("{upstream} accepts connections and speaks HTTP"), CheckOutcome::Bad, &finding.what);
    diagnosis.found(finding);
    None
}

fn listening_gateway(
    diagnosis: &mut Diagnosis,
    gateway: &ProbedGateway,
    listening: &Listening,
    known: Option<&KnownSettings<'_>>,
    needed: bool,
    x_forwarded: bool,
) -> Option<Duration> {
    let upstream = &gateway.upstream;
    let times: Vec<_> = [&listening.direct, &listening.forwarded].into_iter().filter_map(after).collect();
    let what = format!("{upstream} is a gateway and ready");
    if listening.healthy == Some(false) && times.is_empty() {
        diagnosis.checked(what, CheckOutcome::Bad, "its /healthz is not a gateway's");
        diagnosis.found(found::not_a_gateway(upstream));
        return None;
    }
    let starting = listening.ready.is_some_and(|status| status == StatusCode::SERVICE_UNAVAILABLE);
    if starting || listening.healthy.is_none() {
        diagnosis.checked(what, CheckOutcome::Bad, "its /readyz says that it is not");
        diagnosis.found(found::starting(upstream, &listening.failing));
    } else {
        diagnosis.checked(what, CheckOutcome::Good, "");
    }
    trust(diagnosis, gateway, listening, known, needed, x_forwarded);
    let what = format!("{upstream} opens a WebSocket and sends connect.challenge");
    let Some(fastest) = times.iter().min().copied() else {
        if !starting && !is_attribution(&listening.direct) {
            diagnosis.checked(what, CheckOutcome::Bad, describe(&listening.direct));
            diagnosis.found(found::no_websocket(upstream, &describe(&listening.direct)));
        }
        return None;
    };
    if fastest > PATIENCE_OF_THE_UI {
        diagnosis.checked(what, CheckOutcome::Bad, format!("{} ms", fastest.as_millis()));
        diagnosis.found(found::slow(upstream, fastest));
    } else {
        diagnosis.checked(what, CheckOutcome::Good, format!("{} ms", fastest.as_millis()));
    }
    let sockets =
        || listening.origins.iter().map(|(_, opened)| opened).chain([&listening.direct, &listening.forwarded]);
    if sockets().any(|one| matches!(one, OpenedSocket::Challenged { answered: ConnectAnswer::NoSecret, .. })) {
        diagnosis.found(found::no_secret(upstream));
    }
    let ahead = sockets().find_map(|one| match one {
        OpenedSocket::Challenged { ahead, .. } => *ahead,
        _ => None,
    });
    if let Some(ahead) = ahead.filter(|ahead| ahead.abs() > CLOCKS_APART) {
        diagnosis.found(found::clock_skew(upstream, ahead.whole_seconds()));
    }
    Some(fastest)
}

/// Judges whether the gateway believes what frontgate says of its clients.
fn trust(
    diagnosis: &mut Diagnosis,
    gateway: &ProbedGateway,
    listening: &Listening,
    known: Option<&KnownSettings<'_>>,
    needed: bool,
    x_forwarded: bool,
) {
    let upstream = &gateway.upstream;
    let what = format!("{upstream} believes frontgate about its clients' addresses");
    if !is_attribution(&listening.forwarded) {
        if after(&listening.forwarded).is_some() {
            diagnosis.checked(what, CheckOutcome::Good, "");
        }
        return;
    }
    diagnosis.checked(what, CheckOutcome::Bad, "403 proxy_attribution_required");
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
pub(super) fn after(opened: &OpenedSocket) -> Option<Duration> {
    match opened {
        OpenedSocket::Challenged { after, .. } => Some(*after),
        _ => None,
    }
}

pub(super) fn is_attribution(opened: &OpenedSocket) -> bool {
    matches!(opened, OpenedSocket::Refused { said: RefusalSubject::Attribution, .. })
}

/// How a WebSocket opened, in words.
pub(super) fn describe(opened: &OpenedSocket) -> String {
    match opened {
        OpenedSocket::Challenged { after, .. } => format!("connect.challenge came after {} ms", after.as_millis()),
        OpenedSocket::Silent => "it opened, and no frame came within 2.5 s".to_owned(),
        OpenedSocket::Other => "it opened, and its first frame was not connect.challenge".to_owned(),
        OpenedSocket::Closed { code, reason } if reason.is_empty() => format!("it opened and was closed with {code}"),
        OpenedSocket::Closed { code, reason } => {
            let reason: String = reason.chars().filter(|c| !c.is_control()).take(120).collect();
            format!("it opened and was closed with {code} \"{reason}\"")
        }
        OpenedSocket::Refused { status, said: RefusalSubject::Attribution } => {
            format!("{} proxy_attribution_required", status.as_u16())
        }
        OpenedSocket::Refused { status, .. } => format!("status {}", status.as_u16()),
        OpenedSocket::Nothing => "there was no answer".to_owned(),
    }
}

/// A device's signature is good for 120 s; half of that is a fault that shows now and then.
const CLOCKS_APART: time::Duration = time::Duration::seconds(60);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::UpstreamAddress;
    use crate::doctor::finding::FindingSeverity;
    use crate::doctor::plan::DoctorPlan;
    use crate::doctor::probe::{Distrust, MachineLimits};
    use crate::doctor::settings::GatewaySettings;
    use crate::tls::{Fingerprint, TlsFault};

    fn backend() -> PlannedGateway {
        let plan = DoctorPlan::new(&Config::default(), &[], &machine());
        plan.backends[0].clone()
    }

    fn machine() -> MachineLimits {
        MachineLimits { addresses: Vec::new(), container: false, now: time::OffsetDateTime::UNIX_EPOCH }
    }

    fn distrust(fault: TlsFault) -> Distrust {
        Distrust { fault, why: "UnknownIssuer".to_owned(), seen: Some(Fingerprint::of(b"abc")) }
    }

    fn challenged(ms: u64) -> OpenedSocket {
        OpenedSocket::Challenged { after: Duration::from_millis(ms), ahead: None, answered: ConnectAnswer::NotAsked }
    }

    fn skewed(seconds: i64) -> OpenedSocket {
        let ahead = Some(time::Duration::seconds(seconds));
        OpenedSocket::Challenged { after: Duration::ZERO, ahead, answered: ConnectAnswer::NotAsked }
    }

    fn attribution() -> OpenedSocket {
        OpenedSocket::Refused { status: StatusCode::FORBIDDEN, said: RefusalSubject::Attribution }
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

    fn ids(reached: GatewayReach, settings: Option<&GatewaySettings>) -> Vec<&'static str> {
        let mut diagnosis = Diagnosis::default();
        let known = settings.map(|settings| KnownSettings { file: Path::new("/o.json"), settings });
        let one = ProbedGateway { upstream: UpstreamAddress::default(), reached };
        gateway(&mut diagnosis, &one, &backend(), None, known.as_ref(), (true, &Config::default()));
        let bad = diagnosis.checks.iter().any(|check| check.outcome == CheckOutcome::Bad);
        assert!(
            bad || diagnosis.findings.iter().all(|finding| finding.id == "clock_skew"),
            "a finding shows in the checks"
        );
        diagnosis.findings.iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn each_way_to_fail_has_its_finding() {
        let http = |listening| GatewayReach::Http(Box::new(listening));
        let closed = OpenedSocket::Closed { code: 1013, reason: "gateway starting".to_owned() };
        let refused = OpenedSocket::Refused { status: StatusCode::NOT_FOUND, said: RefusalSubject::Other };
        let rows: Vec<(GatewayReach, &[&str])> = vec![
            (http(healthy()), &[]),
            (GatewayReach::Refused, &["gateway_refused"]),
            (GatewayReach::Unresolved, &["gateway_unresolved"]),
            (GatewayReach::TimedOut, &["gateway_timed_out"]),
            (GatewayReach::Untrusted(distrust(TlsFault::UnknownIssuer)), &["gateway_untrusted"]),
            (GatewayReach::Untrusted(distrust(TlsFault::OtherThanPinned)), &["gateway_other_certificate"]),
            (GatewayReach::Untrusted(distrust(TlsFault::ClientCertificate)), &["gateway_wants_certificate"]),
            (GatewayReach::Plain, &["gateway_speaks_tls"]),
            (GatewayReach::Tls(None), &["gateway_speaks_tls"]),
            (GatewayReach::Tls(Some(distrust(TlsFault::SelfSignedCa))), &["gateway_speaks_tls"]),
            (GatewayReach::NotHttp, &["gateway_not_http"]),
            (GatewayReach::Failed("no".to_owned()), &["gateway_failed"]),
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
                http(Listening { direct: OpenedSocket::Silent, forwarded: OpenedSocket::Silent, ..healthy() }),
                &["gateway_no_websocket"],
            ),
            (http(Listening { direct: challenged(900), forwarded: challenged(800), ..healthy() }), &["gateway_slow"]),
            // One late frame is chance.
            (http(Listening { direct: challenged(900), ..healthy() }), &[]),
            (http(Listening { forwarded: attribution(), ..healthy() }), &["proxy_not_trusted"]),
            // A gateway never takes a trusted address without forwarding headers for a client.
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
        let refused = || GatewayReach::Http(Box::new(Listening { forwarded: attribution(), ..healthy() }));
        let trusting = |list: &[&str]| GatewaySettings {
            trusted_proxies: list.iter().map(|one| (*one).to_owned()).collect(),
            ..GatewaySettings::default()
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
        let settings = GatewaySettings { trusted_proxies: vec!["10.0.0.1".to_owned()], ..GatewaySettings::default() };
        let known = KnownSettings { file: Path::new("/o.json"), settings: &settings };
        let reached = GatewayReach::Http(Box::new(Listening { forwarded: attribution(), ..healthy() }));
        let one = ProbedGateway { upstream: UpstreamAddress::default(), reached };
        let mut diagnosis = Diagnosis::default();
        gateway(&mut diagnosis, &one, &backend(), None, Some(&known), (true, &Config::default()));
        let finding = &diagnosis.findings[0];
        assert_eq!(finding.severity, FindingSeverity::Broken);
        assert_eq!(finding.fix[1], r#"  {"gateway": {"trustedProxies": ["10.0.0.1","127.0.0.1"]}}"#);
        assert!(finding.edit.is_some());
        // No client comes from another machine: it works for all that there are.
        let mut diagnosis = Diagnosis::default();
        gateway(&mut diagnosis, &one, &backend(), None, None, (false, &Config::default()));
        assert_eq!(diagnosis.findings[0].severity, FindingSeverity::Advice);
        let mut diagnosis = Diagnosis::default();
        let mut config = Config::default();
        config.forwarded.x_forwarded = false;
        gateway(&mut diagnosis, &one, &backend(), None, None, (true, &config));
        assert_eq!(diagnosis.findings[0].id, "no_x_forwarded");
    }

    #[test]
    fn a_refused_port_names_the_one_that_the_gateway_has() {
        let mut diagnosis = Diagnosis::default();
        let one = ProbedGateway { upstream: UpstreamAddress::default(), reached: GatewayReach::Refused };
        gateway(&mut diagnosis, &one, &backend(), Some(19001), None, (true, &Config::default()));
        assert_eq!(diagnosis.findings[0].fix[1], "  upstream: http://127.0.0.1:19001");
    }

    #[test]
    fn what_the_gateway_writes_is_fit_for_a_terminal() {
        let closed = OpenedSocket::Closed { code: 1008, reason: "\u{1b}[2Jno".to_owned() };
        assert_eq!(describe(&closed), "it opened and was closed with 1008 \"[2Jno\"");
    }
}
