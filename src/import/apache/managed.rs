//! `mod_md`: certificates by ACME.

use super::Apache;
use super::tls::NOTHING;
use crate::import::draft::DraftAcme;
use crate::import::node::ImportNode;

impl Apache<'_, '_> {
    /// `MD…`
    pub(super) fn managed_directive(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        let word = node.arg(0);
        match node.name.as_str() {
            "mdomain" => self.managed_domain(node),
            "mdcontactemail" | "mdcertificateauthority" | "mdcafile" | "mdcacertificatefile" => {
                self.managed_setting(node);
            }
            "mdrequirehttps" if !word.eq_ignore_ascii_case("off") => {
                self.requires_https = Some((place.clone(), shown.clone()));
                self.report.kept(place, shown, "listen.http, which redirects everything to https");
            }
            "mdmember" | "mdmembers" if word.eq_ignore_ascii_case("auto") => {
                self.report.not_needed(place, shown, "all names of the virtual hosts are in tls.names");
            }
            "mdmember" | "mdmembers" => {
                self.report.dropped(place, shown, "tls.names has the names of the virtual hosts: add others there");
            }
            "mdchallengedns01" | "mdchallengedns01version" => {
                self.report.dropped(
                    place,
                    shown,
                    "frontgate answers tls-alpn-01 and http-01, so no wildcards: list the names one by one",
                );
            }
            "mdcachallenges" if node.args.iter().any(|word| word.eq_ignore_ascii_case("dns-01")) => {
                self.report.dropped(place, shown, "frontgate answers tls-alpn-01 and http-01");
            }
            "mdexternalaccountbinding" => self.report.dropped(place, "MDExternalAccountBinding …", "set tls.acme.eab"),
            "mdcertificatefile" | "mdcertificatekeyfile" => {
                self.report.dropped(
                    place,
                    shown,
                    "with certificate: acme there are no files: set tls.certificate to them instead",
                );
            }
            _ => self.report.not_needed(place, shown, NOTHING),
        }
    }

    pub(super) fn managed_domain(&mut self, node: &ImportNode) {
        self.managed.get_or_insert_default();
        for name in node.args.iter().filter(|word| !["auto", "manual"].contains(&word.to_ascii_lowercase().as_str())) {
            if name.starts_with("*.") {
                self.report.dropped(
                    &node.place,
                    &node.shown,
                    "acme gets no certificate for a wildcard: list the names one by one in tls.names",
                );
            }
            self.managed_names.push(name.to_ascii_lowercase());
        }
        self.report.kept(&node.place, &node.shown, "tls.names and tls.certificate: acme");
    }

    fn managed_setting(&mut self, node: &ImportNode) {
        let acme: &mut DraftAcme = self.managed.get_or_insert_default();
        let word = node.arg(0);
        let what = match node.name.as_str() {
            "mdcontactemail" => {
                acme.email = Some(word.to_owned());
                "tls.acme.email"
            }
            "mdcafile" | "mdcacertificatefile" => {
                acme.ca_file = Some(self.root.join(word));
                "tls.acme.ca_file"
            }
            _ => {
                let lower = word.to_ascii_lowercase();
                acme.directory = match lower.as_str() {
                    "letsencrypt" => None,
                    "letsencrypt-test" => Some("letsencrypt-staging".into()),
                    _ if lower.contains("acme-staging-v02.api.letsencrypt.org") => Some("letsencrypt-staging".into()),
                    _ if lower.contains("acme-v02.api.letsencrypt.org") => None,
                    _ => Some(word.to_owned()),
                };
                "tls.acme.directory"
            }
        };
        self.report.kept(&node.place, &node.shown, what);
    }
}
