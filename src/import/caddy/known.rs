//! What is known about directives and options that have no place in frontgate's config, and Caddy's units.

use std::time::Duration;

use crate::import::table::DirectiveClass::{Guarding, Lost, Needless, Translated};
use crate::import::table::{DirectiveClass, DirectiveRow, class};

/// What is known of a directive of a site.
pub(super) fn directive(name: &str) -> DirectiveClass {
    class(DIRECTIVES, name)
}

/// Whether a directive changes nothing for a request on its way.
pub(super) fn is_needless(name: &str) -> bool {
    matches!(directive(name), Needless(_) | Lost(_)) && DIRECTIVES.iter().any(|(known, _)| *known == name)
}

/// Why a directive shuts the route where it stands.
pub(super) fn why_guarding(name: &str) -> String {
    match name {
        "import" => "what it imports cannot be read here, and may keep clients out".to_owned(),
        name => format!("`{name}` may keep clients out, and no route has it"),
    }
}

/// What becomes of a global option, or of one of `servers`.
pub(super) fn option(name: &str) -> DirectiveClass {
    class(OPTIONS, name)
}

const LOG: DirectiveClass = Needless("each request and each WebSocket has a line on standard output: see `log`");
const ANSWERS: DirectiveClass = Lost("frontgate does not touch the gateway's answers");
const PROGRAM: DirectiveClass =
    Guarding("Keep a program in front that does it, and name its address in forwarded.trusted_proxies");

const DIRECTIVES: &[DirectiveRow] = &[
    ("handle", Translated),
    ("handle_path", Translated),
    ("route", Translated),
    ("invoke", Translated),
    ("abort", Translated),
    ("error", Translated),
    ("respond", Translated),
    ("redir", Translated),
    ("reverse_proxy", Translated),
    ("file_server", Translated),
    ("php_fastcgi", Translated),
    ("metrics", Translated),
    ("basic_auth", Translated),
    ("basicauth", Translated),
    ("header", Translated),
    ("request_header", Translated),
    ("rewrite", Translated),
    ("uri", Translated),
    ("method", Translated),
    ("try_files", Translated),
    ("bind", Translated),
    ("tls", Translated),
    ("request_body", Needless("limits.request_body and timeouts hold")),
    ("encode", Lost("the gateway compresses what it sends, and frontgate its text: see `compress`")),
    ("log", LOG),
    ("log_append", LOG),
    ("log_name", LOG),
    ("log_skip", LOG),
    ("skip_log", LOG),
    ("tracing", LOG),
    ("vars", Needless("a condition on variables shuts the route that has it")),
    ("map", Needless("a condition on variables shuts the route that has it")),
    ("root", Needless("frontgate serves no files")),
    ("fs", Needless("frontgate serves no files")),
    ("timeouts", Needless("timeouts holds for all routes")),
    ("templates", ANSWERS),
    ("push", ANSWERS),
    ("copy_response", ANSWERS),
    ("copy_response_headers", ANSWERS),
    ("intercept", ANSWERS),
    ("cache", ANSWERS),
    ("acme_server", Lost("frontgate's own CA serves no other program: such requests go to the gateway")),
    (
        "handle_errors",
        Lost(
            "frontgate has error pages of its own: what Caddy refuses here is refused with 401, 403 or 404, and without a gateway the answer is 502",
        ),
    ),
    ("import", Guarding("Import the config again where the file can be read")),
    ("forward_auth", Translated),
    ("crowdsec", PROGRAM),
    ("appsec", PROGRAM),
    ("coraza_waf", PROGRAM),
    ("waf", PROGRAM),
    ("defender", PROGRAM),
    ("jwt", PROGRAM),
    ("saml", PROGRAM),
    ("sso", PROGRAM),
];

const OPTIONS: &[DirectiveRow] = &[
    ("debug", Needless("log.level: debug, when it is needed")),
    ("storage*", Needless("frontgate keeps keys and certificates in state_dir")),
    ("key_type", RENEWS),
    ("preferred_chains", RENEWS),
    ("renew_interval", RENEWS),
    ("renewal_window_ratio", RENEWS),
    ("ocsp_*", RENEWS),
    ("cert_lifetime", RENEWS),
    ("skip_install_trust", OWN_CA),
    ("pki", OWN_CA),
    ("default_sni", SNI),
    ("fallback_sni", SNI),
    ("persist_config", Needless("frontgate's config is its file")),
    ("metrics", Needless("the admin address has /metrics")),
    ("events", NOTHING),
    ("layer4", NOTHING),
    ("dynamic_dns", NOTHING),
    ("filesystem", NOTHING),
    ("dns", NOTHING),
    ("ech", NOTHING),
    ("cert_issuer", Lost("set tls.certificate: acme, with tls.acme.directory")),
    ("strict_sni_host", Needless("a route is found by Host, and a client's certificate is checked before it")),
    ("log_credentials", NO_NEED),
    ("enable_full_duplex", NO_NEED),
    ("keepalive_*", NO_NEED),
    ("name", NO_NEED),
    ("0rtt", NO_NEED),
    ("experimental_http3", Needless("clients choose HTTP/2 or HTTP/1.1 by ALPN")),
];

const RENEWS: DirectiveClass = Needless("frontgate renews and staples by itself");
const OWN_CA: DirectiveClass = Needless("frontgate has a CA of its own, which only `frontgate trust` installs");
const SNI: DirectiveClass =
    Needless("a client that names no host gets the first certificate, or the one for the address");
const NOTHING: DirectiveClass = Lost("frontgate has nothing like it");
const NO_NEED: DirectiveClass = Needless("frontgate needs no such setting");

/// A time such as `30s`, `1m30s`, `2h`, `1d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, left) = behind.split_at(letters);
        let scale = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().ok()?;
        let tenths: u64 = part.chars().next().map_or(Some(0), |digit| digit.to_digit(10)).map(u64::from)?;
        millis = millis.checked_add(whole.checked_mul(scale)?)?.checked_add(tenths * scale / 10)?;
        rest = left;
    }
    (!text.is_empty()).then_some(Duration::from_millis(millis))
}

/// A size such as `10MB` or `8KiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        let times = [
            ("30s", Some(30_000)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("2d", Some(172_800_000)),
            ("5", None),
            ("", None),
        ];
        for (text, millis) in times {
            assert_eq!(duration(text).map(|time| time.as_millis()), millis, "{text}");
        }
        for (text, bytes) in [("10MB", Some(10_000_000)), ("8KiB", Some(8192)), ("100", Some(100)), ("x", None)] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}
