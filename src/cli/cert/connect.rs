//! `frontgate cert show --connect`: the chain that a server shows to its clients right now.

use std::time::Duration;

use anyhow::Context as _;
use rustls::pki_types::ServerName;

use crate::cli::failure::CommandFailure;
use crate::cli::run::runtime;
use crate::config::UpstreamAddress;
use crate::tls::{PresentedChain, TlsProbe};
use crate::upstream::Connector;

/// Makes one TLS handshake with `host:port` and sends nothing.
pub(super) fn look(address: &str) -> Result<PresentedChain, CommandFailure> {
    let (host, port) = split(address).ok_or_else(|| {
        CommandFailure::wrong(format!("--connect: `{address}` is not HOST:PORT\n    hint: gw.example.com:8443"))
    })?;
    let (probe, client) = TlsProbe::new().map_err(anyhow::Error::new)?;
    let upstream = UpstreamAddress::Https { host, port };
    let tls = |host: &str| anyhow::Ok((client, ServerName::try_from(host.to_owned())?));
    let made = Connector::new(&upstream, Some(LONGEST_WAIT), tls);
    let connector = made.with_context(|| format!("--connect {address}"))?;
    runtime()?.block_on(connector.connect()).with_context(|| format!("cannot look at {address}"))?;
    Ok(probe.shown().context("the server showed no certificate")?)
}

fn split(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_host = !bare.is_empty() && (!bare.contains(':') || bare.len() < host.len());
    Some((bare.to_owned(), port.parse().ok()?)).filter(|_| is_host)
}

const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (address, expected) in [
            ("gw.lan:8443", Some(("gw.lan", 8443))),
            ("127.0.0.1:1", Some(("127.0.0.1", 1))),
            ("[::1]:443", Some(("::1", 443))),
            ("::1:443", None),
            ("gw.lan", None),
            (":443", None),
            ("gw.lan:https", None),
            ("https://gw.lan:443", None),
        ] {
            assert_eq!(split(address), expected.map(|(host, port)| (host.to_owned(), port)), "{address}");
        }
    }
}
