//! `frontgate cert show` under `certificate: acme`: the certificate that clients get for each name, asked of frontgate
//! itself. The files only tell which one it could show.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustls::pki_types::ServerName;

use crate::cli::failure::CommandFailure;
use crate::cli::run::runtime;
use crate::config::{Config, Name};
use crate::tls::{CaOnDisk, CertDescription, OnDisk, PresentedChain, TlsProbe};
use crate::upstream::Connector;

/// The chain to show for a name.
pub(super) enum ServedChain {
    /// The chain that a client gets from the address `at`.
    Shown { at: SocketAddr, presented: PresentedChain, is_local: bool },
    /// Frontgate does not answer; it would show the certificate in this file.
    Kept { found: OnDisk, why: String },
}

/// Asks frontgate for each name of the configuration.
pub(super) fn look(config: &Config) -> Result<Vec<(Name, ServedChain)>, CommandFailure> {
    let local_ca = config.state_dir.as_deref().and_then(|dir| CaOnDisk::read(dir).ok());
    let issuer = local_ca.and_then(|ca| CertDescription::read(&ca.certificate)).map(|ca| ca.subject);
    let runtime = runtime()?;
    let mut all = Vec::new();
    for name in &config.tls.names {
        let served = match address(config, name) {
            None => Err("no port to ask at".to_owned()),
            Some(at) => runtime.block_on(ask(at, name)).map(|presented| (at, presented)),
        };
        let served = match served {
            Ok((at, presented)) => {
                let leaf = presented.chain.first().and_then(|leaf| CertDescription::read(leaf));
                let is_local = leaf.is_some_and(|leaf| Some(leaf.issuer) == issuer);
                ServedChain::Shown { at, presented, is_local }
            }
            Err(why) => ServedChain::Kept { found: kept(config, name)?, why },
        };
        all.push((name.clone(), served));
    }
    Ok(all)
}

/// The address where a client of this machine reaches frontgate.
fn address(config: &Config, name: &Name) -> Option<SocketAddr> {
    let listener = config.listen.https.iter().map(|listener| listener.address).find(|address| address.port() != 0)?;
    let ip = match (listener.ip(), name) {
        (ip, Name::Ip(own)) if ip.is_unspecified() => *own,
        (ip, Name::Dns(_)) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        (ip, _) => ip,
    };
    Some((ip, listener.port()).into())
}

async fn ask(at: SocketAddr, name: &Name) -> Result<PresentedChain, String> {
    let (probe, client) = TlsProbe::new().map_err(|error| error.to_string())?;
    let server = ServerName::try_from(name.to_string()).map_err(|error| error.to_string())?;
    let connector = Connector::at(at, Some(LONGEST_WAIT), Some((client, server)));
    connector.connect().await.map_err(|error| error.to_string())?;
    probe.shown().ok_or_else(|| "no certificate was shown".to_owned())
}

/// The public certificate where one is kept, else the local one.
fn kept(config: &Config, name: &Name) -> Result<OnDisk, CommandFailure> {
    let dir = config.state_dir.as_deref();
    if let Some(found) = dir.and_then(|dir| OnDisk::public(&config.tls, dir, name).ok()) {
        return Ok(found);
    }
    let mut found = OnDisk::read(&config.tls, dir).map_err(anyhow::Error::new)?;
    let is_for_it = |found: &OnDisk| {
        found.chain.first().and_then(|leaf| CertDescription::read(leaf)).is_some_and(|leaf| leaf.covers(name))
    };
    let index = found.iter().position(is_for_it).unwrap_or(0);
    (index < found.len())
        .then(|| found.swap_remove(index))
        .ok_or_else(|| anyhow::anyhow!("there is no certificate yet").into())
}

const LONGEST_WAIT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_where_this_machine_reaches_it() {
        let dns = Name::Dns("gw.example.com".to_owned());
        let ip = Name::Ip([192, 0, 2, 7].into());
        for (listeners, name, expected) in [
            (&["[::]:443"][..], &dns, Some("127.0.0.1:443")),
            (&["0.0.0.0:443"], &ip, Some("192.0.2.7:443")),
            (&["10.0.0.1:8443"], &dns, Some("10.0.0.1:8443")),
            (&["10.0.0.1:8443"], &ip, Some("10.0.0.1:8443")),
            (&["127.0.0.1:0", "127.0.0.1:1"], &dns, Some("127.0.0.1:1")),
            (&["127.0.0.1:0"], &dns, None),
            (&[], &dns, None),
        ] {
            let mut config = Config::default();
            config.listen.https = listeners.iter().map(|address| address.parse().unwrap()).collect();
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(address(&config, name), expected, "{listeners:?} {name}");
        }
    }
}
