//! What each directive is for: the closed table of Apache.

use std::time::Duration;

use crate::import::node::ImportNode;
use crate::import::table::{self, DirectiveClass, DirectiveRow};
use DirectiveClass::{Guarding, Lost, Needless, Translated};

/// What a directive is for, by its name.
pub(super) fn class(node: &ImportNode) -> DirectiveClass {
    let name = node.name.as_str();
    let word = node.arg(0).to_ascii_lowercase();
    if name == "secruleengine" && matches!(word.as_str(), "off" | "detectiononly") {
        return Needless("it refuses nothing");
    }
    match NAMES.iter().find(|(names, _)| names.split(' ').any(|one| one == name)) {
        Some((_, class)) => *class,
        None => table::class(FAMILIES, name),
    }
}

/// The report's words for a directive that is read, and of which nothing is in the file.
pub(super) const UNUSED: &str = "nothing in the file comes from it";

/// The report's words for settings that need no counterpart.
pub(super) const NOTHING: &str =
    "frontgate's TLS has no such settings: keys, ciphers, tickets and stapling need no care";

const RATE: &str = "frontgate slows no transfer down: limits.connections_per_client and websocket.max_messages_per_minute are what it has";
const BODIES: DirectiveClass = Lost("frontgate does not touch bodies: the gateway compresses and writes what it sends");
const PROCESS: DirectiveClass = Needless("frontgate is one process, started by the service manager");
const FILES: DirectiveClass = Needless("it concerns files, and frontgate serves none");
const HTTP: DirectiveClass = Needless("frontgate's HTTP needs no such setting");
const TLS: DirectiveClass = Needless(NOTHING);
const PROGRAMS: DirectiveClass = Lost("frontgate runs no programs");
const CACHE: DirectiveClass = Lost("response_headers can set Cache-Control; never for the gateway's pages");
const LOGS: DirectiveClass = Needless("frontgate logs to standard output: see `log`");
const PASSWORDS: DirectiveClass = Guarding("List the users under `auth: { basic: … }`");
const LOGIN: DirectiveClass = Needless(
    "it concerns a login that frontgate does not have: the routes that ask for it answer 403, where they are named",
);
const FILTER: DirectiveClass = Guarding("Keep a filter in front, and name it in forwarded.trusted_proxies");
const HANDLER: DirectiveClass = Guarding("Write what the program decided by `auth`, `allow`, `deny` or a matcher");

/// Directives by name, in lower case.
const NAMES: &[(&str, DirectiveClass)] = &[
    (
        "virtualhost listen servername serveralias location locationmatch proxy proxymatch proxypass proxypassmatch balancermember proxyset \
         rewritecond rewriterule redirect redirectmatch redirectpermanent redirecttemp requestheader header \
         require requireall requireany requirenone authtype authuserfile authgroupfile authbasicprovider authmerging order allow deny \
         satisfy limit limitexcept if elseif else setenvif setenvifnocase browsermatch browsermatchnocase sslrequiressl regexdefaultoptions \
         limitrequestbody",
        Translated,
    ),
    ("rewriteengine rewriteoptions", Needless("what the rules do is said at each of them")),
    ("sslengine", Needless("whether an address speaks TLS is said where it is listened at")),
    ("serverroot", Needless("relative paths in this config begin there")),
    (
        "documentroot alias aliasmatch",
        Lost("frontgate serves no files: keep a web server for them, and give it a route with an upstream of its own"),
    ),
    ("scriptalias scriptaliasmatch wsgiscriptalias wsgiscriptaliasmatch", PROGRAMS),
    ("loadmodule loadfile clearmodulelist addmodule", Needless("frontgate has no modules")),
    (
        "user group pidfile mutex coredumpdirectory scoreboardfile chrootdir defaultruntimedir gracefulshutdowntimeout startservers \
         serverlimit minsparethreads maxsparethreads minspareservers maxspareservers threadlimit threadsperchild maxrequestworkers \
         maxclients maxconnectionsperchild maxrequestsperchild asyncrequestworkerfactor listenbacklog enablesendfile enablemmap acceptfilter \
         sendbuffersize receivebuffersize threadstacksize maxmemfree scriptsock",
        PROCESS,
    ),
    (
        "serveradmin serversignature servertokens traceenable usecanonicalname usecanonicalphysicalport extendedstatus hostnamelookups \
         contentdigest httpprotocoloptions mergeslashes qualifyredirecturl proxybadheader proxyiobuffersize proxyreceivebuffersize \
         proxymaxforwards proxystatus proxyvia proxydomain proxypassinherit proxypassinterpolateenv balancerinherit balancergrowth \
         balancerpersist redirectrelative maxranges maxrangeoverlaps maxrangereversals",
        HTTP,
    ),
    (
        "proxypassreverse proxypassreversecookiedomain proxypassreversecookiepath",
        Needless("the gateway knows the host and the path that the client asked for, and says them itself"),
    ),
    ("allowencodedslashes", Needless("frontgate forwards the path byte for byte")),
    ("keepalive maxkeepaliverequests", Needless("frontgate always keeps connections, for timeouts.keep_alive")),
    ("protocols protocolshonororder", Needless("clients choose HTTP/2 or HTTP/1.1 by ALPN")),
    (
        "limitrequestline limitrequestfieldsize limitrequestfields",
        Needless("limits.request_head is 64 KiB for all of it"),
    ),
    ("limitinternalrecursion limitxmlrequestbody", HTTP),
    ("requestreadtimeout", Needless("timeouts.request_head is 15 s")),
    ("errorlog loglevel logformat logmessage globallog forensiclog customlog transferlog", LOGS),
    ("cookietracking cookiename cookiedomain cookiestyle", Lost("frontgate sets no cookies for visitors")),
    ("namevirtualhost", Needless("all hosts are found by name")),
    ("serverpath", Needless("no client is old enough to need it")),
    ("errordocument", Lost("frontgate has error pages of its own, and passes the gateway's on")),
    ("proxyerroroverride", Lost("frontgate passes the gateway's error pages on")),
    ("proxywebsocketfallbacktoproxyhttp proxywebsocketasync", Needless("frontgate always forwards WebSocket upgrades")),
    ("proxysourceaddress", Lost("the system chooses the address that the gateway sees: use a route of the system")),
    ("proxyfcgibackendtype proxyfcgisetenvif", Lost("frontgate forwards HTTP, not FastCGI")),
    ("proxyblock", Needless("it keeps from places that a client chooses, and frontgate forwards to its gateways only")),
    ("proxyremote proxyremotematch noproxy", Lost("frontgate dials the gateway itself, without another proxy")),
    ("rewritebase", Needless("no rule stands where it would matter")),
    ("rewritemap", Lost("frontgate has no maps: where a rule asks one, the route answers 403")),
    (
        "directoryindex directoryslash options allowoverride allowoverridelist indexoptions indexignore accessfilename fallbackresource \
         adddefaultcharset addtype addencoding addlanguage addhandler addcharset typesconfig mimemagicfile sethandler action forcetype \
         languagepriority defaulttype fileetag removehandler multiviewsmatch defaulticon addicon addiconbytype addiconbyencoding headername \
         readmename userdir acceptpathinfo directory directorymatch files filesmatch",
        FILES,
    ),
    ("authname", Needless("frontgate asks with a name of its own")),
    ("oidccryptopassphrase", Needless("frontgate seals logins with keys of its own")),
    (
        "authdigestdomain authdigestnoncelifetime authdigestalgorithm authdigestqop authdigestshmemsize authbasicauthoritative \
         authbasicusedigestalgorithm authusebackend authzsendforbiddenonfailure",
        HTTP,
    ),
    ("authdigestprovider", Needless("AuthType Digest decides: the routes that ask for it answer 403")),
    ("authbasicfake", Lost("use request_headers to give the gateway a fixed Authorization, if it must be")),
    ("setenv unsetenv passenv", Lost("frontgate has no variables, and no gateway sees Apache's")),
    ("substitute substitutemaxlinelength", BODIES),
    ("setoutputfilter addoutputfilter addoutputfilterbytype setinputfilter addinputfilter", Lost(RATE)),
    ("h2websockets", Needless("WebSockets over HTTP/2 work by themselves")),
    ("sslrequire", Guarding("Write what the certificate must be by a CA of its own in tls.client_ca")),
    ("sslverifyclient", Guarding("Ask for certificates on all names, by tls.client_ca")),
    ("authzprovideralias authnprovideralias", PASSWORDS),
    ("allowmethods", Guarding("Write a route with `methods`")),
    ("sslproxyverify sslproxycheckpeername sslproxycheckpeercn sslproxycheckpeerexpire", TLS),
    ("sslinsecurerenegotiation sslstrictsnivhostcheck sslverifydepth", TLS),
];

/// Families of names.
const FAMILIES: &[DirectiveRow] = &[
    ("md*", Translated),
    ("ssl*", TLS),
    ("remoteip*", Translated),
    ("h2*", Needless("frontgate's HTTP/2 needs no such setting")),
    ("deflate*", BODIES),
    ("brotli*", BODIES),
    ("filter*", BODIES),
    ("proxyhtml*", Lost("frontgate does not touch bodies: set gateway.controlUi.basePath where a page needs a prefix")),
    ("cache*", Lost("frontgate keeps no copies: an old page would not fit the gateway")),
    ("sec*", Needless("frontgate has no such filter: where one is on, the route answers 403")),
    ("secrule*", FILTER),
    ("secaction*", FILTER),
    ("dos*", Lost("limits.connections_per_client and websocket.max_messages_per_minute are what frontgate has")),
    ("qs_*", Lost("limits.connections_per_client and limits.connections are what frontgate has")),
    ("oidc*", LOGIN),
    ("mellon*", LOGIN),
    ("cas*", LOGIN),
    ("shib*", LOGIN),
    ("gssapi*", LOGIN),
    ("krb*", LOGIN),
    ("authldap*", LOGIN),
    ("authdbd*", LOGIN),
    ("authform*", LOGIN),
    ("session*", Lost("frontgate has no sessions")),
    ("authnz*", PASSWORDS),
    ("index*", FILES),
    ("expires*", CACHE),
    ("dav*", Lost("frontgate serves no files")),
    ("fcgid*", PROGRAMS),
    ("php*", PROGRAMS),
    ("passenger*", PROGRAMS),
    ("wsgi*", PROGRAMS),
    ("wsgiaccessscript*", HANDLER),
    ("wsgiauth*", HANDLER),
    ("perl*", HANDLER),
    ("lua*", HANDLER),
    ("luapackage*", PROGRAMS),
    ("luascope*", PROGRAMS),
    ("perlmodule*", PROGRAMS),
    ("perlswitches*", PROGRAMS),
    ("log*", LOGS),
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
        let names: Vec<&str> = NAMES.iter().flat_map(|(names, _)| names.split(' ')).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
            assert_eq!(*name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn what_keeps_clients_out_is_guarding() {
        for (line, guards) in [
            ("PerlAccessHandler My::Gate", true),
            ("LuaHookAccessChecker a.lua f", true),
            ("SecRuleEngine On", true),
            ("AuthzFooRequire x", true),
            ("MyTokenVerify on", true),
            ("OIDCClientID x", false),
            ("AuthName x", false),
            ("Frobnicate x", false),
        ] {
            let class = class(&super::super::syntax::tests::node(line));
            assert_eq!(matches!(class, Guarding(_)), guards, "{line}");
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
