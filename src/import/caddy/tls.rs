//! `tls` of a site.

use std::net::IpAddr;
use std::path::PathBuf;

use super::Caddy;
use super::address::CaddyAddress;
use super::clients::ClientCertificates;
use super::options::directory;
use crate::config::TlsVersion;
use crate::import::draft::DraftCertificate;
use crate::import::node::ImportNode;

impl Caddy {
    /// `tls`: where the certificate comes from, and the rest of its block.
    pub(super) fn tls(&mut self, node: &ImportNode) -> Option<DraftCertificate> {
        let (place, shown) = (&node.place, &node.shown);
        let mut certificate = match node.args.as_slice() {
            [] => None,
            words if words.iter().any(|word| word.contains('{')) => {
                self.report.dropped(place, shown, "its value is not known here: write it, and import again");
                None
            }
            [word] if word == "internal" => {
                self.report.kept(
                    place,
                    shown,
                    "tls.certificate: local, frontgate's own CA; `frontgate trust` makes this machine trust it",
                );
                Some(DraftCertificate::Local)
            }
            [word] if word.contains('@') => {
                self.acme.email = Some(word.clone());
                self.report.kept(place, shown, "tls.acme.email");
                Some(DraftCertificate::Acme(self.acme.clone()))
            }
            [cert, key, ..] => {
                self.report.kept(place, shown, "tls.certificate");
                Some(DraftCertificate::Files(vec![(PathBuf::from(cert), PathBuf::from(key))]))
            }
            [_] => {
                self.report.dropped(place, shown, "set tls.certificate: local, acme, or { cert: FILE, key: FILE }");
                None
            }
        };
        if node.args.is_empty() {
            self.report.kept(place, shown, "as the lines in its block say");
        }
        for inner in node.inner() {
            self.tls_setting(inner, &mut certificate);
        }
        certificate
    }

    fn tls_setting(&mut self, node: &ImportNode, certificate: &mut Option<DraftCertificate>) {
        let (place, shown) = (&node.place, &node.shown);
        match node.name.as_str() {
            "protocols" => {
                let version = if node.arg(0) == "tls1.3" { TlsVersion::V1_3 } else { TlsVersion::V1_2 };
                // The oldest version of all sites holds for the listeners.
                let other = self.draft.tls.min_version;
                self.draft.tls.min_version = if other == Some(TlsVersion::V1_2) { other } else { Some(version) };
                self.report.kept(place, shown, "tls.min_version, for all hosts");
            }
            "ca" => {
                self.acme.directory = directory(node.arg(0));
                self.report.kept(place, shown, "tls.acme.directory");
            }
            "ca_root" => {
                self.acme.ca_file = Some(node.arg(0).into());
                self.report.kept(place, shown, "tls.acme.ca_file");
            }
            "issuer" if node.arg(0) == "internal" => {
                *certificate = Some(DraftCertificate::Local);
                self.report.kept(place, shown, "tls.certificate: local");
                self.part_of(node);
            }
            "issuer" if node.arg(0) == "acme" => {
                self.report.kept(place, shown, "tls.certificate: acme");
                node.inner().iter().for_each(|inner| self.issuer(inner));
            }
            "client_auth" => {
                if ClientCertificates::of(node) == ClientCertificates::All {
                    self.report.not_needed(place, shown, "clients are let in with any certificate and with none");
                    self.part_of(node);
                }
            }
            "dns" => self.report.dropped(
                place,
                "dns …",
                "frontgate answers tls-alpn-01 and http-01, so no wildcards: list the names one by one",
            ),
            "on_demand" => self.report.dropped(place, shown, "names are known before: list them in tls.names"),
            "load" | "get_certificate" | "issuer" => {
                self.report.dropped(place, shown, "set tls.certificate: local, acme, or { cert: FILE, key: FILE }");
                self.part_of(node);
            }
            "eab" => self.report.dropped(place, "eab …", "set tls.acme.eab"),
            "insecure_secrets_log" => {
                self.report.wrong(place, shown, "a reader of that file reads all traffic. frontgate writes no keys");
            }
            _ => {
                self.report.not_needed(
                    place,
                    shown,
                    "frontgate's TLS has no such settings: keys, ciphers and challenges need no care",
                );
                self.part_of(node);
            }
        }
    }

    fn issuer(&mut self, node: &ImportNode) {
        match node.name.as_str() {
            "email" => {
                self.acme.email = Some(node.arg(0).to_owned());
                self.report.kept(&node.place, &node.shown, "tls.acme.email");
            }
            "dir" => {
                self.acme.directory = directory(node.arg(0));
                self.report.kept(&node.place, &node.shown, "tls.acme.directory");
            }
            "trusted_roots" => {
                self.acme.ca_file = Some(node.arg(0).into());
                self.report.kept(&node.place, &node.shown, "tls.acme.ca_file");
            }
            "dns" | "eab" => self.report.dropped(
                &node.place,
                &format!("{} …", node.name),
                "frontgate answers tls-alpn-01 and http-01; set tls.acme.eab for an account",
            ),
            _ => {
                self.report.not_needed(&node.place, &node.shown, "frontgate chooses what the authority offers");
                self.part_of(node);
            }
        }
    }

    /// Settles on one source of certificates for all names.
    pub(super) fn finish_certificates(&mut self) {
        let mut files = Vec::new();
        let mut has_acme = false;
        for certificate in std::mem::take(&mut self.certificates) {
            match certificate {
                DraftCertificate::Files(more) => files.extend(more),
                DraftCertificate::Acme(_) => has_acme = true,
                DraftCertificate::Local => {}
            }
        }
        files.dedup();
        if !files.is_empty() {
            if has_acme {
                self.report.next("Some names had files and some had certificates by ACME; frontgate has one source for all: tls.certificate has the files. List files for the other names, too, or set it to acme.");
            }
            self.draft.tls.certificate = DraftCertificate::Files(files);
        } else if has_acme {
            let wildcards: Vec<String> = self.draft.tls.names.extract_if(.., |name| name.starts_with("*.")).collect();
            if !wildcards.is_empty() {
                self.report.next(format!(
                    "ACME certifies no wildcard here ({}): list the names one by one in tls.names",
                    wildcards.join(", ")
                ));
            }
            if !self.draft.tls.names.is_empty() {
                self.draft.tls.certificate = DraftCertificate::Acme(self.acme.clone());
            }
        }
    }

    /// Where the certificate of a site comes from.
    pub(super) fn certificate_of(&mut self, node: &ImportNode, certificate: Option<DraftCertificate>) {
        let words = std::iter::once(&node.name).chain(&node.args);
        let public =
            words.flat_map(|word| word.split(',')).filter_map(CaddyAddress::of).any(|one| is_public(&one.host));
        let found = match certificate {
            Some(certificate) => certificate,
            None if self.local || !public => {
                let what = "tls.certificate: local, frontgate's own CA; `frontgate trust` makes this machine trust it";
                self.report.kept(&node.place, &node.shown, what);
                DraftCertificate::Local
            }
            None => {
                self.report.kept(&node.place, &node.shown, "tls.certificate: acme, as Caddy does by itself");
                DraftCertificate::Acme(self.acme.clone())
            }
        };
        self.certificates.push(found);
    }
}

/// Whether a public authority gives a certificate for this name, as Caddy judges.
pub(super) fn is_public(name: &str) -> bool {
    let local = ["localhost", "local", "internal", "home.arpa", "lan", "test"];
    name.contains('.')
        && name.parse::<IpAddr>().is_err()
        && !local.iter().any(|end| name == *end || name.ends_with(&format!(".{end}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_names_are_not_for_the_public() {
        for (name, expected) in
            [("gw.example.com", true), ("localhost", false), ("a.local", false), ("192.0.2.1", false), ("nas", false)]
        {
            assert_eq!(is_public(name), expected, "{name}");
        }
    }
}
