//! What the close codes of a WebSocket mean between a Control UI, frontgate and a gateway, and what to do.

/// The meaning of a close code, or of a close code with a certain reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CodeExplanation {
    /// The close code as a browser reports it: 1006 stands for an end without a Close frame.
    pub(crate) code: u16,
    /// How the reason begins, or a word of it; empty for any other reason.
    pub(crate) reason: &'static str,
    /// Which peer sends it, and when.
    pub(crate) means: &'static str,
    /// What the operator can do.
    pub(crate) fix: &'static str,
}

/// All close codes that are known, grouped by code; of one code, the entries with a reason come first.
pub(crate) const ALL: &[CodeExplanation] = &[
    it(
        1000,
        "",
        "Normal end; from the gateway without a reason: the client sent no `connect` within 15 s.",
        "Reload the page. If it comes back, something holds up frames: frontgate doctor measures how long the first one takes.",
    ),
    it(
        1001,
        "proxy restart",
        "frontgate is stopping or handed over; it tells the gateway so, and the client 1012.",
        "Nothing: clients come back by themselves.",
    ),
    it(
        1001,
        "idle timeout",
        "No byte either way for timeouts.read.",
        "Raise timeouts.read; pings do not count as traffic of yours.",
    ),
    it(
        1001,
        "client",
        "To the gateway: the client is gone (`client connection lost`) or answers no pings (`client not responding`).",
        "Nothing, if the device sleeps or changes networks.",
    ),
    it(1001, "", "The page was left, or an operator closed it (frontgate close).", "Nothing."),
    it(
        1002,
        "protocol mismatch",
        "The client speaks another version of the gateway's protocol.",
        "Update the app, or the gateway, so that both are of the same time.",
    ),
    it(
        1002,
        "",
        "Frames that break RFC 6455.",
        "Look for something between the client and frontgate that rewrites traffic (antivirus, a company's proxy).",
    ),
    it(1005, "", "A close frame without a code.", "See which side sent it in frontgate's log line (`ended`)."),
    it(
        1006,
        "",
        "No close frame came: the connection broke. A browser also shows it for a handshake that was refused (403, 502), an untrusted certificate, and a gateway that stopped answering pings.",
        "frontgate's log says which side ended it; frontgate doctor tries each step. A browser's own warning about the certificate: frontgate trust.",
    ),
    it(
        1008,
        "pairing required",
        "This device is new to the gateway, or asks for more than it was granted.",
        "openclaw devices list, then: openclaw devices approve ID",
    ),
    it(
        1008,
        "device identity changed",
        "The device has another key than when it was paired.",
        "openclaw devices list, then: openclaw devices approve ID",
    ),
    it(
        1008,
        "origin not allowed",
        "The page's address is not, with its port, in gateway.controlUi.allowedOrigins.",
        "frontgate doctor --fix adds it; or open the address that is listed.",
    ),
    it(
        1008,
        "control ui requires device identity",
        "The page was opened by plain http from another machine: without HTTPS a browser has no keys.",
        "Open the https:// address of frontgate, and trust its certificate (frontgate trust).",
    ),
    it(
        1008,
        "device identity required",
        "The client sent no device identity.",
        "Open the Control UI by https://; update the app.",
    ),
    it(
        1008,
        "device signature expired",
        "The clocks of device and gateway differ by more than 120 s.",
        "Set the clock of the one that is wrong; frontgate doctor compares the gateway's with its own.",
    ),
    it(
        1008,
        "device nonce",
        "The gateway's first frame came after the 750 ms that the UI waits, or the answer is to another one.",
        "frontgate doctor measures it, directly and through frontgate; look for a proxy that buffers.",
    ),
    it(
        1008,
        "device",
        "The device's signature or key does not fit.",
        "Forget the device in the browser (clear the site's data) and pair it again.",
    ),
    it(
        1008,
        "gateway token missing",
        "No token was sent.",
        "Open https://…/#token=YOUR_TOKEN once, or paste it in the UI's settings.",
    ),
    it(
        1008,
        "gateway token mismatch",
        "The token is another than gateway.auth.token. Ten wrong ones in a minute lock that client out for five.",
        "Take the token from the gateway's machine: openclaw dashboard",
    ),
    it(
        1008,
        "not configured on gateway",
        "The gateway has no token or password to compare with.",
        "openclaw doctor --generate-gateway-token on its machine, then restart it.",
    ),
    it(
        1008,
        "gateway password",
        "The password is missing or wrong.",
        "Enter the gateway's password in the UI's settings.",
    ),
    it(
        1008,
        "too many failed authentication attempts",
        "Ten wrong secrets in a minute: this client address is locked out for five. If all clients are, the gateway takes them for one address.",
        "Wait five minutes; frontgate doctor sees whether clients are told apart (gateway.trustedProxies).",
    ),
    it(
        1008,
        "device token",
        "The device's own token was taken back, or is for less.",
        "Pair it again: openclaw devices list, openclaw devices approve ID",
    ),
    it(
        1008,
        "setup code",
        "A setup code can be used once, and for a while.",
        "Make another one on the gateway's machine.",
    ),
    it(
        1008,
        "tailscale",
        "The gateway expects Tailscale's own headers, which only Tailscale Serve sends.",
        "Use a token behind frontgate: gateway.auth.allowTailscale false.",
    ),
    it(
        1008,
        "proxy client attribution is required",
        "The gateway does not trust frontgate as a proxy.",
        "frontgate doctor --fix adds frontgate's address to gateway.trustedProxies.",
    ),
    it(
        1008,
        "gateway ingress attribution required",
        "The gateway does not trust frontgate as a proxy.",
        "frontgate doctor --fix adds frontgate's address to gateway.trustedProxies.",
    ),
    it(
        1008,
        "unauthorized",
        "With trusted-proxy authentication: no identity came, or not from a proxy that may send one.",
        "On one machine gateway.auth.trustedProxy.allowLoopback must be true: frontgate doctor --fix. Does the proxy before it send the userHeader?",
    ),
    it(1008, "protocol mismatch", "The page is older than the gateway.", "Reload the page; no proxy may cache it."),
    it(
        1008,
        "client version mismatch",
        "The client is of another version than the gateway.",
        "Update the one that is older; reload the page.",
    ),
    it(
        1008,
        "slow consumer",
        "The client took data too slowly: 50 MB were waiting for it.",
        "A poor network, or a tab asleep; it comes back by itself.",
    ),
    it(
        1008,
        "gateway access is no longer active",
        "An administrator took this access back.",
        "Ask an administrator of the gateway.",
    ),
    it(
        1008,
        "repeated unauthorized calls",
        "The client kept asking for what it may not do.",
        "Look at its scopes: openclaw devices list",
    ),
    it(
        1008,
        "too many messages",
        "websocket.max_messages_per_minute or max_control_per_minute of frontgate was exceeded.",
        "Raise it, or look why the client sends so much.",
    ),
    it(
        1008,
        "",
        "A rule was broken; the reason says which.",
        "frontgate's log has the reason and the side that sent it.",
    ),
    it(
        1009,
        "",
        "A frame or message is too large: the gateway's limit is 25 MiB (64 KiB before login), frontgate's websocket.max_frame and max_message.",
        "Send less at once; raise frontgate's limits if they are the ones (its log says `too_big`).",
    ),
    it(1011, "gateway install changed", "The gateway was updated under its own feet.", "openclaw gateway restart"),
    it(1011, "", "The gateway failed inside.", "openclaw logs; openclaw gateway restart"),
    it(
        1012,
        "gateway connection lost",
        "From frontgate: the gateway's connection broke without a close.",
        "The gateway stopped or crashed: openclaw gateway status. Clients come back by themselves.",
    ),
    it(
        1012,
        "gateway not responding",
        "From frontgate: the gateway answered no pings for websocket.pong_timeout.",
        "openclaw logs: what keeps it busy? Clients come back by themselves.",
    ),
    it(
        1012,
        "service restart",
        "The gateway or frontgate restarts.",
        "Nothing: clients come back by themselves, within `hold` unnoticed.",
    ),
    it(1012, "", "The gateway restarts, or its nodes changed.", "Nothing: clients come back by themselves."),
    it(1013, "gateway starting", "The gateway is not ready yet.", "Wait some seconds; if it stays: openclaw logs"),
    it(
        1013,
        "",
        "The gateway restarts, is suspended, or cannot look the user up just now.",
        "Wait; openclaw gateway status",
    ),
    it(
        1014,
        "",
        "From frontgate: the gateway broke the WebSocket protocol.",
        "Is it a gateway that `upstream` names? frontgate doctor looks.",
    ),
    it(
        4000,
        "",
        "From the UI: no message for 60 s (`tick timeout`).",
        "Something swallows traffic without closing: a phone asleep, a proxy that buffers.",
    ),
    it(
        4001,
        "gateway auth changed",
        "The gateway's token, password or rules changed.",
        "Log in again with what is valid now.",
    ),
    it(
        4001,
        "",
        "The gateway took this connection's right away: its rules, or this client's, changed.",
        "Reload the page and log in again; ask an administrator of the gateway.",
    ),
    it(
        4008,
        "",
        "From the UI: `connect` failed (`connect failed`). What the gateway said just before is the cause.",
        "Look at the message in the UI, and the 1008 before it in frontgate's log.",
    ),
    it(4013, "", "From the UI: the gateway said that it is starting.", "Wait some seconds; if it stays: openclaw logs"),
];

/// The entries that fit `query`: a code, with words of a reason or without; or words alone. An empty query fits all.
pub(crate) fn explain(query: &str) -> Vec<&'static CodeExplanation> {
    let query = query.trim().to_ascii_lowercase();
    let (code, words) = match query.split_once([' ', ',', ':']) {
        Some((first, rest)) if first.parse::<u16>().is_ok() => {
            (first.parse::<u16>().ok(), rest.trim().trim_matches(['"', '\'', ' ']))
        }
        _ => match query.parse::<u16>() {
            Ok(code) => (Some(code), ""),
            Err(_) => (None, query.as_str()),
        },
    };
    let of_code = |one: &&CodeExplanation| code.is_none_or(|code| one.code == code);
    if words.is_empty() {
        return ALL.iter().filter(of_code).collect();
    }
    let fits =
        |one: &&CodeExplanation| !one.reason.is_empty() && (words.contains(one.reason) || one.reason.contains(words));
    let found: Vec<_> = ALL.iter().filter(of_code).filter(fits).collect();
    // The entry for any reason of that code is better than none.
    if found.is_empty() && code.is_some() {
        ALL.iter().filter(of_code).filter(|one| one.reason.is_empty()).collect()
    } else {
        found
    }
}

const fn it(code: u16, reason: &'static str, means: &'static str, fix: &'static str) -> CodeExplanation {
    CodeExplanation { code, reason, means, fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_and_what_the_page_shows_lead_to_what_to_do() {
        let first = |query: &str| explain(query).first().map(|one| (one.code, one.reason));
        for (query, expected) in [
            ("1006", Some((1006, ""))),
            ("1008 pairing required: device is not approved yet (requestId: x)", Some((1008, "pairing required"))),
            ("1008: origin not allowed (open the Control UI from …)", Some((1008, "origin not allowed"))),
            ("origin not allowed", Some((1008, "origin not allowed"))),
            ("Unauthorized: gateway token mismatch (open the dashboard …)", Some((1008, "gateway token mismatch"))),
            ("1012 gateway connection lost", Some((1012, "gateway connection lost"))),
            ("1011 something else", Some((1011, ""))),
            ("1007", None),
            ("no peer says this", None),
        ] {
            assert_eq!(first(query), expected, "{query}");
        }
        assert_eq!(explain("").len(), ALL.len());
        assert!(explain("1008").len() > 20);
    }

    #[test]
    fn every_code_has_a_last_word_and_reasons_are_found_as_written() {
        for one in ALL {
            assert_eq!(one.reason, one.reason.to_ascii_lowercase(), "queries are compared in lower case");
            assert!(ALL.iter().any(|other| other.code == one.code && other.reason.is_empty()), "{}", one.code);
            assert!(!one.fix.is_empty() && !one.means.is_empty());
        }
        let mut sorted = ALL.iter().map(|one| one.code).collect::<Vec<_>>();
        sorted.sort_unstable();
        assert_eq!(sorted, ALL.iter().map(|one| one.code).collect::<Vec<_>>());
    }
}
