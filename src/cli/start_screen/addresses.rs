//! [`addresses()`]: what people open, by the configuration and the listeners. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::config::{Config, Name};

/// What people open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cli) struct Addresses {
    /// URLs, those that most people can use first.
    pub(in crate::cli) urls: Vec<String>,
    /// The URL that works from a phone in the same network.
    pub(in crate::cli) for_phone: Option<String>,
}

/// The URLs for listeners at `https` and `plain`, on a machine with these addresses in its networks.
pub(in crate::cli) fn addresses(
    config: &Config,
    https: &[SocketAddr],
    plain: &[SocketAddr],
    machine: &[IpAddr],
) -> Addresses {
    let mut found = Addresses::default();
    let mut add = |url: String, elsewhere: bool| {
        if elsewhere && found.for_phone.is_none() {
            found.for_phone = Some(url.clone());
        }
        if !found.urls.contains(&url) {
            found.urls.push(url);
        }
    };
    if let Some(public) = &config.public_origin {
        add(format!("{public}/"), true);
    }
    if let Some(first) = https.first() {
        let url = |host: &str| {
            if first.port() == 443 { format!("https://{host}/") } else { format!("https://{host}:{}/", first.port()) }
        };
        let is_wide = !first.ip().is_loopback();
        let names = config.tls.names.iter().filter(|name| !name.to_string().starts_with("*."));
        let (here, elsewhere): (Vec<&Name>, Vec<&Name>) = names.partition(|name| is_loopback(name));
        for name in elsewhere {
            add(url(&host(name)), is_wide);
        }
        // The certificate for an address is made when a client comes by it.
        let by_address = config.tls.is_local() && !config.tls.uses_acme();
        if first.ip().is_unspecified() && by_address {
            let own = machine.iter().filter(|ip| first.ip().is_ipv6() || ip.is_ipv4()).take(MOST_ADDRESSES);
            for ip in own {
                add(url(&host(&Name::Ip(*ip))), true);
            }
        } else if is_wide && by_address && !first.ip().is_unspecified() {
            add(url(&host(&Name::Ip(first.ip()))), true);
        }
        for name in here {
            add(url(&host(name)), false);
        }
    }
    for address in plain {
        add(format!("http://{address}/"), false);
    }
    found
}

fn host(name: &Name) -> String {
    match name {
        Name::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
        name => name.to_string(),
    }
}

fn is_loopback(name: &Name) -> bool {
    match name {
        Name::Dns(name) => name == "localhost" || name.ends_with(".localhost"),
        Name::Ip(ip) => ip.is_loopback(),
    }
}

/// A machine with containers has an address for each of their networks.
const MOST_ADDRESSES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigLocation, Overrides, load};

    #[test]
    fn the_url_that_most_people_can_use_comes_first() {
        type Row = (&'static str, &'static [&'static str], &'static [&'static str], Option<&'static str>);
        let rows: [Row; 6] = [
            (
                "{}",
                &["[::]:8443"],
                &["https://192.168.1.7:8443/", "https://[fd00::7]:8443/", "https://localhost:8443/"],
                Some("https://192.168.1.7:8443/"),
            ),
            ("{}", &["127.0.0.1:8443"], &["https://localhost:8443/"], None),
            (
                "tls: { names: [localhost, gw.lan, \"*.gw.lan\"] }",
                &["0.0.0.0:443"],
                &["https://gw.lan/", "https://192.168.1.7/", "https://localhost/"],
                Some("https://gw.lan/"),
            ),
            (
                "{ public_origin: https://claw.example.com, tls: { names: [gw.lan] } }",
                &["127.0.0.1:8443"],
                &["https://claw.example.com/", "https://gw.lan:8443/"],
                Some("https://claw.example.com/"),
            ),
            // A certificate from elsewhere is for its names alone.
            (
                "{ tls: { names: [gw.example.com], certificate: acme }, listen: { http: [\":80\"] } }",
                &["[::]:443"],
                &["https://gw.example.com/"],
                Some("https://gw.example.com/"),
            ),
            ("{}", &[], &["http://127.0.0.1:8080/"], None),
        ];
        let machine: Vec<IpAddr> = ["192.168.1.7", "fd00::7"].map(|ip| ip.parse().unwrap()).into();
        for (yaml, https, expected, phone) in rows {
            let source = ConfigLocation::Text { text: yaml.to_owned(), file: "f.yaml".into() };
            let config = load(source, [], &Overrides::default()).unwrap().config;
            let https: Vec<SocketAddr> = https.iter().map(|at| at.parse().unwrap()).collect();
            let plain: &[SocketAddr] = if https.is_empty() { &["127.0.0.1:8080".parse().unwrap()] } else { &[] };
            let found = addresses(&config, &https, plain, &machine);
            assert_eq!(found.urls, expected, "{yaml}");
            assert_eq!(found.for_phone.as_deref(), phone, "{yaml}");
        }
    }
}
