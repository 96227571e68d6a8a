//! Header fields: what `proxy_set_header`, `proxy_hide_header` and `add_header` do.

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::units;
use super::variables::{Maps, Resolved, first_variable};
use crate::import::draft::DraftHeaderRules;
use crate::import::report::ImportReport;

/// What is done to the fields of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NginxRequests {
    pub(super) rules: DraftHeaderRules,
    /// The field that tells the gateway the user's name.
    pub(super) user_header: Option<String>,
    /// Which of the fields that matter are set at all.
    pub(super) has_host: bool,
    pub(super) has_upgrade: bool,
    pub(super) has_client: bool,
}

/// What `proxy_set_header` does in `scope`.
pub(super) fn requests(scope: &NginxScope<'_>, maps: &Maps<'_>, report: &mut ImportReport) -> NginxRequests {
    let mut found = NginxRequests::default();
    for directive in scope.all("proxy_set_header") {
        let name = directive.first();
        let value = directive.args.get(1).map_or("", String::as_str);
        let lower = name.to_ascii_lowercase();
        found.has_host |= lower == "host";
        found.has_upgrade |= lower == "upgrade" && !value.is_empty();
        found.has_client |= matches!(lower.as_str(), "x-forwarded-for" | "x-real-ip") && !value.is_empty();
        let (place, shown) = (&directive.place, shown(directive, &lower));
        match disposition(&lower, value) {
            NginxDisposition::NotNeeded(why) => report.not_needed(place, &shown, why),
            NginxDisposition::Wrong(instead) => report.wrong(place, &shown, instead),
            NginxDisposition::Dropped(remedy) => report.dropped(place, &shown, remedy),
            NginxDisposition::User => {
                found.user_header = Some(name.to_owned());
                report.kept(place, &shown, "auth: user_header");
            }
            NginxDisposition::Free => match maps.resolve(value, scope) {
                Resolved::Text(value) if value.trim().is_empty() => {
                    push_once(&mut found.rules.remove, name);
                    report.kept(place, &shown, "request_headers: remove");
                }
                Resolved::Text(value) if is_value(&value) => {
                    found.rules.set.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                    found.rules.set.push((name.to_owned(), value));
                    report.kept(place, &shown, "request_headers: set");
                }
                Resolved::Text(_) => report.dropped(place, &shown, "a value is printable ASCII"),
                Resolved::ByHost(..) | Resolved::Unknown(_) => {
                    let remedy = "request_headers take fixed text only; the gateway gets the field as the client sends it, if it does";
                    report.dropped(place, &shown, remedy);
                }
            },
        }
    }
    found
}

/// What becomes of a field of a request.
enum NginxDisposition {
    NotNeeded(&'static str),
    Wrong(&'static str),
    Dropped(&'static str),
    User,
    Free,
}

/// What becomes of a field, by its name and value.
fn disposition(name: &str, value: &str) -> NginxDisposition {
    use NginxDisposition::{Dropped, Free, NotNeeded, User, Wrong};
    if value == "$remote_user" {
        return if name == "x-real-ip" { Dropped("no user is an address") } else { User };
    }
    match name {
        "host" => match value {
            "$http_host" => NotNeeded("Host goes on as it came"),
            "$host" | "$host:$server_port" | "$host:$port" => Wrong(
                "`$host` has no port and is lower case: behind any port but 443 the gateway's check of the origin fails. frontgate \
                 forwards Host as it came",
            ),
            "$proxy_host" | "$proxy_http_host" => Wrong(
                "the gateway saw its own address as Host, so its check of the origin fails. frontgate forwards Host as it came",
            ),
            _ => Wrong(
                "the gateway saw another Host than the browser asked for; it compares it with the page's origin. frontgate forwards \
                 Host as it came: list the origin in gateway.controlUi.allowedOrigins",
            ),
        },
        "upgrade" => NotNeeded("frontgate always forwards WebSocket upgrades"),
        "connection" => NotNeeded("frontgate writes it anew: `Upgrade` for a WebSocket, keep-alive for the rest"),
        "x-forwarded-for" => match value {
            "$remote_addr" | "$realip_remote_addr" => NotNeeded("frontgate sets it to the client's address"),
            "$proxy_add_x_forwarded_for" | "$http_x_forwarded_for" => Wrong(
                "a client could begin the list and pass for any other, even for this machine. frontgate sends the client's own address \
                 only; proxies in front of it belong in forwarded.trusted_proxies",
            ),
            "" => Wrong(
                "without it the gateway takes every browser for a local one and pairs it with admin rights. frontgate always sends \
                 the client's address",
            ),
            _ => Wrong("not the address of the client. frontgate sends that one"),
        },
        "x-real-ip" => match value {
            "$remote_addr" => NotNeeded("frontgate sets it to the client's address"),
            _ => Wrong(
                "a client could claim any address. frontgate sends the one it sees; name the proxies in front of it in forwarded.trusted_proxies",
            ),
        },
        "x-forwarded-proto" | "x-forwarded-scheme" | "x-scheme" | "x-forwarded-ssl" | "front-end-https" => {
            match value {
                "$http_x_forwarded_proto" | "$the_scheme" | "$proxy_x_forwarded_proto" => {
                    NotNeeded("frontgate sets X-Forwarded-Proto, and believes only forwarded.trusted_proxies")
                }
                _ => NotNeeded("frontgate sets X-Forwarded-Proto"),
            }
        }
        "x-forwarded-host"
        | "x-forwarded-port"
        | "x-forwarded-server"
        | "x-original-forwarded-for"
        | "x-client-ip"
        | "true-client-ip"
        | "via"
        | "x-original-host" => NotNeeded("frontgate sets X-Forwarded-Host and X-Forwarded-Port"),
        "forwarded" => NotNeeded("forwarded.headers: [x-forwarded, forwarded] sends it, too"),
        "origin" => Wrong(
            "the gateway could not see which page opens a WebSocket: any website could, in a browser that has access. frontgate forwards \
             Origin: list yours in gateway.controlUi.allowedOrigins",
        ),
        "te" | "trailer" | "transfer-encoding" | "keep-alive" | "content-length" | "http2-settings" => {
            NotNeeded("it belongs to one connection")
        }
        _ if name.starts_with("proxy-") => NotNeeded("it never passes"),
        _ if name.starts_with("sec-websocket-") => NotNeeded("the WebSocket's handshake passes as it comes"),
        _ if name.starts_with("x-forwarded-") && value.is_empty() => {
            NotNeeded("frontgate deletes what a client sends of X-Forwarded-*")
        }
        "proxy" => NotNeeded("only CGI programs would take it for a setting"),
        _ if name.starts_with("x-forwarded-") => {
            Dropped("only forwarding sets X-Forwarded-*; frontgate strips no prefix, so the gateway needs none of it")
        }
        _ if value.starts_with("$ssl_client_") => Dropped(
            "frontgate tells the gateway in X-Client-Cert-Subject and X-Client-Cert-Fingerprint: change the name there",
        ),
        "x-request-id" if value == "$request_id" => NotNeeded("frontgate names each request in its log and its answer"),
        _ if passes(name, value) => NotNeeded("it passes as it comes"),
        _ => Free,
    }
}

/// Whether the value is what the client sent under the same name.
fn passes(name: &str, value: &str) -> bool {
    value.strip_prefix("$http_").is_some_and(|variable| variable == name.replace('-', "_"))
        || matches!((name, value), ("content-type", "$content_type"))
}

/// What happens to the fields of responses in `scope`; the longest Strict-Transport-Security is the second.
pub(super) fn responses(scope: &NginxScope<'_>, report: &mut ImportReport) -> (DraftHeaderRules, Option<u64>) {
    let (mut rules, mut hsts) = (DraftHeaderRules::default(), None);
    for directive in scope.all("proxy_hide_header") {
        let (place, shown) = (&directive.place, directive.shown());
        if directive.first().eq_ignore_ascii_case("strict-transport-security") {
            report.not_needed(place, &shown, "tls.hsts decides");
        } else {
            push_once(&mut rules.remove, directive.first());
            report.kept(place, &shown, "response_headers: remove");
        }
    }
    for directive in scope.all("add_header") {
        let (name, value) = (directive.first(), directive.args.get(1).map_or("", String::as_str));
        let (place, shown) = (&directive.place, directive.shown());
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "strict-transport-security" => match max_age(value) {
                Some(seconds) => {
                    hsts = hsts.max(Some(seconds));
                    let what = "tls.hsts, for frontgate's own names without includeSubDomains and preload";
                    report.kept(place, &shown, if value.contains(';') { what } else { "tls.hsts" });
                }
                None => report.dropped(place, &shown, "it has no max-age: set tls.hsts"),
            },
            "alt-svc" => report.not_needed(place, &shown, "frontgate speaks HTTP/1.1 and HTTP/2"),
            "connection" | "keep-alive" | "transfer-encoding" | "upgrade" | "content-length" => {
                report.dropped(place, &shown, "it belongs to one connection and is frontgate's own");
            }
            _ if first_variable(value).is_some() => {
                report.dropped(place, &shown, "response_headers take fixed text only");
            }
            _ if value.is_empty() || !is_value(value) => {
                report.not_needed(place, &shown, "it has no value that can be sent");
            }
            _ => {
                rules.set.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                rules.set.push((name.to_owned(), value.to_owned()));
                rules.remove.retain(|other| !other.eq_ignore_ascii_case(name));
                report.kept(place, &shown, "response_headers: set, in place of the gateway's own");
            }
        }
    }
    (rules, hsts)
}

fn max_age(value: &str) -> Option<u64> {
    let part = value.split(';').map(str::trim).find_map(|part| part.strip_prefix("max-age="))?;
    part.trim_matches('"').parse().ok()
}

/// Whether a field may carry this text.
pub(super) fn is_value(text: &str) -> bool {
    text.trim() == text && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

fn push_once(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
        names.push(name.to_owned());
    }
}

/// The directive as the report shows it, without what may be a secret.
fn shown(directive: &NginxDirective, name: &str) -> String {
    let secret = ["auth", "cookie", "token", "secret", "key", "password"].iter().any(|word| name.contains(word));
    let fixed = directive.args.get(1).is_some_and(|value| !value.is_empty() && !value.starts_with('$'));
    if secret && fixed { format!("{} {} …", directive.name, directive.first()) } else { directive.shown() }
}

/// The size of `N SIZE` as in `large_client_header_buffers`.
pub(super) fn buffers(directive: &NginxDirective) -> Option<u64> {
    let number: u64 = directive.first().parse().ok()?;
    number.checked_mul(units::size(directive.args.get(1)?)?)
}
