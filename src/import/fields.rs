//! [`FieldDisposition`]: what becomes of the header fields that a proxy set, added and removed.

use super::draft::DraftHeaderRules;
use super::report::ImportVerdict;
use super::tree::{ImportRule, Origin, Part};

/// What a proxy put into a field, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// The field gets this text.
    Text(&'a str),
    /// The field gets the address of the client.
    Client,
    /// The field gets the name of a user that gave a password.
    User,
    /// The field gets the host that the client asked for, with its port.
    Host,
    /// The field gets what the client sent in the field of this name, in lower case.
    Field(&'a str),
    /// The field gets something else that differs from request to request.
    Other,
    /// The field is removed.
    Nothing,
}

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldDisposition {
    /// frontgate does not need the field, for this reason.
    NotNeeded(&'static str),
    /// The field was a mistake; the text says which, and what frontgate does.
    Wrong(&'static str),
    /// The field cannot be translated; the text says what to do.
    Dropped(&'static str),
    /// The field tells the gateway the user's name.
    User,
    /// The field is set to this text.
    Set(String),
    /// The field is removed.
    Remove,
    /// Strict-Transport-Security with this many seconds.
    Hsts(u64),
}

/// Puts what becomes of a field of requests into the rule. What differs from request to request is removed: no client
/// may claim it.
pub(super) fn set_request(rule: &mut ImportRule, origin: &Origin, name: &str, content: Content<'_>) {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        let text = "it is no name of a field".to_owned();
        return rule.say(origin, Part::Remark(ImportVerdict::Dropped, text));
    }
    let disposition = request(name, content);
    let forwarding = name.to_ascii_lowercase().starts_with("x-forwarded-");
    let rules = &mut rule.route.request_headers;
    let part = match &disposition {
        FieldDisposition::NotNeeded(why) => Part::Remark(ImportVerdict::NotNeeded, (*why).to_owned()),
        FieldDisposition::Wrong(why) => Part::Remark(ImportVerdict::Wrong, (*why).to_owned()),
        FieldDisposition::Dropped(why) if forwarding => Part::Remark(ImportVerdict::Dropped, (*why).to_owned()),
        FieldDisposition::Dropped(why) => {
            put(rules, name, &FieldDisposition::Remove);
            Part::Remark(ImportVerdict::Dropped, format!("{why}; no {name} of a client passes"))
        }
        FieldDisposition::User => Part::UserHeader(name.to_owned()),
        FieldDisposition::Set(_) | FieldDisposition::Remove => {
            put(rules, name, &disposition);
            Part::RequestHeader(name.to_owned())
        }
        FieldDisposition::Hsts(_) => return,
    };
    rule.say(origin, part);
}

/// Puts what becomes of a field of responses into the rule; the seconds for `tls.hsts`, if it is about that.
pub(super) fn set_response(rule: &mut ImportRule, origin: &Origin, name: &str, content: Content<'_>) -> Option<u64> {
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        let text = "it is no name of a field".to_owned();
        rule.say(origin, Part::Remark(ImportVerdict::Dropped, text));
        return None;
    }
    let disposition = response(name, content);
    let remark = |verdict, text: &str| Part::Remark(verdict, text.to_owned());
    let part = match &disposition {
        FieldDisposition::NotNeeded(why) => remark(ImportVerdict::NotNeeded, why),
        FieldDisposition::Wrong(why) => remark(ImportVerdict::Wrong, why),
        FieldDisposition::Dropped(why) => remark(ImportVerdict::Dropped, why),
        FieldDisposition::Hsts(_) => remark(ImportVerdict::Kept, "tls.hsts, for all names"),
        FieldDisposition::Set(_) | FieldDisposition::Remove | FieldDisposition::User => {
            put(&mut rule.route.response_headers, name, &disposition);
            Part::ResponseHeader(name.to_owned())
        }
    };
    rule.say(origin, part);
    if let FieldDisposition::Hsts(seconds) = disposition { Some(seconds) } else { None }
}

/// What becomes of a field of requests.
pub(super) fn request(name: &str, content: Content<'_>) -> FieldDisposition {
    use FieldDisposition::{Dropped, NotNeeded, Wrong};
    let name = name.to_ascii_lowercase();
    let fixed = matches!(content, Content::Text(_));
    match name.as_str() {
        "host" if content == Content::Host || content == Content::Field("host") => NotNeeded("Host goes on as it came"),
        "host" => Wrong(HOST),
        "upgrade" => NotNeeded("frontgate always forwards WebSocket upgrades"),
        "connection" => NotNeeded("frontgate writes it anew: `Upgrade` for a WebSocket, keep-alive for the rest"),
        "x-forwarded-for" | "x-real-ip" | "x-client-ip" | "true-client-ip" => match content {
            Content::Client => NotNeeded("frontgate sets X-Forwarded-For and X-Real-IP to the client's address"),
            Content::Nothing if name == "x-forwarded-for" => Wrong(NO_CLIENT),
            Content::Nothing => NotNeeded("frontgate sets X-Real-IP to the client's address and lets no other pass"),
            _ => Wrong(SPOOFABLE),
        },
        "x-forwarded-proto" | "x-forwarded-scheme" | "x-scheme" | "x-forwarded-ssl" | "front-end-https"
        | "x-url-scheme" => NotNeeded("frontgate sets X-Forwarded-Proto to what the client used"),
        "x-forwarded-host" | "x-forwarded-port" | "x-forwarded-server" | "x-original-host" | "via" => {
            NotNeeded("frontgate sets X-Forwarded-Host and X-Forwarded-Port")
        }
        "forwarded" => NotNeeded("forwarded.headers: [x-forwarded, forwarded] sends it, too"),
        "origin" => Wrong(ORIGIN),
        "te" | "trailer" | "transfer-encoding" | "keep-alive" | "content-length" | "proxy" => {
            NotNeeded("it belongs to one connection, or never passes")
        }
        _ if name.starts_with("proxy-") => NotNeeded("it never passes"),
        _ if name.starts_with("sec-websocket-") => NotNeeded("the WebSocket's handshake passes as it comes"),
        _ if name.starts_with("x-forwarded-") && content == Content::User => FieldDisposition::User,
        _ if name.starts_with("x-forwarded-") && content != Content::Nothing => {
            Dropped("only forwarding sets X-Forwarded-*, and no other passes: give the field another name")
        }
        _ if name.starts_with("x-forwarded-") => NotNeeded("no X-Forwarded-* of a client passes"),
        _ if content == Content::User => FieldDisposition::User,
        _ if name.starts_with("x-ssl-") || name.starts_with("ssl-client") || name.starts_with("ssl_client") => {
            Dropped(CLIENT_CERTIFICATE)
        }
        "x-request-id" if !fixed => NotNeeded("frontgate names each request in its log and its answer"),
        _ => match content {
            Content::Field(same) if same == name => NotNeeded("it passes as it comes"),
            Content::Text(text) if is_value(text) => FieldDisposition::Set(text.to_owned()),
            Content::Text(_) => Dropped("a value is printable ASCII"),
            Content::Nothing => FieldDisposition::Remove,
            _ => Dropped("request_headers take fixed text only"),
        },
    }
}

/// What becomes of a field of responses.
pub(super) fn response(name: &str, content: Content<'_>) -> FieldDisposition {
    use FieldDisposition::{Dropped, NotNeeded};
    match (name.to_ascii_lowercase().as_str(), content) {
        ("strict-transport-security", Content::Text(text)) => {
            max_age(text).map_or(Dropped("it has no max-age: set tls.hsts"), FieldDisposition::Hsts)
        }
        ("strict-transport-security", _) => NotNeeded("tls.hsts decides"),
        ("alt-svc", _) => NotNeeded("frontgate speaks HTTP/1.1 and HTTP/2"),
        ("server", Content::Nothing) => NotNeeded("frontgate adds no Server of its own; the gateway sends none"),
        ("connection" | "keep-alive" | "transfer-encoding" | "upgrade" | "content-length", _) => {
            Dropped("it belongs to one connection and is frontgate's own")
        }
        (_, Content::Nothing) => FieldDisposition::Remove,
        (_, Content::Text(text)) if is_value(text) && !text.is_empty() => FieldDisposition::Set(text.to_owned()),
        (_, Content::Text(_)) => Dropped("a value is printable ASCII"),
        _ => Dropped("response_headers take fixed text only"),
    }
}

/// Puts what becomes of the field `name` into `rules`; what the report says of it, and under which verdict.
pub(super) fn put(rules: &mut DraftHeaderRules, name: &str, disposition: &FieldDisposition) {
    rules.set.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    rules.remove.retain(|other| !other.eq_ignore_ascii_case(name));
    match disposition {
        FieldDisposition::Set(value) => rules.set.push((name.to_owned(), value.clone())),
        FieldDisposition::Remove => rules.remove.push(name.to_owned()),
        _ => {}
    }
}

/// Whether the value of the field of this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "token", "secret", "api-key", "password"].iter().any(|word| name.contains(word))
}

/// Whether a report leaves out what follows this word of a directive. A path is never the name of a field, and a
/// Set-Cookie from a file is no secret.
pub(super) fn hides_the_rest(word: &str) -> bool {
    is_secret(word) && !word.contains('/') && !word.eq_ignore_ascii_case("set-cookie")
}

fn is_value(text: &str) -> bool {
    text.trim() == text && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// The `max-age` of a Strict-Transport-Security, in seconds.
pub(super) fn max_age(value: &str) -> Option<u64> {
    let part = value.split(';').map(str::trim).find_map(|part| part.strip_prefix("max-age="))?;
    part.trim_matches('"').parse().ok()
}

const HOST: &str = "the gateway saw another Host than the browser asked for, and compares it with the page's origin. frontgate forwards \
                    Host as it came: list the origin in gateway.controlUi.allowedOrigins";
const NO_CLIENT: &str = "without it the gateway takes every browser for a local one and pairs it with admin rights. frontgate always \
                         sends the client's address";
const SPOOFABLE: &str = "a client could claim any address, even this machine's. frontgate sends the one that it sees; name the proxies \
                         in front of it in forwarded.trusted_proxies";
const ORIGIN: &str = "the gateway could not see which page opens a WebSocket: any website could, in a browser that has access. \
                      frontgate forwards Origin: list yours in gateway.controlUi.allowedOrigins";
const CLIENT_CERTIFICATE: &str =
    "frontgate tells the gateway in X-Client-Cert-Subject and X-Client-Cert-Fingerprint: change the name there";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_requests() {
        let is = |name, content, expected: fn(&FieldDisposition) -> bool| {
            let disposition = request(name, content);
            assert!(expected(&disposition), "{name} {content:?}: {disposition:?}");
        };
        is("Host", Content::Host, |disposition| matches!(disposition, FieldDisposition::NotNeeded(_)));
        is("Host", Content::Text("127.0.0.1"), |disposition| matches!(disposition, FieldDisposition::Wrong(_)));
        is("X-Forwarded-For", Content::Client, |disposition| matches!(disposition, FieldDisposition::NotNeeded(_)));
        is("X-Forwarded-For", Content::Field("x-forwarded-for"), |disposition| {
            matches!(disposition, FieldDisposition::Wrong(_))
        });
        is("X-Forwarded-For", Content::Nothing, |disposition| matches!(disposition, FieldDisposition::Wrong(_)));
        is("X-Forwarded-User", Content::User, |disposition| *disposition == FieldDisposition::User);
        is("X-Forwarded-Prefix", Content::Text("/a"), |disposition| {
            matches!(disposition, FieldDisposition::Dropped(_))
        });
        is("X-Team", Content::Text("blue"), |disposition| *disposition == FieldDisposition::Set("blue".into()));
        is("X-Team", Content::Nothing, |disposition| *disposition == FieldDisposition::Remove);
        is("X-Team", Content::Other, |disposition| matches!(disposition, FieldDisposition::Dropped(_)));
        is("X-Team", Content::Text("a\nb"), |disposition| matches!(disposition, FieldDisposition::Dropped(_)));
        is("Origin", Content::Nothing, |disposition| matches!(disposition, FieldDisposition::Wrong(_)));
    }

    #[test]
    fn reports_show_no_secrets() {
        for (word, hides) in [
            ("Authorization", true),
            ("Proxy-Authorization", true),
            ("cookie", true),
            ("X-OpenClaw-Token", true),
            ("X-Hook-Secret", true),
            ("X-Api-Key", true),
            ("Set-Cookie", false),
            ("X-Team", false),
            ("/token/", false),
            ("^/hooks/secret$", false),
        ] {
            assert_eq!(hides_the_rest(word), hides, "{word}");
        }
    }

    #[test]
    fn fields_of_responses() {
        let hsts = "max-age=63072000; includeSubDomains";
        assert_eq!(response("strict-transport-security", Content::Text(hsts)), FieldDisposition::Hsts(63_072_000));
        assert_eq!(response("X-A", Content::Text("b")), FieldDisposition::Set("b".into()));
        assert!(matches!(response("X-A", Content::Client), FieldDisposition::Dropped(_)));
    }
}
