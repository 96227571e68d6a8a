//! [`GatewaySettings`]: what the gateway's configuration says about proxies.

use std::net::IpAddr;

use ipnet::IpNet;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::CstRootNode;
use serde_json::Value;

/// What the gateway's configuration says about proxies. Its secrets are not in here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GatewaySettings {
    /// `gateway.port`.
    pub(crate) port: Option<u16>,
    /// `gateway.bind`.
    pub(crate) bind: Option<String>,
    /// `gateway.tls.enabled`.
    pub(crate) tls: bool,
    /// `gateway.trustedProxies`, as written.
    pub(crate) trusted_proxies: Vec<String>,
    /// `gateway.auth.mode`.
    pub(crate) auth_mode: Option<String>,
    /// `gateway.auth.trustedProxy`, which counts where the mode is `trusted-proxy`.
    pub(crate) trusted_proxy: TrustedProxy,
    /// `gateway.controlUi.enabled`; on when it is not said.
    pub(crate) control_ui: bool,
    /// `gateway.controlUi.allowedOrigins`, as written.
    pub(crate) allowed_origins: Vec<String>,
    /// `gateway.publicOrigin`: what people open. Gateways that know no list of origins but this one take it for that.
    pub(crate) public_origin: Option<String>,
    /// `plugins.entries.device-pair.config.publicUrl`: what join links and setup codes lead to.
    pub(crate) pairing_url: Option<String>,
    /// `gateway.controlUi.basePath`, as the gateway takes it: it begins with a slash and does not end with one.
    pub(crate) base_path: Option<String>,
    /// `gateway.tls.certPath`.
    pub(crate) tls_cert: Option<String>,
    /// `mcp.apps`.
    pub(crate) apps: AppsListener,
    /// `gateway.portals.ingress`.
    pub(crate) portals: Option<PortalsListener>,
    /// `gateway.controlUi.allowInsecureAuth`, or a `dangerously…` beside it that is on: its names.
    pub(crate) dangerous: Vec<&'static str>,
    /// A part comes from another file (`$include`) or from the environment (`${NAME}`): what is not here may be there.
    pub(crate) partial: bool,
}

/// How the gateway takes the user's name from a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxy {
    /// The field that names the user, in lower case.
    pub(crate) user_header: Option<String>,
    /// Fields without which no request is believed, in lower case.
    pub(crate) required_headers: Vec<String>,
    /// The only users that may come; an empty list lets all in.
    pub(crate) allow_users: Vec<String>,
    /// Whether a proxy on the gateway's own machine is believed; `None` when nothing is said, which means no.
    pub(crate) allow_loopback: Option<bool>,
}

/// The gateway's second listener, for apps that must not have the Control UI's origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AppsListener {
    /// `mcp.apps.enabled`.
    pub(crate) enabled: bool,
    /// `mcp.apps.sandboxOrigin`.
    pub(crate) origin: Option<String>,
    /// `mcp.apps.sandboxPort`, by default the one behind the gateway's own.
    pub(crate) port: u16,
}

/// The gateway's listener for the servers that agents have started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PortalsListener {
    /// `gateway.portals.ingress.domain`, in lower case.
    pub(crate) domain: Option<String>,
    /// `gateway.portals.ingress.port`.
    pub(crate) port: u16,
}

/// Why the file could not be read; the error repeats nothing of its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableSettings {
    /// The text is not JSON5.
    #[error("line {line}, column {column}: not JSON5")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The text is JSON5, and no object.
    #[error("it holds no object")]
    NoObject,
    /// The system refuses to open or read the file.
    #[error("{0}")]
    Io(String),
}

/// Reads JSON5 text.
///
/// # Errors
/// The text is not JSON5, or it is no object.
pub(crate) fn read(text: &str) -> Result<GatewaySettings, UnreadableSettings> {
    let value = parse(text)?.to_serde_value().unwrap_or(Value::Null);
    if !value.is_object() {
        return Err(UnreadableSettings::NoObject);
    }
    Ok(GatewaySettings::of(&value))
}

/// The text as a tree that keeps comments and spaces.
pub(super) fn parse(text: &str) -> Result<CstRootNode, UnreadableSettings> {
    // All of JSON5, and no more than JSON5.
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    CstRootNode::parse(text.trim_start_matches('\u{feff}'), &options)
        .map_err(|error| UnreadableSettings::Syntax { line: error.line_display(), column: error.column_display() })
}

impl GatewaySettings {
    fn of(root: &Value) -> Self {
        let gateway = &root["gateway"];
        let ui = &gateway["controlUi"];
        let on = |value: &Value| value.as_bool() == Some(true);
        let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
        let word = |value: &Value| value.as_str().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let port = number(&gateway["port"]);
        let apps = &root["mcp"]["apps"];
        let ingress = &gateway["portals"]["ingress"];
        let proxy = &gateway["auth"]["trustedProxy"];
        let lower = |text: String| text.trim().to_ascii_lowercase();
        Self {
            port,
            bind: gateway["bind"].as_str().map(str::to_owned),
            tls: on(&gateway["tls"]["enabled"]),
            trusted_proxies: strings(&gateway["trustedProxies"]),
            auth_mode: gateway["auth"]["mode"].as_str().map(str::to_owned),
            trusted_proxy: TrustedProxy {
                user_header: word(&proxy["userHeader"]).map(lower),
                required_headers: strings(&proxy["requiredHeaders"]).into_iter().map(lower).collect(),
                allow_users: strings(&proxy["allowUsers"]),
                allow_loopback: proxy["allowLoopback"].as_bool(),
            },
            control_ui: ui["enabled"].as_bool() != Some(false),
            allowed_origins: strings(&ui["allowedOrigins"]),
            public_origin: word(&gateway["publicOrigin"]),
            pairing_url: word(&root["plugins"]["entries"]["device-pair"]["config"]["publicUrl"]),
            base_path: word(&ui["basePath"]).and_then(|path| base_path(&path)),
            tls_cert: word(&gateway["tls"]["certPath"]),
            apps: AppsListener {
                enabled: on(&apps["enabled"]),
                origin: word(&apps["sandboxOrigin"]),
                port: number(&apps["sandboxPort"]).unwrap_or(port.unwrap_or(DEFAULT_PORT).wrapping_add(1)),
            },
            portals: number(&ingress["port"])
                .map(|port| PortalsListener { domain: word(&ingress["domain"]).map(lower), port }),
            dangerous: DANGEROUS.into_iter().filter(|name| on(&ui[*name])).collect(),
            partial: [root, gateway, ui, &gateway["auth"], proxy].iter().any(|part| part.get("$include").is_some())
                || [&gateway["trustedProxies"], &ui["allowedOrigins"]].iter().any(|part| is_elsewhere(part)),
        }
    }

    /// Whether the gateway takes a connection from `ip` for a proxy's.
    pub(crate) fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().filter_map(|text| net(text)).any(|net| net.contains(&ip.to_canonical()))
    }

    /// Whether a page at `origin`, written as browsers do, may connect by the list alone. As the gateway compares:
    /// without the spaces around an entry and without regard to case, and nothing else.
    pub(crate) fn lists(&self, origin: &str) -> bool {
        let is = |entry: &String| matches!(entry.trim(), "*") || entry.trim().eq_ignore_ascii_case(origin);
        self.allowed_origins.iter().any(is)
    }
}

/// The path below which the gateway has its pages; `None` where that is the root.
pub(crate) fn base_path(text: &str) -> Option<String> {
    let bare = text.trim().trim_matches('/');
    (!bare.is_empty()).then(|| format!("/{bare}"))
}

/// An address, or a network.
pub(in crate::doctor) fn net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// An object where there should be a list is an include, and a string in braces a variable.
fn is_elsewhere(value: &Value) -> bool {
    value.is_object() || value.is_string() || strings(value).iter().any(|text| text.contains("${"))
}

/// The port that a gateway listens on by default.
pub(crate) const DEFAULT_PORT: u16 = 18789;

const DANGEROUS: [&str; 3] =
    ["allowInsecureAuth", "dangerouslyDisableDeviceAuth", "dangerouslyAllowHostHeaderOriginFallback"];

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"// mine
    {
      /* the gateway */
      gateway: {
        port: 18789, bind: 'loopback', tls: { enabled: true },
        auth: { mode: "trusted-proxy", token: "s3cret-token", trustedProxy: { allowLoopback: true, userHeader: " X-Auth-User ", requiredHeaders: ["X-Key"], allowUsers: ["Ann"] } },
        publicOrigin: "https://gw.example", portals: { ingress: { domain: "P.example", port: 18890 } },
        "trustedProxies": ["127.0.0.1", '10.0.0.0/8', ],
        controlUi: { basePath: "openclaw/", allowedOrigins: ["https://GW.example:8443"], allowInsecureAuth: true, },
      },
      mcp: { apps: { enabled: true, sandboxOrigin: "https://apps.example" } },
      plugins: { entries: { 'device-pair': { config: { publicUrl: "https://gw.example" } } } },
      limit: +.5, size: 0x10, big: Infinity, text: 'it\
 goes on',
    }"#;

    #[test]
    fn json5_is_read_as_the_gateway_does() {
        let settings = read(FULL).unwrap();
        let expected = GatewaySettings {
            port: Some(18789),
            bind: Some("loopback".to_owned()),
            tls: true,
            trusted_proxies: vec!["127.0.0.1".to_owned(), "10.0.0.0/8".to_owned()],
            auth_mode: Some("trusted-proxy".to_owned()),
            trusted_proxy: TrustedProxy {
                user_header: Some("x-auth-user".to_owned()),
                required_headers: vec!["x-key".to_owned()],
                allow_users: vec!["Ann".to_owned()],
                allow_loopback: Some(true),
            },
            control_ui: true,
            allowed_origins: vec!["https://GW.example:8443".to_owned()],
            public_origin: Some("https://gw.example".to_owned()),
            pairing_url: Some("https://gw.example".to_owned()),
            base_path: Some("/openclaw".to_owned()),
            tls_cert: None,
            apps: AppsListener { enabled: true, origin: Some("https://apps.example".to_owned()), port: 18790 },
            portals: Some(PortalsListener { domain: Some("p.example".to_owned()), port: 18890 }),
            dangerous: vec!["allowInsecureAuth"],
            partial: false,
        };
        assert_eq!(settings, expected);
        assert!(!format!("{settings:?}").contains("s3cret"));
        for (ip, trusted) in [("127.0.0.1", true), ("::ffff:127.0.0.1", true), ("10.9.9.9", true), ("::1", false)] {
            assert_eq!(settings.trusts(ip.parse().unwrap()), trusted, "{ip}");
        }
        assert!(settings.lists("https://gw.example:8443") && !settings.lists("https://gw.example"));
        for (entry, lists) in
            [("https://gw", true), (" https://GW ", true), ("*", true), ("https://gw/", false), ("http://gw", false)]
        {
            let one = GatewaySettings { allowed_origins: vec![entry.to_owned()], ..GatewaySettings::default() };
            assert_eq!(one.lists("https://gw"), lists, "{entry}");
        }
    }

    #[test]
    fn what_is_kept_elsewhere_is_not_taken_for_missing() {
        for (text, partial) in [
            ("{}", false),
            (r#"{"gateway":{"trustedProxies":[]}}"#, false),
            (r#"{"$include":"./base.json5"}"#, true),
            (r#"{gateway:{$include:"./gateway.json5"}}"#, true),
            (r#"{gateway:{trustedProxies:{$include:"./proxies.json5"}}}"#, true),
            (r#"{gateway:{trustedProxies:["${PROXY}"]}}"#, true),
            (r#"{gateway:{controlUi:{allowedOrigins:["https://${NAME}"]}}}"#, true),
        ] {
            assert_eq!(read(text).unwrap().partial, partial, "{text}");
        }
    }

    #[test]
    fn an_error_names_the_place_and_repeats_nothing() {
        let secret = "{\n  gateway: { auth: { token: \"s3cret\" \"x\" } }\n}";
        let error = read(secret).unwrap_err();
        assert!(matches!(error, UnreadableSettings::Syntax { line: 2, .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
        assert_eq!(read("[1]"), Err(UnreadableSettings::NoObject));
        assert_eq!(read(""), Err(UnreadableSettings::NoObject));
    }
}
