//! `mod_ssl`: certificates, those of clients, and TLS to the gateway.

use super::Apache;
use super::access::origin_of;
use super::known::NOTHING;
use super::scope::ApacheServer;
use super::subject::Facts;
use crate::config::{ClientMode, TlsVersion};
use crate::import::draft::DraftCertificate;
use crate::import::node::ImportNode;
use crate::import::tree::{ImportListener, Shut};

impl Apache<'_, '_> {
    /// `SSL…` of a server.
    pub(super) fn server_tls(&mut self, node: &ImportNode, server: &mut ApacheServer) {
        let (place, shown) = (&node.place, &node.shown);
        let word = node.arg(0);
        let path = self.root.join(word);
        match node.name.as_str() {
            "sslengine" => server.tls.engine = Some(!word.eq_ignore_ascii_case("off")),
            "sslcertificatefile" => server.tls.certificates.push((origin_of(node), path)),
            "sslcertificatekeyfile" => server.tls.keys.push((origin_of(node), path)),
            "sslcertificatechainfile" => {
                let remedy = "tls.certificate wants the chain in one file with the certificate: `cat cert.pem chain.pem > fullchain.pem`, \
                              and name that one as cert";
                self.report.dropped(place, shown, remedy);
            }
            "sslprotocol" => self.protocol(node),
            "sslverifyclient" => server.tls.verify = Some((origin_of(node), word.to_ascii_lowercase())),
            "sslcacertificatefile" => server.tls.client_ca = Some((origin_of(node), path)),
            "sslcacertificatepath"
            | "sslcadnrequestfile"
            | "sslcarevocationfile"
            | "sslcarevocationpath"
            | "sslcarevocationcheck" => {
                server.tls.unsaid = Some(origin_of(node));
            }
            name if name.starts_with("sslproxy") => self.gateway_tls(node),
            _ => {}
        }
    }

    fn protocol(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        let version = oldest(&node.args);
        let old = |word: &String| {
            ["sslv3", "tlsv1", "tlsv1.1"].contains(&word.trim_start_matches('+').to_ascii_lowercase().as_str())
        };
        if node.args.iter().any(old) {
            self.report.wrong(place, shown, "TLS below 1.2 is broken. frontgate speaks 1.2 and 1.3");
        } else {
            self.report.kept(place, shown, "tls.min_version: the oldest that any server asks for");
        }
        let other = self.draft.tls.min_version;
        self.draft.tls.min_version = Some(if other == Some(TlsVersion::V1_2) { TlsVersion::V1_2 } else { version });
    }

    /// `SSLProxy…`: TLS between Apache and the gateway.
    fn gateway_tls(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        match node.name.as_str() {
            "sslproxyverify" | "sslproxycheckpeername" | "sslproxycheckpeercn" | "sslproxycheckpeerexpire" => {
                if matches!(node.arg(0).to_ascii_lowercase().as_str(), "none" | "off") {
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

    /// The certificates of the servers with TLS, and the CA of clients, if all of them ask for the same.
    pub(super) fn certificates(&mut self, servers: &[ApacheServer], listeners: &[ImportListener]) {
        let at_tls = |index: &usize| {
            listeners.iter().any(|one| one.tls && (one.servers.contains(index) || one.default == *index))
        };
        let secure: Vec<&ApacheServer> = (0..servers.len()).filter(at_tls).map(|index| &servers[index]).collect();
        for server in &secure {
            self.server_certificates(server);
        }
        let asked = |server: &&ApacheServer| {
            let mode = match server.tls.verify.as_ref().map(|(_, mode)| mode.as_str()) {
                Some("require") => ClientMode::Required,
                Some("optional") => ClientMode::Optional,
                _ => return None,
            };
            Some((server.tls.client_ca.as_ref()?.1.clone(), mode))
        };
        let asked: Vec<_> = secure.iter().map(asked).collect();
        if let Some(Some(first)) = asked.first().filter(|first| asked.iter().all(|one| one == *first)) {
            self.draft.tls.client_ca = Some(first.clone());
        }
    }

    fn server_certificates(&mut self, server: &ApacheServer) {
        let (certificates, keys) = (&server.tls.certificates, &server.tls.keys);
        if self.managed.is_some() {
            for (origin, _) in certificates.iter().chain(keys) {
                let remedy = "certificates come by ACME for all names, or from files for all: set tls.certificate to the files, or leave it";
                self.report.dropped(&origin.place, &origin.shown, remedy);
            }
            return;
        }
        if certificates.is_empty() {
            let remedy = "it has no SSLCertificateFile: frontgate shows a certificate of its own CA; set tls.certificate, to acme for a public one";
            self.report.dropped(&server.origin.place, &server.origin.shown, remedy);
            return;
        }
        if certificates.len() > 1 {
            self.report.next("Of several certificates for one name, say RSA and ECDSA, the first in tls.certificate is used: one is enough.");
        }
        for (index, (origin, cert)) in certificates.iter().enumerate() {
            self.report.kept(&origin.place, &origin.shown, "tls.certificate: cert");
            let key = keys.get(index).or(keys.last());
            match key {
                Some((origin, _)) => self.report.kept(&origin.place, &origin.shown, "tls.certificate: key"),
                None => self.report.kept(&origin.place, &origin.shown, "tls.certificate: key, from the same file"),
            }
            if cert.to_string_lossy().contains("/letsencrypt/live/") {
                self.report.next("certbot goes on renewing the files in /etc/letsencrypt, and frontgate reads them again when they change. `tls.certificate: acme` needs no certbot.");
            }
            let pair = (cert.clone(), key.map_or_else(|| cert.clone(), |(_, path)| path.clone()));
            match &mut self.draft.tls.certificate {
                DraftCertificate::Files(files) if files.contains(&pair) => {}
                DraftCertificate::Files(files) => files.push(pair),
                other => *other = DraftCertificate::Files(vec![pair]),
            }
        }
    }

    /// What a server asks of the certificates of clients: what the settings say for all, or the server is shut.
    pub(super) fn client_certificates(&mut self, server: &mut ApacheServer, facts: &Facts) {
        let kept = self.draft.tls.client_ca.is_some();
        if let Some((origin, _)) = server.tls.client_ca.as_ref().filter(|_| facts.tls) {
            let (place, shown) = (&origin.place, &origin.shown);
            if kept {
                self.report.kept(place, shown, "tls.client_ca, for all names");
            } else {
                self.report.not_needed(
                    place,
                    shown,
                    "no name asks clients for a certificate: where one is needed, the route answers 403",
                );
            }
        }
        let Some((origin, mode)) = server.tls.verify.clone().filter(|_| facts.tls) else { return };
        let (place, shown) = (&origin.place, &origin.shown);
        match (mode.as_str(), kept) {
            ("require" | "optional", true) => {
                let mode = if mode == "require" { "required" } else { "optional" };
                self.report.kept(place, shown, format!("tls.client_ca, mode {mode}, for all names"));
                if let Some(origin) = server.tls.unsaid.clone() {
                    let why = "certificates are looked up in more than one file".to_owned();
                    let write = "Put the CA into one file, without revocation lists".to_owned();
                    server.body.shut.push(Shut { origin, why, write });
                }
            }
            ("require", false) => {
                let why = "frontgate asks for certificates of one CA on all names, or on none".to_owned();
                let write = "Give the server a frontgate of its own with tls.client_ca".to_owned();
                server.body.shut.push(Shut { origin, why, write });
            }
            ("optional" | "optional_no_ca", false) => {
                self.report.dropped(
                    place,
                    shown,
                    "no client is asked for a certificate: where one is needed, the route answers 403",
                );
            }
            _ => self.report.not_needed(place, shown, "no client is asked for a certificate"),
        }
    }
}

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
