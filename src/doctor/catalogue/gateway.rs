//! What can be wrong with the gateway itself, or on the way to it.

use std::time::Duration;

use super::super::finding::Finding;
use super::super::plan::RouteNotation;
use super::super::probe::Distrust;
use super::{advice, broken};
use crate::config::{GatewayName, UpstreamAddress};
use crate::tls::{Fingerprint, TlsFault};

/// No program listens at the gateway's address. `elsewhere` is the port that the gateway's own configuration names.
pub(in crate::doctor) fn refused(upstream: &UpstreamAddress, elsewhere: Option<u16>) -> Finding {
    let mut fix = vec!["Start the gateway: openclaw gateway start (openclaw gateway status says how it is)".to_owned()];
    if let (Some(port), UpstreamAddress::Http { host, .. }) = (elsewhere, upstream) {
        let there = UpstreamAddress::Http { host: host.clone(), port };
        fix.insert(0, format!("Its openclaw.json says port {port}; in frontgate's config write:"));
        fix.insert(1, format!("  upstream: {there}"));
    }
    if let UpstreamAddress::Unix(_) = upstream {
        fix.push("OpenClaw itself listens on TCP only: is a unix socket what you mean?".to_owned());
    }
    let why = "Connections are refused: the gateway does not run, or listens elsewhere. In a container, 127.0.0.1 is the \
               container itself and not the machine around it.";
    broken("gateway_refused", format!("No process listens at {upstream}"), why, fix)
}

/// The gateway's name resolves to no address.
pub(in crate::doctor) fn unresolved(upstream: &UpstreamAddress) -> Finding {
    broken(
        "gateway_unresolved",
        format!("The name in {upstream} has no address"),
        "This machine's resolver does not know it.",
        "Correct `upstream` in frontgate's config, or write an address: for a gateway on this machine http://127.0.0.1:18789",
    )
}

/// The DNS gives no gateway for a name that stands for several.
pub(in crate::doctor) fn no_gateways(name: &GatewayName, why: &str) -> Finding {
    broken(
        "gateway_unresolved",
        format!("The DNS gives no gateway for {name}"),
        format!(
            "The lookup says: {why}. Requests wait for `hold` and fail, unless frontgate has had an answer before."
        ),
        "Correct the name in `upstreams`, or the server that is asked: that of /etc/resolv.conf, or `upstreams.NAME.resolver`",
    )
}

/// A connection to the gateway is neither accepted nor refused in time.
pub(in crate::doctor) fn timed_out(upstream: &UpstreamAddress) -> Finding {
    broken(
        "gateway_timed_out",
        format!("{upstream} does not answer"),
        "A connection was neither accepted nor refused within 2 s: a firewall drops it, the address is another machine's or \
         no machine's, or the gateway hangs.",
        "Look whether the machine is up and its firewall lets this one in; on the gateway's machine: openclaw gateway status",
    )
}

/// The connection to the gateway fails for another reason of the system's.
pub(in crate::doctor) fn failed(upstream: &UpstreamAddress, why: &str) -> Finding {
    let fix = "Correct `upstream` in frontgate's config, or what the system complains about";
    broken("gateway_failed", format!("No connection to {upstream}"), format!("The system says: {why}."), fix)
}

/// The certificate of an https gateway is not accepted.
pub(in crate::doctor) fn untrusted(
    upstream: &UpstreamAddress,
    distrust: &Distrust,
    writing: &RouteNotation,
) -> Finding {
    let Distrust { fault, why, seen } = distrust;
    if *fault == TlsFault::ClientCertificate {
        let mut fix = vec!["In frontgate's config:".to_owned()];
        fix.extend(writing.tls("{ client_cert: { cert: FILE, key: FILE } }", upstream));
        let what = format!("{upstream} wants to see a certificate of frontgate's");
        return broken("gateway_wants_certificate", what, format!("It ends the handshake without one: {why}."), fix);
    }
    let mut fix = pin(*seen, upstream, writing);
    if *fault == TlsFault::OtherThanPinned {
        let why = "`tls.pin` names one certificate, and this is another: the gateway has a new one, or something else answers \
                   in its place.";
        let what = format!("{upstream} shows another certificate than the pinned one");
        return broken("gateway_other_certificate", what, why, fix);
    }
    fix.push(
        "Or name the CA that signed it, for the name in the URL: `tls: { ca: FILE }` in the same place".to_owned(),
    );
    fix.push(
        "On one machine plain http needs no certificate: \"gateway\": {\"tls\": {\"enabled\": false}} in openclaw.json"
            .to_owned(),
    );
    let cause = match fault {
        TlsFault::SelfSignedCa => {
            " It signed itself and says CA:TRUE, as the gateway's own does that it makes for gateway.tls.enabled: no trust store \
             makes that a server's certificate, a pin does."
        }
        TlsFault::UnknownIssuer => " Nothing that this system trusts has signed it.",
        TlsFault::WrongName => " It is for another name; `tls: { server_name: NAME }` asks for that one.",
        TlsFault::Expired | TlsFault::NotYetValid => " Renew it, or correct the clocks.",
        _ => "",
    };
    broken(
        "gateway_untrusted",
        format!("The certificate of {upstream} is not accepted"),
        format!("frontgate verifies https gateways as this system does, and this one fails: {why}.{cause}"),
        fix,
    )
}

/// How to accept the certificate that was seen, and no other.
fn pin(seen: Option<Fingerprint>, upstream: &UpstreamAddress, writing: &RouteNotation) -> Vec<String> {
    let (fingerprint, shown) = match seen {
        Some(seen) => (seen.to_string(), format!("It showed the certificate with the SHA-256 {seen}.")),
        None => ("FINGERPRINT".to_owned(), "Find out its fingerprint.".to_owned()),
    };
    let mut fix = vec![
        format!(
            "{shown} Compare that on the gateway's machine (its own is at ~/.openclaw/gateway/tls/gateway-cert.pem):"
        ),
        "  openssl x509 -noout -fingerprint -sha256 -in FILE".to_owned(),
        "If it is the same, pin it in frontgate's config:".to_owned(),
    ];
    fix.extend(writing.tls(&format!("{{ pin: \"{fingerprint}\" }}"), upstream));
    fix
}

/// https was configured and http is spoken, or the other way round. `refused`: what speaks TLS there shows a
/// certificate that this system does not accept.
pub(in crate::doctor) fn wrong_scheme(
    upstream: &UpstreamAddress,
    refused: Option<&(&Distrust, RouteNotation)>,
) -> Finding {
    let (id, speaks, right) = match upstream {
        UpstreamAddress::Http { host, port } => (
            "gateway_speaks_tls",
            "TLS, and frontgate speaks plain HTTP",
            UpstreamAddress::Https { host: host.clone(), port: *port },
        ),
        UpstreamAddress::Https { host, port } => (
            "gateway_speaks_plain",
            "plain HTTP, and frontgate speaks TLS",
            UpstreamAddress::Http { host: host.clone(), port: *port },
        ),
        UpstreamAddress::Unix(_) => ("gateway_speaks_tls", "TLS, and frontgate speaks plain HTTP", upstream.clone()),
    };
    let mut fix = match refused {
        Some((distrust, writing)) => pin(distrust.seen, &right, writing),
        None => vec!["In frontgate's config write:".to_owned(), format!("  upstream: {right}")],
    };
    if id == "gateway_speaks_tls" {
        fix.push(
            "Or let frontgate alone do TLS: \"gateway\": {\"tls\": {\"enabled\": false}} in openclaw.json".to_owned(),
        );
    }
    broken(id, format!("{upstream} speaks {speaks}"), "Neither understands the other, so every request fails.", fix)
}

/// The program that listens at the gateway's address does not speak HTTP.
pub(in crate::doctor) fn not_http(upstream: &UpstreamAddress) -> Finding {
    broken(
        "gateway_not_http",
        format!("What listens at {upstream} does not speak HTTP"),
        "It accepts connections, and answers no request in HTTP. It is another program, or a gateway that hangs.",
        "See which process listens there (ss -ltnp), and correct `upstream` in frontgate's config or restart the gateway",
    )
}

/// The program at the gateway's address speaks HTTP and is no gateway.
pub(in crate::doctor) fn not_a_gateway(upstream: &UpstreamAddress) -> Finding {
    broken(
        "not_a_gateway",
        format!("What listens at {upstream} is not an OpenClaw gateway"),
        "It speaks HTTP, but its /healthz is not a gateway's and a WebSocket there does not begin with connect.challenge.",
        "See which process listens there (ss -ltnp); the gateway's port is `gateway.port` in its openclaw.json, 18789 by default",
    )
}

/// The gateway is up and not ready.
pub(in crate::doctor) fn starting(upstream: &UpstreamAddress, failing: &[String]) -> Finding {
    let waiting = if failing.is_empty() { String::new() } else { format!(" It waits for: {}.", failing.join(", ")) };
    broken(
        "gateway_starting",
        format!("The gateway at {upstream} is not ready"),
        format!("Its /readyz says so; until then it closes WebSockets with 1013 \"gateway starting\".{waiting}"),
        "Wait: it takes seconds to a minute. If it stays like this: openclaw logs, openclaw doctor",
    )
}

/// The gateway refuses a WebSocket or ends it at once.
pub(in crate::doctor) fn no_websocket(upstream: &UpstreamAddress, saw: &str) -> Finding {
    broken(
        "gateway_no_websocket",
        format!("The gateway at {upstream} opens no WebSocket"),
        format!("Asked directly, past frontgate: {saw}."),
        "Look into the gateway's log (openclaw logs), restart it (openclaw gateway restart)",
    )
}

/// The gateway's first frame is late.
pub(in crate::doctor) fn slow(upstream: &UpstreamAddress, after: Duration) -> Finding {
    broken(
        "gateway_slow",
        format!("The gateway at {upstream} takes {} ms for its first frame", after.as_millis()),
        "The Control UI waits 750 ms for connect.challenge. When it comes later, the UI connects without a nonce, is closed with \
         1008 and tries again, for ever. Asked directly, past frontgate: it is the gateway that is busy, or its machine too small.",
        "Wait if it has just started; else look what keeps it busy: openclaw logs, top",
    )
}

/// The gateway has no token or password to compare with.
pub(in crate::doctor) fn no_secret(upstream: &UpstreamAddress) -> Finding {
    broken(
        "gateway_no_secret",
        format!("The gateway at {upstream} has no token or password set"),
        "Its auth mode asks for one and it has none to compare with, so no client can log in.",
        "On the gateway's machine: openclaw doctor --generate-gateway-token, then restart it",
    )
}

/// The gateway's clock differs from this machine's.
pub(in crate::doctor) fn clock_skew(upstream: &UpstreamAddress, seconds: i64) -> Finding {
    let (amount, direction) = (seconds.unsigned_abs(), if seconds > 0 { "ahead of" } else { "behind" });
    advice(
        "clock_skew",
        format!("The clock of the gateway at {upstream} is {amount} s {direction} this machine's"),
        "The gateway accepts a device's signature for 120 s by its own clock. Browsers whose clock is right are refused with 1008 \
         \"device signature expired\" when the gateway's is wrong.",
        "Let both machines keep time: timedatectl set-ntp true",
    )
}
