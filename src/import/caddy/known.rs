//! What is known about directives and options that have no place in frontgate's config, and Caddy's units.

use std::time::Duration;

/// What becomes of a directive or an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CaddyKnownDirective {
    NotNeeded(&'static str),
    Dropped(&'static str),
}

use CaddyKnownDirective::{Dropped, NotNeeded};

/// What becomes of a directive of a site.
pub(super) fn directive(name: &str) -> Option<CaddyKnownDirective> {
    find(DIRECTIVES, name)
}

/// What becomes of a global option, or of one of `servers`.
pub(super) fn option(name: &str) -> Option<CaddyKnownDirective> {
    find(OPTIONS, name)
}

fn find(table: &[(&str, CaddyKnownDirective)], name: &str) -> Option<CaddyKnownDirective> {
    table.iter().find(|(names, _)| names.split(' ').any(|one| one == name)).map(|(_, known)| *known)
}

const DIRECTIVES: &[(&str, CaddyKnownDirective)] = &[
    ("encode", Dropped("frontgate does not touch bodies: the gateway compresses what it sends")),
    (
        "log_append log_name log_skip skip_log tracing",
        NotNeeded("each request and each WebSocket has a line on standard output: see `log`"),
    ),
    ("metrics", Dropped("the admin address has /metrics")),
    ("templates push copy_response copy_response_headers intercept fs", Dropped("frontgate does not touch answers")),
    ("vars map method", Dropped("frontgate has no variables and changes no methods: write a route for what is needed")),
    (
        "rewrite uri try_files",
        Dropped("frontgate forwards the path as it came: set gateway.controlUi.basePath where a page needs a prefix"),
    ),
    ("handle_errors", Dropped("frontgate has error pages of its own, and passes the gateway's on")),
    ("acme_server", Dropped("frontgate's own CA serves no other program")),
    ("invoke", Dropped("frontgate has no named routes: write a route for what is needed")),
    (
        "rate_limit",
        Dropped("limits.connections_per_client and websocket.max_messages_per_minute are what frontgate has"),
    ),
    ("cache", Dropped("frontgate keeps no copies: an old page would not fit the gateway")),
    (
        "crowdsec coraza_waf appsec",
        Dropped("frontgate looks at no bodies: keep a filter in front, and name it in forwarded.trusted_proxies"),
    ),
    ("tls", NotNeeded("said above")),
];

const OPTIONS: &[(&str, CaddyKnownDirective)] = &[
    ("debug", NotNeeded("log.level: debug, when it is needed")),
    ("order", NotNeeded("frontgate's routes are in the order in which they are written")),
    ("storage storage_clean_interval", NotNeeded("frontgate keeps keys and certificates in state_dir")),
    (
        "key_type preferred_chains renew_interval ocsp_stapling ocsp_interval cert_lifetime",
        NotNeeded("frontgate renews and staples by itself"),
    ),
    ("skip_install_trust pki", NotNeeded("frontgate has a CA of its own, which only `frontgate trust` installs")),
    (
        "default_sni fallback_sni",
        NotNeeded("a client that names no host gets the first certificate, or the one for the address"),
    ),
    ("persist_config", NotNeeded("frontgate's config is its file")),
    ("metrics", NotNeeded("the admin address has /metrics")),
    ("events layer4 dynamic_dns filesystem", Dropped("frontgate has nothing like it")),
    ("cert_issuer", Dropped("set tls.certificate: acme, with tls.acme.directory")),
    (
        "strict_sni_host log_credentials enable_full_duplex keepalive_interval keepalive_idle keepalive_count name",
        NotNeeded("frontgate needs no such setting"),
    ),
    ("experimental_http3", NotNeeded("clients choose HTTP/2 or HTTP/1.1 by ALPN")),
];

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
