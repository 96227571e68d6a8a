//! [`GatewayParts`]: what an OpenClaw gateway has besides its own listener, as routes. Pure.

use std::fmt::{self, Write};

use crate::config::written;

/// What an OpenClaw gateway has besides its own listener.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::cli) struct GatewayParts {
    /// The name that browsers open.
    pub(in crate::cli) domain: String,
    /// The port that they open.
    pub(in crate::cli) port: u16,
    /// Where the certificate authority may write to.
    pub(in crate::cli) email: Option<String>,
    /// The program that makes the records by which names are proven.
    pub(in crate::cli) dns_hook: Option<String>,
    /// The fingerprint of the gateway's own certificate, where it has one.
    pub(in crate::cli) pin: Option<String>,
    /// `gateway.controlUi.basePath`, without a slash at its end.
    pub(in crate::cli) base_path: Option<String>,
    /// The name of MCP Apps, and the URL of the gateway's listener for them.
    pub(in crate::cli) apps: Option<(String, String)>,
    pub(in crate::cli) portals: Option<PortalsPart>,
}

/// The names of portals, and the clients that may open them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct PortalsPart {
    /// All portals have names below it.
    pub(in crate::cli) domain: String,
    pub(in crate::cli) port: u16,
    /// Networks of clients.
    pub(in crate::cli) from: Vec<String>,
}

impl GatewayParts {
    /// The origin of the Control UI's pages.
    pub(in crate::cli) fn origin(&self) -> String {
        self.origin_of(&self.domain)
    }

    /// The origin of pages at that name, as browsers write it.
    pub(in crate::cli) fn origin_of(&self, name: &str) -> String {
        if self.port == 443 { format!("https://{name}") } else { format!("https://{name}:{}", self.port) }
    }

    /// Writes `tls.acme`.
    pub(super) fn write_acme(&self, yaml: &mut String) -> fmt::Result {
        if self.email.is_some() || self.dns_hook.is_some() {
            writeln!(yaml, "  acme:")?;
        }
        if let Some(email) = &self.email {
            writeln!(yaml, "    email: {}", written(email))?;
        }
        if let Some(program) = &self.dns_hook {
            writeln!(yaml, "    dns: {{ exec: [{}] }}", written(program))?;
        }
        Ok(())
    }

    /// Writes `routes`, and `upstreams` where the gateway at `upstream` has a certificate of its own.
    pub(super) fn write_routes(&self, yaml: &mut String, upstream: &str) -> fmt::Result {
        if let Some(pin) = &self.pin {
            writeln!(
                yaml,
                "upstreams:   # gateway.tls: a renewed certificate needs a new pin, which `frontgate doctor` shows"
            )?;
            let tls = format!("tls: {{ pin: \"{pin}\" }}");
            writeln!(yaml, "  gateway: {{ endpoints: [{}], {tls} }}", written(upstream))?;
            if let Some((_, url)) = &self.apps {
                writeln!(yaml, "  apps: {{ endpoints: [{}], {tls} }}", written(url))?;
            }
        }
        writeln!(yaml, "routes:")?;
        if let Some(path) = &self.base_path {
            writeln!(
                yaml,
                "  # The pages are below gateway.controlUi.basePath; WebSockets of apps and nodes may come to / all the same."
            )?;
            writeln!(
                yaml,
                "  - {{ host: {}, path: {{ exact: / }}, not: {{ headers: {{ upgrade: {{ present: true }} }} }}, respond: {{ status: 302, location: {} }} }}",
                written(&self.domain),
                written(&format!("{path}/"))
            )?;
        }
        if let Some((name, url)) = &self.apps {
            writeln!(yaml, "  # MCP Apps: pages of other people's, in an origin of their own that has nothing else.")?;
            let target = if self.pin.is_some() { "apps".to_owned() } else { written(url) };
            writeln!(yaml, "  - {{ host: {}, upstream: {target}, auth: none }}", written(name))?;
        }
        if let Some(portals) = &self.portals {
            portals.write(yaml)?;
        }
        writeln!(yaml, "  # The gateway itself, by whatever name.")?;
        writeln!(yaml, "  - {}", if self.pin.is_some() { "{ upstream: gateway }" } else { "{}" })
    }
}

impl PortalsPart {
    fn write(&self, yaml: &mut String) -> fmt::Result {
        writeln!(
            yaml,
            "  # Portals: servers that agents started, each with a token of its own. Their names are for these networks alone, and"
        )?;
        writeln!(yaml, "  # they learn nothing of who is logged in elsewhere.")?;
        writeln!(yaml, "  - host: {}", written(&format!("*.{}", self.domain)))?;
        writeln!(yaml, "    upstream: http://127.0.0.1:{}", self.port)?;
        writeln!(yaml, "    auth: none")?;
        let from: Vec<_> = self.from.iter().map(|net| format!("\"{net}\"")).collect();
        writeln!(yaml, "    allow: [{}]", from.join(", "))?;
        writeln!(yaml, "    request_headers:")?;
        writeln!(yaml, "      remove:")?;
        for line in IDENTITY {
            writeln!(yaml, "        {line}")?;
        }
        Ok(())
    }
}

/// What login services before frontgate say of a user. Of other clients these never pass; a portal's own listener takes away
/// `X-Forwarded-*`, Cloudflare's and Tailscale's.
const IDENTITY: [&str; 4] = [
    "[X-Auth-Request-User, X-Auth-Request-Email, X-Auth-Request-Groups, X-Auth-Request-Preferred-Username, X-Auth-Request-Access-Token,",
    " Remote-User, Remote-Groups, Remote-Email, Remote-Name, X-Webauth-User, X-Webauth-Email, X-Webauth-Name, X-Webauth-Role,",
    " X-Authentik-Username, X-Authentik-Groups, X-Authentik-Email, X-Authentik-Name, X-Authentik-Uid, X-Authentik-Entitlements,",
    " X-Authentik-Jwt, X-Openclaw-Scopes]",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::new_config::{CertificateAnswer, NewConfig};
    use crate::config::{Config, ConfigLocation, Overrides, load};

    fn parts() -> GatewayParts {
        GatewayParts {
            domain: "gw.example.com".to_owned(),
            port: 443,
            apps: Some(("mcp-apps.gw.example.com".to_owned(), "http://127.0.0.1:18790".to_owned())),
            portals: Some(PortalsPart {
                domain: "preview.gw.example.com".to_owned(),
                port: 18890,
                from: vec!["10.0.0.0/8".to_owned(), "fc00::/7".to_owned()],
            }),
            ..GatewayParts::default()
        }
    }

    fn config(parts: GatewayParts, certificate: CertificateAnswer) -> Config {
        let names =
            ["gw.example.com", "mcp-apps.gw.example.com", "*.preview.gw.example.com"].map(str::to_owned).to_vec();
        let new =
            NewConfig { names, certificate, listen: ":443".to_owned(), parts: Some(parts), ..NewConfig::default() };
        let source = ConfigLocation::Text { text: new.yaml(), file: "f.yaml".into() };
        load(source, [], &Overrides::default()).unwrap_or_else(|error| panic!("{error}\n{}", new.yaml())).config
    }

    #[test]
    fn every_part_is_a_route_that_is_accepted() {
        let plain = config(parts(), CertificateAnswer::Local);
        let hosts: Vec<_> =
            plain.routes.iter().map(|route| route.matchers.host.as_ref().map(ToString::to_string)).collect();
        assert_eq!(
            hosts,
            [Some("mcp-apps.gw.example.com".to_owned()), Some("*.preview.gw.example.com".to_owned()), None]
        );
        assert_eq!(plain.public_origin.as_deref(), Some("https://gw.example.com"));
        let below = GatewayParts { base_path: Some("/openclaw".to_owned()), ..parts() };
        assert!(config(below, CertificateAnswer::Local).routes[0].answers());
    }

    #[test]
    fn a_gateway_with_tls_is_pinned_wherever_it_is_reached() {
        let pin = crate::tls::Fingerprint::of(b"abc").to_string();
        let pinned = GatewayParts {
            pin: Some(pin),
            apps: Some(("mcp-apps.gw.example.com".to_owned(), "https://127.0.0.1:18790".to_owned())),
            ..parts()
        };
        let names = vec!["gw.example.com".to_owned()];
        let new = NewConfig {
            upstream: "https://127.0.0.1:18789".to_owned(),
            names,
            parts: Some(pinned),
            ..NewConfig::default()
        };
        let source = ConfigLocation::Text { text: new.yaml(), file: "f.yaml".into() };
        let config =
            load(source, [], &Overrides::default()).unwrap_or_else(|error| panic!("{error}\n{}", new.yaml())).config;
        let pinned: Vec<_> =
            config.upstreams.iter().map(|(name, group)| (name.as_str(), group.tls.pin.is_some())).collect();
        assert_eq!(pinned, [("gateway", true), ("apps", true)]);
    }

    #[test]
    fn a_public_wildcard_is_proven_by_the_dns() {
        let proven = GatewayParts {
            email: Some("ann@example.com".to_owned()),
            dns_hook: Some("/usr/local/bin/dns-hook".to_owned()),
            ..parts()
        };
        let config = config(proven, CertificateAnswer::Acme);
        assert!(config.tls.acme.dns.is_some() && config.tls.acme.email.is_some());
    }
}
