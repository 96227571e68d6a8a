//! `mod_ssl`: certificates, those of clients, and TLS to the gateway.

use super::Apache;
use super::requirements::ApacheNoted;
use super::scope::ApacheScope;
use crate::config::{ClientMode, TlsVersion};
use crate::import::draft::DraftCertificate;
use crate::import::node::ImportNode;

impl Apache<'_, '_> {
    pub(super) fn tls(&mut self, node: &ImportNode, scope: &mut ApacheScope) {
        let (place, shown) = (&node.place, &node.shown);
        let noted = || (place.clone(), shown.clone());
        let word = node.arg(0);
        let path = || self.root.join(word);
        match node.name.as_str() {
            "sslengine" => {
                let on = word.eq_ignore_ascii_case("on");
                scope.tls = Some(on);
                self.report.kept(place, shown, if on { "listen.https" } else { "no listen.https for this server" });
            }
            "sslcertificatefile" => scope.certificates.push((noted(), path())),
            "sslcertificatekeyfile" => scope.keys.push((noted(), path())),
            "sslcertificatechainfile" => {
                let remedy = "tls.certificate wants the chain in one file with the certificate: `cat cert.pem chain.pem > fullchain.pem`, \
                              and name that one as cert";
                self.report.dropped(place, shown, remedy);
            }
            "sslprotocol" => {
                let version = oldest(&node.args);
                let old = node.args.iter().any(|word| {
                    ["sslv3", "tlsv1", "tlsv1.1"].contains(&word.trim_start_matches('+').to_ascii_lowercase().as_str())
                });
                if old {
                    self.report.wrong(place, shown, "TLS below 1.2 is broken. frontgate speaks 1.2 and 1.3");
                } else {
                    self.report.kept(place, shown, "tls.min_version");
                }
                self.tls = self
                    .tls
                    .map_or(Some(version), |other| if other == TlsVersion::V1_2 { Some(other) } else { Some(version) });
            }
            "sslverifyclient" => match word.to_ascii_lowercase().as_str() {
                "require" => self.client_mode(node, ClientMode::Required),
                "optional" => self.client_mode(node, ClientMode::Optional),
                "none" => self.report.not_needed(
                    place,
                    shown,
                    "no client is asked for a certificate unless tls.client_ca is set",
                ),
                _ => self.report.dropped(
                    place,
                    shown,
                    "a certificate that is shown must be good: tls.client_ca with mode: optional",
                ),
            },
            "sslcacertificatefile" => {
                let file = path();
                let mode = self.draft.tls.client_ca.take().map_or(ClientMode::Optional, |(_, mode)| mode);
                self.draft.tls.client_ca = Some((file, mode));
                self.report.kept(place, shown, "tls.client_ca, for all hosts");
            }
            "sslcacertificatepath"
            | "sslcadnrequestfile"
            | "sslcarevocationfile"
            | "sslcarevocationpath"
            | "sslcarevocationcheck" => {
                self.report.dropped(place, shown, "tls.client_ca is one PEM file, without revocation lists");
            }
            "sslrequiressl" => {
                self.report.not_needed(place, shown, "the plain listeners redirect, unless they are in listen.plain");
            }
            "sslrequire" => self.report.dropped(
                place,
                shown,
                "tls.client_ca lets every certificate of that CA in: use a CA of your own for them",
            ),
            name if name.starts_with("md") => self.managed_directive(node),
            name if name.starts_with("sslproxy") => self.gateway_tls(node),
            _ => self.report.not_needed(place, shown, NOTHING),
        }
    }

    /// `SSLProxy…`: TLS between Apache and the gateway.
    fn gateway_tls(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        let word = node.arg(0);
        match node.name.as_str() {
            "sslproxyverify" | "sslproxycheckpeername" | "sslproxycheckpeercn" | "sslproxycheckpeerexpire" => {
                if matches!(word.to_ascii_lowercase().as_str(), "none" | "off") {
                    let text = "it talked to any machine that claims to be the gateway. frontgate checks the certificate of an https \
                                upstream against the system's authorities: add its CA there, or forward to http on this machine";
                    self.report.wrong(place, shown, text);
                } else {
                    self.report.not_needed(place, shown, "frontgate checks the certificate of an https upstream");
                }
            }
            "sslproxycacertificatefile" => {
                self.report.dropped(
                    place,
                    shown,
                    "an https upstream is checked against the system's authorities: add this CA there",
                );
            }
            "sslproxymachinecertificatefile" => {
                self.report.dropped(
                    place,
                    shown,
                    "frontgate shows the gateway no certificate: use a token of the gateway",
                );
            }
            _ => self.report.not_needed(place, shown, NOTHING),
        }
    }

    fn client_mode(&mut self, node: &ImportNode, mode: ClientMode) {
        let file = self.draft.tls.client_ca.take().map_or(self.root.join("client-ca.pem"), |(file, _)| file);
        self.draft.tls.client_ca = Some((file, mode));
        let what =
            if mode == ClientMode::Required { "tls.client_ca, for all hosts" } else { "tls.client_ca: mode: optional" };
        self.report.kept(&node.place, &node.shown, what);
    }

    /// The files of a server with TLS.
    pub(super) fn server_certificates(&mut self, noted: &ApacheNoted, scope: &ApacheScope) {
        if self.managed.is_some() {
            for ((place, shown), _) in scope.certificates.iter().chain(&scope.keys) {
                self.report.dropped(place, shown, "certificates come by ACME for all names, or from files for all: set tls.certificate to the files, or leave it");
            }
            return;
        }
        if scope.certificates.is_empty() {
            let remedy = "it has no SSLCertificateFile: frontgate shows a certificate of its own CA; set tls.certificate, to acme for a public one";
            self.report.dropped(&noted.0, &noted.1, remedy);
            return;
        }
        if scope.certificates.len() > 1 {
            self.report.next("Of several certificates for one name, say RSA and ECDSA, the first in tls.certificate is used: one is enough.");
        }
        for (index, ((place, shown), cert)) in scope.certificates.iter().enumerate() {
            self.report.kept(place, shown, "tls.certificate: cert");
            let key = scope.keys.get(index).or(scope.keys.last());
            let path = key.map_or_else(|| cert.clone(), |(_, path)| path.clone());
            match key {
                Some(((place, shown), _)) => self.report.kept(place, shown, "tls.certificate: key"),
                None => self.report.kept(place, shown, "tls.certificate: key, from the same file"),
            }
            if cert.to_string_lossy().contains("/letsencrypt/live/") {
                self.report.next("certbot goes on renewing the files in /etc/letsencrypt, and frontgate reads them again when they change. `tls.certificate: acme` needs no certbot.");
            }
            let pair = (cert.clone(), path);
            match &mut self.draft.tls.certificate {
                DraftCertificate::Files(files) if files.contains(&pair) => {}
                DraftCertificate::Files(files) => files.push(pair),
                other => *other = DraftCertificate::Files(vec![pair]),
            }
        }
    }
}

/// The report's words for settings that need no counterpart.
pub(super) const NOTHING: &str =
    "frontgate's TLS has no such settings: keys, ciphers, tickets and stapling need no care";

/// The oldest version that `all -SSLv3 -TLSv1` and the like leave, of those that frontgate speaks.
fn oldest(words: &[String]) -> TlsVersion {
    let (mut v12, mut v13) = (false, false);
    for word in words {
        let lower = word.to_ascii_lowercase();
        let (on, name) = lower.strip_prefix('-').map_or((true, lower.trim_start_matches('+')), |name| (false, name));
        if matches!(name, "all" | "tlsv1.2") {
            v12 = on;
        }
        if matches!(name, "all" | "tlsv1.3") {
            v13 = on;
        }
    }
    if v12 || !v13 { TlsVersion::V1_2 } else { TlsVersion::V1_3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_version_is_what_is_left() {
        for (words, expected) in [
            ("all -SSLv3 -TLSv1 -TLSv1.1", TlsVersion::V1_2),
            ("all -SSLv3 -TLSv1 -TLSv1.1 -TLSv1.2", TlsVersion::V1_3),
            ("-all +TLSv1.3", TlsVersion::V1_3),
            ("TLSv1.2 TLSv1.3", TlsVersion::V1_2),
            ("all", TlsVersion::V1_2),
        ] {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            assert_eq!(oldest(&words), expected, "{words:?}");
        }
    }
}
