//! What the gateway's configuration and frontgate's own mean, without asking either of them.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::{AllowedOrigins, BindAddr, Config, LocalClients};
use crate::doctor::catalogue::settings::KnownSettings;
use crate::doctor::catalogue::{own, settings as found};
use crate::doctor::finding::Diagnosis;
use crate::doctor::planned::ClientName;
use crate::doctor::settings::net;

/// Judges the gateway's configuration. `local` is our address on the way to that gateway, `sites` are the names that
/// lead there.
pub(in crate::doctor) fn settings(
    diagnosis: &mut Diagnosis,
    known: &KnownSettings<'_>,
    local: Option<IpAddr>,
    sites: &[ClientName],
) {
    let settings = known.settings;
    let here = local.is_some_and(|ip| ip.is_loopback());
    if !settings.control_ui {
        diagnosis.found(found::control_ui_off(known));
    }
    let ui = || sites.iter().flat_map(|site| &site.origins).map(|origin| &origin.origin).chain(&settings.public_origin);
    if let Some(origin) = settings.apps.origin.as_ref().filter(|_| settings.apps.enabled)
        && (settings.lists(origin) && !settings.lists("https://nobody.invalid")
            || ui().any(|own| own.trim_end_matches('/').eq_ignore_ascii_case(origin.trim_end_matches('/'))))
    {
        diagnosis.found(found::sandbox_is_the_ui(known, origin));
    }
    let wide: Vec<_> =
        settings.trusted_proxies.iter().map(String::as_str).filter(|entry| net(entry).is_some_and(is_wide)).collect();
    if !wide.is_empty() && diagnosis.findings.iter().all(|finding| finding.id != "trusted_proxies_too_wide") {
        diagnosis.found(found::everybody_trusted(known, &wide, false));
    }
    for name in &settings.dangerous {
        diagnosis.found(found::needless(known, name));
    }
    if let Some(bind) = settings.bind.as_deref().filter(|bind| *bind == "lan" && here && !settings.tls) {
        diagnosis.found(found::exposed(known, bind));
    }
}

/// Judges frontgate's own configuration where it keeps clients out.
pub(in crate::doctor) fn own_settings(diagnosis: &mut Diagnosis, config: &Config, sites: &[ClientName]) {
    if let AllowedOrigins::List(list) = &config.websocket.allowed_origins {
        for site in sites.iter().filter(|site| !site.any_port) {
            // Clients may all use one of several ports.
            if let Some(first) =
                site.origins.first().filter(|_| !site.origins.iter().any(|one| list.contains(&one.origin)))
            {
                diagnosis.found(own::own_origins(&first.origin));
            }
        }
    }
    let listen = &config.listen;
    let plain = listen.plain.iter().filter_map(|listener| match &listener.address {
        BindAddr::Tcp(at) => Some(*at),
        // A client of a unix listener is named by a header.
        BindAddr::Unix(_) => None,
    });
    let proxied = |ip: IpAddr| {
        config.forwarded.trusted_proxies.iter().chain(&listen.proxy_protocol_from).any(|net| net.contains(&ip))
    };
    for at in listen.https.iter().map(|listener| listener.address).chain(plain) {
        if at.ip().is_loopback() && config.forwarded.local_clients == LocalClients::Forwarded && !proxied(at.ip()) {
            diagnosis.found(own::local_clients_refused(&at.to_string()));
        }
    }
}

/// Whether ordinary clients live in it. A container network is a /16 at most.
fn is_wide(net: IpNet) -> bool {
    match net {
        IpNet::V4(net) if net.network().is_loopback() => false,
        IpNet::V4(net) => {
            net.prefix_len() < 16 || (net.prefix_len() == 16 && net.network().octets()[..2] == [192, 168])
        }
        IpNet::V6(net) => net.prefix_len() < 48,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Forwarded;
    use crate::doctor::planned::ProbedOrigin;
    use crate::doctor::settings::read;

    #[test]
    fn the_gateways_settings_that_keep_people_out_or_let_too_many_in() {
        let rows: [(&str, &str, &[&str]); 15] = [
            (
                r#"{gateway:{trustedProxies:["127.0.0.1","::1"],controlUi:{allowedOrigins:["https://a"]}}}"#,
                "127.0.0.1",
                &[],
            ),
            (r#"{gateway:{publicOrigin:"https://gw",portals:{ingress:{domain:"p.gw",port:18890}}}}"#, "127.0.0.1", &[]),
            (r#"{mcp:{apps:{enabled:true,sandboxOrigin:"https://apps"}}}"#, "127.0.0.1", &[]),
            (r#"{mcp:{apps:{sandboxOrigin:"https://gw:8443"}}}"#, "127.0.0.1", &[]),
            (
                r#"{mcp:{apps:{enabled:true,sandboxOrigin:"https://GW:8443/"}}}"#,
                "127.0.0.1",
                &["sandbox_origin_is_the_ui"],
            ),
            (
                r#"{gateway:{publicOrigin:"https://x"},mcp:{apps:{enabled:true,sandboxOrigin:"https://x"}}}"#,
                "127.0.0.1",
                &["sandbox_origin_is_the_ui"],
            ),
            (
                r#"{gateway:{controlUi:{allowedOrigins:["https://y"]}},mcp:{apps:{enabled:true,sandboxOrigin:"https://y"}}}"#,
                "127.0.0.1",
                &["sandbox_origin_is_the_ui"],
            ),
            (
                r#"{gateway:{controlUi:{allowedOrigins:["*"]}},mcp:{apps:{enabled:true,sandboxOrigin:"https://y"}}}"#,
                "127.0.0.1",
                &[],
            ),
            (r"{gateway:{controlUi:{enabled:false}}}", "127.0.0.1", &["control_ui_off"]),
            (r"{gateway:{controlUi:{allowInsecureAuth:true}}}", "127.0.0.1", &["gateway_weakened"]),
            (r#"{gateway:{bind:"lan"}}"#, "127.0.0.1", &["gateway_exposed"]),
            (r#"{gateway:{bind:"lan"}}"#, "172.17.0.3", &[]),
            (r#"{gateway:{trustedProxies:["10.0.0.0/8"]}}"#, "127.0.0.1", &["trusted_proxies_too_wide"]),
            (r#"{gateway:{trustedProxies:["192.168.0.0/16"]}}"#, "127.0.0.1", &["trusted_proxies_too_wide"]),
            (r#"{gateway:{trustedProxies:["172.17.0.0/16","127.0.0.0/8","fd00:1::/64"]}}"#, "127.0.0.1", &[]),
        ];
        for (text, local, expected) in rows {
            let read = read(text).unwrap();
            let known = KnownSettings { file: Path::new("/o.json"), settings: &read };
            let mut diagnosis = Diagnosis::default();
            let site = ClientName {
                name: "gw".to_owned(),
                origins: vec![ProbedOrigin { origin: "https://gw:8443".to_owned(), host: "gw:8443".to_owned() }],
                any_port: false,
                path: "/".to_owned(),
            };
            settings(&mut diagnosis, &known, Some(local.parse().unwrap()), &[site]);
            assert!(diagnosis.findings.iter().all(|finding| finding.edit.is_none()), "no choice is undone");
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected, "{text} {local}");
        }
    }

    #[test]
    fn frontgates_own_list_of_origins_names_what_it_serves() {
        let site = |any_port| ClientName {
            name: "gw".to_owned(),
            origins: vec![ProbedOrigin { origin: "https://gw:8443".to_owned(), host: "gw:8443".to_owned() }],
            any_port,
            path: "/".to_owned(),
        };
        for (list, any_port, broken) in
            [(&["https://gw:8443"][..], false, false), (&["https://gw"], false, true), (&["https://gw"], true, false)]
        {
            let mut config = Config::default();
            config.websocket.allowed_origins = AllowedOrigins::List(list.iter().map(|one| (*one).to_owned()).collect());
            let mut diagnosis = Diagnosis::default();
            own_settings(&mut diagnosis, &config, &[site(any_port)]);
            assert_eq!(diagnosis.is_broken(), broken, "{list:?} {any_port}");
        }
    }

    #[test]
    fn a_loopback_listener_needs_a_proxy_or_local_clients() {
        let trusted = vec!["127.0.0.0/8".parse().unwrap()];
        for (address, local_clients, trusted_proxies, broken) in [
            ("127.0.0.1:8443", LocalClients::Forwarded, vec![], true),
            ("127.0.0.1:8443", LocalClients::Forwarded, trusted, false),
            ("127.0.0.1:8443", LocalClients::Auto, vec![], false),
            ("[::]:8443", LocalClients::Forwarded, vec![], false),
        ] {
            let mut config = Config::default();
            config.listen.https = vec![address.parse().unwrap()];
            config.forwarded = Forwarded { trusted_proxies, local_clients, ..Forwarded::default() };
            let mut diagnosis = Diagnosis::default();
            own_settings(&mut diagnosis, &config, &[]);
            assert_eq!(diagnosis.is_broken(), broken, "{address} {local_clients:?}");
        }
    }
}
