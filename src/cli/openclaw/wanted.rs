//! [`wanted()`]: the config for one domain, from the command line and the gateway's settings. Pure.

use std::net::IpAddr;

use super::args::SetupArgs;
use crate::cli::new_config::{CertificateAnswer, GatewayParts, NewConfig, PortalsPart};
use crate::config::is_loopback;
use crate::doctor::settings::{DEFAULT_PORT, GatewaySettings, base_path};
use crate::http::edge::host::split;

/// The config, and what was left out of it, a sentence each. `pin` is the fingerprint of the gateway's own certificate.
///
/// # Errors
/// What the user asks for cannot be had, in words.
pub(super) fn wanted(
    args: &SetupArgs,
    settings: Option<&GatewaySettings>,
    pin: Option<String>,
) -> Result<(NewConfig, Vec<String>), String> {
    let mut left_out = Vec::new();
    let domain = args.domain.to_ascii_lowercase();
    let listen = args.listen.clone();
    let port = args.public_port.or_else(|| port_of(&listen)).unwrap_or(443);
    let upstream = upstream(args, settings);
    let pin = pin.filter(|_| upstream.starts_with("https://"));
    let named = NewConfig { names: vec![domain.clone()], ..NewConfig::default() };
    let certificate = match &args.certificate {
        Some(text) => CertificateAnswer::of(text)?,
        None if named.has_public_name() => CertificateAnswer::Acme,
        None => CertificateAnswer::Local,
    };
    let apps = (!args.no_apps).then(|| {
        let name = args.apps.clone().unwrap_or_else(|| format!("mcp-apps.{domain}"));
        let port = settings.map_or(DEFAULT_PORT + 1, |settings| settings.apps.port);
        (name.to_ascii_lowercase(), second(&upstream, port))
    });
    let ingress = settings.and_then(|settings| settings.portals.as_ref());
    let portals = (!args.no_portals).then(|| PortalsPart {
        domain: (args.portals.clone())
            .or_else(|| ingress.and_then(|ingress| ingress.domain.clone()))
            .unwrap_or_else(|| format!("preview.{domain}"))
            .to_ascii_lowercase(),
        port: ingress.map_or(PORTALS_PORT, |ingress| ingress.port),
        from: if args.portals_from.is_empty() {
            PRIVATE.map(str::to_owned).to_vec()
        } else {
            args.portals_from.clone()
        },
    });
    let portals = match portals.as_ref().and_then(|portals| against(portals, args, &upstream, port, &certificate)) {
        None => portals,
        Some(why) if args.portals.is_some() => return Err(why),
        Some(why) => {
            left_out.push(why);
            None
        }
    };
    if let Some(name) = apps.iter().map(|(name, _)| name).find(|name| **name == domain) {
        return Err(format!(
            "--apps: {name} is the Control UI's own name, and apps are pages of other people's\n    hint: --apps mcp-apps.{domain}"
        ));
    }
    let of_portals = portals.iter().map(|portals| &portals.domain);
    for (below, name) in of_portals
        .flat_map(|below| [&domain].into_iter().chain(apps.iter().map(|(name, _)| name)).map(move |name| (below, name)))
    {
        if name == below || name.ends_with(&format!(".{below}")) {
            return Err(format!("--portals: {name} would be a portal's name\n    hint: --portals preview.{domain}"));
        }
    }
    let mut names = vec![domain.clone()];
    names.extend(apps.iter().map(|(name, _)| name.clone()));
    names.extend(portals.iter().map(|portals| format!("*.{}", portals.domain)));
    let base_path =
        args.base_path.as_deref().map_or_else(|| settings.and_then(|settings| settings.base_path.clone()), base_path);
    let parts = GatewayParts {
        domain,
        port,
        email: args.email.clone(),
        dns_hook: args.dns_hook.clone(),
        pin,
        base_path,
        apps,
        portals,
    };
    Ok((NewConfig { upstream, names, certificate, listen, parts: Some(parts) }, left_out))
}

/// Why portals cannot be had so.
fn against(
    portals: &PortalsPart,
    args: &SetupArgs,
    upstream: &str,
    port: u16,
    certificate: &CertificateAnswer,
) -> Option<String> {
    let below = &portals.domain;
    if !is_loopback(place(upstream).1) {
        Some(format!(
            "portals (*.{below}) listen on the gateway's own machine alone, and {upstream} is another\n    hint: run frontgate there"
        ))
    } else if port != 443 {
        Some(format!(
            "portals (*.{below}) have no port in their addresses, and frontgate has port {port}\n    hint: --listen :443, or --public-port 443 where \
             something leads that port to frontgate"
        ))
    } else if *certificate == CertificateAnswer::Acme && args.dns_hook.is_none() {
        Some(format!(
            "portals (*.{below}) need a wildcard certificate, and for that the authority wants a DNS record\n    hint: --dns-hook PROGRAM, which \
             makes it, or --certificate CERT,KEY with all names"
        ))
    } else {
        None
    }
}

fn upstream(args: &SetupArgs, settings: Option<&GatewaySettings>) -> String {
    args.upstream.clone().unwrap_or_else(|| {
        let (scheme, port) =
            settings.map_or(("http", None), |settings| (if settings.tls { "https" } else { "http" }, settings.port));
        format!("{scheme}://127.0.0.1:{}", port.unwrap_or(DEFAULT_PORT))
    })
}

/// Another listener of the gateway at `upstream`.
fn second(upstream: &str, port: u16) -> String {
    let (scheme, host) = place(upstream);
    format!("{scheme}{host}:{port}")
}

/// The address, if `upstream` is on this very machine.
pub(super) fn loopback(upstream: &str) -> Option<IpAddr> {
    let (_, host) = place(upstream);
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()?;
    ip.is_loopback().then_some(ip)
}

/// What stands up to the host of a URL, and the host.
fn place(upstream: &str) -> (&str, &str) {
    let bare = upstream.trim_end_matches('/');
    let (scheme, authority) = bare.split_at(bare.find("://").map_or(0, |at| at + 3));
    (scheme, split(authority).0)
}

/// The port at the end of an address to listen on.
fn port_of(listen: &str) -> Option<u16> {
    listen.rsplit_once(':').map_or(listen, |(_, port)| port).parse().ok()
}

const PORTALS_PORT: u16 = 18890;

/// The clients that may open portals where nothing is said: OpenClaw wants them private (RFC 1918, RFC 6598, RFC 4193, this machine).
const PRIVATE: [&str; 7] =
    ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::doctor::settings::read;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SetupArgs,
    }

    fn args(words: &str) -> SetupArgs {
        Line::parse_from(["setup", "--domain", "gw.lan"].into_iter().chain(words.split_whitespace())).args
    }

    fn of(words: &str, settings: &str) -> (NewConfig, Vec<String>) {
        let settings = read(settings).unwrap();
        let (config, left_out) = wanted(&args(words), Some(&settings), Some("AA".to_owned())).unwrap();
        (config, left_out)
    }

    #[test]
    fn one_domain_gives_all_names_and_routes() {
        let (config, left_out) = of("", "{}");
        assert_eq!(
            (config.names.as_slice(), left_out.len()),
            (&["gw.lan", "mcp-apps.gw.lan", "*.preview.gw.lan"].map(str::to_owned)[..], 0)
        );
        let parts = config.parts.unwrap();
        assert_eq!((parts.origin().as_str(), parts.pin), ("https://gw.lan", None));
        assert_eq!(parts.apps.unwrap().1, "http://127.0.0.1:18790");
    }

    #[test]
    fn the_gateways_own_settings_are_followed() {
        let text = r"{gateway:{port:19001,tls:{enabled:true},controlUi:{basePath:'openclaw'},portals:{ingress:{domain:'p.lan',port:7}}},
            mcp:{apps:{sandboxPort:8}}}";
        let (config, _) = of("", text);
        let parts = config.parts.unwrap();
        assert_eq!(config.upstream, "https://127.0.0.1:19001");
        assert_eq!(parts.apps.unwrap().1, "https://127.0.0.1:8");
        assert_eq!((parts.base_path.as_deref(), parts.pin.as_deref()), (Some("/openclaw"), Some("AA")));
        assert_eq!(parts.portals.map(|portals| (portals.domain, portals.port)), Some(("p.lan".to_owned(), 7)));
    }

    #[test]
    fn what_cannot_be_had_is_left_out_or_refused_where_it_was_asked_for() {
        for words in ["--listen :8443", "--certificate acme", "--upstream http://10.0.0.4:18789"] {
            let (config, left_out) = of(words, "{}");
            assert!(left_out[0].starts_with("portals (*.preview.gw.lan)"), "{left_out:?}");
            assert_eq!(config.names.len(), 2, "{words}");
            let asked = args(&format!("{words} --portals preview.gw.lan"));
            assert!(wanted(&asked, None, None).is_err(), "{words}");
        }
        for words in ["--listen :8443 --public-port 443", "--certificate acme --dns-hook /bin/true"] {
            assert_eq!(of(words, "{}").1, Vec::<String>::new(), "{words}");
        }
        for words in ["--apps gw.lan", "--portals lan", "--portals gw.lan", "--certificate nonsense"] {
            assert!(wanted(&args(words), None, None).is_err(), "{words}");
        }
    }
}
