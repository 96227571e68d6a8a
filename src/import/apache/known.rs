//! What is known about directives that have no place in frontgate's config.

use std::time::Duration;

use crate::import::node::ImportNode;

/// What becomes of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApacheKnownDirective {
    NotNeeded(&'static str),
    Dropped(&'static str),
}

/// What is known about a directive, by its name and for some by their first word.
pub(super) fn directive(node: &ImportNode) -> Option<ApacheKnownDirective> {
    let name = node.name.as_str();
    if matches!(
        name,
        "setenv" | "setenvif" | "setenvifnocase" | "browsermatch" | "browsermatchnocase" | "unsetenv" | "passenv"
    ) {
        return Some(environment(node));
    }
    if matches!(name, "setoutputfilter" | "addoutputfilter" | "addoutputfilterbytype" | "setinputfilter") {
        let limits = node.args.iter().any(|word| word.eq_ignore_ascii_case("rate_limit"));
        let text = if limits { RATE } else { BODIES };
        return Some(ApacheKnownDirective::Dropped(text));
    }
    let exact = EXACT.iter().find(|(names, _)| names.split(' ').any(|one| one == name)).map(|(_, known)| *known);
    exact.or_else(|| BEGINNING.iter().find(|(begin, _)| name.starts_with(begin)).map(|(_, known)| *known))
}

fn environment(node: &ImportNode) -> ApacheKnownDirective {
    let words = node.args.join(" ").to_ascii_lowercase();
    let about_proxy =
        ["proxy-", "force-proxy", "force-response", "downgrade", "nokeepalive", "no-gzip", "dont-vary", "ssl-unclean"];
    if about_proxy.iter().any(|word| words.contains(word)) {
        return ApacheKnownDirective::NotNeeded(
            "it helped old clients or old gateways; frontgate's HTTP is the same for all",
        );
    }
    if words.contains("rate-limit") {
        return ApacheKnownDirective::Dropped(RATE);
    }
    ApacheKnownDirective::Dropped("frontgate has no variables: see what else in this config reads it")
}

const RATE: &str = "frontgate slows no transfer down: limits.connections_per_client and websocket.max_messages_per_minute are what it has";
const BODIES: &str = "frontgate does not touch bodies: the gateway compresses and writes what it sends";
const PROCESS: ApacheKnownDirective =
    ApacheKnownDirective::NotNeeded("frontgate is one process, started by the service manager");
const FILES: ApacheKnownDirective = ApacheKnownDirective::NotNeeded("it concerns files, and frontgate serves none");
const HTTP: ApacheKnownDirective = ApacheKnownDirective::NotNeeded("frontgate's HTTP needs no such setting");

const EXACT: &[(&str, ApacheKnownDirective)] = &[
    ("loadmodule loadfile clearmodulelist addmodule", ApacheKnownDirective::NotNeeded("frontgate has no modules")),
    (
        "user group pidfile mutex coredumpdirectory scoreboardfile chrootdir defaultruntimedir gracefulshutdowntimeout",
        PROCESS,
    ),
    (
        "startservers serverlimit minsparethreads maxsparethreads minspareservers maxspareservers threadlimit threadsperchild",
        PROCESS,
    ),
    (
        "maxrequestworkers maxclients maxconnectionsperchild maxrequestsperchild asyncrequestworkerfactor listenbacklog",
        PROCESS,
    ),
    ("enablesendfile enablemmap acceptfilter sendbuffersize receivebuffersize threadstacksize maxmemfree", PROCESS),
    (
        "serveradmin serversignature servertokens traceenable usecanonicalname usecanonicalphysicalport extendedstatus",
        HTTP,
    ),
    ("hostnamelookups contentdigest httpprotocoloptions mergeslashes qualifyredirecturl", HTTP),
    (
        "keepalive maxkeepaliverequests",
        ApacheKnownDirective::NotNeeded("frontgate always keeps connections, for timeouts.keep_alive"),
    ),
    ("protocols protocolshonororder", ApacheKnownDirective::NotNeeded("clients choose HTTP/2 or HTTP/1.1 by ALPN")),
    (
        "limitrequestline limitrequestfieldsize limitrequestfields",
        ApacheKnownDirective::NotNeeded("limits.request_head is 64 KiB for all of it"),
    ),
    ("requestreadtimeout", ApacheKnownDirective::NotNeeded("timeouts.request_head is 15 s")),
    (
        "errorlog loglevel logformat logmessage globallog forensiclog",
        ApacheKnownDirective::NotNeeded("frontgate logs to standard output: see `log`"),
    ),
    (
        "cookietracking cookiename cookiedomain cookiestyle",
        ApacheKnownDirective::Dropped("frontgate sets no cookies for visitors"),
    ),
    ("namevirtualhost", ApacheKnownDirective::NotNeeded("all hosts are found by name")),
    ("serverpath", ApacheKnownDirective::NotNeeded("no client is old enough to need it")),
    (
        "errordocument",
        ApacheKnownDirective::Dropped("frontgate has error pages of its own, and passes the gateway's on"),
    ),
    ("proxyerroroverride", ApacheKnownDirective::Dropped("frontgate passes the gateway's error pages on")),
    (
        "proxybadheader proxyiobuffersize proxyreceivebuffersize proxymaxforwards proxystatus proxyvia proxyblock proxydomain",
        HTTP,
    ),
    (
        "proxywebsocketfallbacktoproxyhttp proxywebsocketasync",
        ApacheKnownDirective::NotNeeded("frontgate always forwards WebSocket upgrades"),
    ),
    (
        "proxysourceaddress",
        ApacheKnownDirective::Dropped(
            "the system chooses the address that the gateway sees: use a route of the system",
        ),
    ),
    ("proxypassinherit proxypassinterpolateenv balancerinherit balancergrowth balancerpersist", HTTP),
    ("proxyfcgibackendtype proxyfcgisetenvif", ApacheKnownDirective::Dropped("frontgate forwards HTTP, not FastCGI")),
    (
        "proxyremote proxyremotematch noproxy",
        ApacheKnownDirective::Dropped("frontgate dials the gateway itself, without another proxy"),
    ),
    ("rewriteoptions rewritebase", ApacheKnownDirective::NotNeeded("frontgate rewrites nothing")),
    ("rewritemap", ApacheKnownDirective::Dropped("frontgate has no maps: write a route for each entry")),
    (
        "directoryindex directoryslash options allowoverride allowoverridelist indexoptions indexignore accessfilename",
        FILES,
    ),
    (
        "fallbackresource adddefaultcharset addtype addencoding addlanguage addhandler addcharset typesconfig mimemagicfile",
        FILES,
    ),
    ("sethandler action forcetype languagepriority defaulttype fileetag filesmatch removehandler", FILES),
    ("multiviewsmatch defaulticon addicon addiconbytype addiconbyencoding headername readmename userdir", FILES),
    (
        "expiresactive expiresdefault expiresbytype",
        ApacheKnownDirective::Dropped("response_headers can set Cache-Control; never for the gateway's pages"),
    ),
    (
        "wsgidaemonprocess wsgiprocessgroup wsgiapplicationgroup",
        ApacheKnownDirective::Dropped("frontgate runs no programs"),
    ),
    ("scriptsock", PROCESS),
    (
        "authdigestdomain authdigestnoncelifetime",
        ApacheKnownDirective::NotNeeded("frontgate asks for Basic authentication only"),
    ),
    (
        "authgroupfile",
        ApacheKnownDirective::Dropped("frontgate knows no groups: list the users under `auth: { basic: … }`"),
    ),
    ("authmerging authbasicauthoritative authusebackend", HTTP),
    (
        "authbasicfake",
        ApacheKnownDirective::Dropped("use request_headers to give the gateway a fixed Authorization, if it must be"),
    ),
    ("acceptpathinfo", FILES),
    ("filterdeclare filterprovider filterchain", ApacheKnownDirective::Dropped(BODIES)),
    ("substitute substitutemaxlinelength", ApacheKnownDirective::Dropped(BODIES)),
    ("h2push h2pushresource h2earlyhints", ApacheKnownDirective::NotNeeded("no browser takes pushes")),
    ("h2websockets", ApacheKnownDirective::NotNeeded("WebSockets over HTTP/2 work by themselves")),
];

const BEGINNING: &[(&str, ApacheKnownDirective)] = &[
    ("h2", ApacheKnownDirective::NotNeeded("frontgate's HTTP/2 needs no such setting")),
    ("deflate", ApacheKnownDirective::Dropped(BODIES)),
    ("brotli", ApacheKnownDirective::Dropped(BODIES)),
    (
        "proxyhtml",
        ApacheKnownDirective::Dropped(
            "frontgate does not touch bodies: set gateway.controlUi.basePath where a page needs a prefix",
        ),
    ),
    ("cache", ApacheKnownDirective::Dropped("frontgate keeps no copies: an old page would not fit the gateway")),
    (
        "sec",
        ApacheKnownDirective::Dropped(
            "frontgate looks at no bodies: keep a filter in front, and name it in forwarded.trusted_proxies",
        ),
    ),
    (
        "dos",
        ApacheKnownDirective::Dropped(
            "limits.connections_per_client and websocket.max_messages_per_minute are what frontgate has",
        ),
    ),
    (
        "qs_",
        ApacheKnownDirective::Dropped("limits.connections_per_client and limits.connections are what frontgate has"),
    ),
    (
        "oidc",
        ApacheKnownDirective::Dropped(
            "put the program that knows OpenID in front or between, as gateway.auth.mode: trusted-proxy has it",
        ),
    ),
    (
        "authldap",
        ApacheKnownDirective::Dropped("frontgate asks no directory: list the users under `auth: { basic: … }`"),
    ),
    (
        "authnz",
        ApacheKnownDirective::Dropped("frontgate asks no other program: list the users under `auth: { basic: … }`"),
    ),
    ("authdbd", ApacheKnownDirective::Dropped("frontgate asks no database: list the users under `auth: { basic: … }`")),
    ("authform", ApacheKnownDirective::Dropped("frontgate has no login pages: use `auth: { basic: … }`")),
    ("session", ApacheKnownDirective::Dropped("frontgate has no sessions")),
    ("index", FILES),
    ("expires", ApacheKnownDirective::Dropped("response_headers can set Cache-Control; never for the gateway's pages")),
    ("dav", ApacheKnownDirective::Dropped("frontgate serves no files")),
    ("fcgid", ApacheKnownDirective::Dropped("frontgate runs no programs")),
    ("php", ApacheKnownDirective::Dropped("frontgate runs no programs")),
    ("passenger", ApacheKnownDirective::Dropped("frontgate runs no programs")),
    ("wsgi", ApacheKnownDirective::Dropped("frontgate runs no programs")),
    ("lua", ApacheKnownDirective::Dropped("frontgate runs no programs")),
    ("log", ApacheKnownDirective::NotNeeded("frontgate logs to standard output: see `log`")),
    ("redirectrelative", HTTP),
    ("filter", ApacheKnownDirective::Dropped(BODIES)),
];

/// A time: seconds, or a number with `ms`, `s`, `min`, `h`.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit.to_ascii_lowercase().as_str() {
        "" | "s" => Some(Duration::from_secs(number)),
        "ms" => Some(Duration::from_millis(number)),
        "mi" | "min" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3600)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_listed_once() {
        let names: Vec<&str> = EXACT.iter().flat_map(|(names, _)| names.split(' ')).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
            assert_eq!(*name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn times_have_units() {
        for (text, millis) in
            [("60", Some(60_000)), ("500ms", Some(500)), ("2min", Some(120_000)), ("1h", Some(3_600_000)), ("x", None)]
        {
            assert_eq!(seconds(text).map(|time| time.as_millis()), millis);
        }
    }
}
