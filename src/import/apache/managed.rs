//! `mod_md`: certificates by ACME.

use super::Apache;
use super::access::origin_of;
use super::known::NOTHING;
use super::scope::ApacheServer;
use super::subject::Facts;
use crate::import::draft::{DraftAcme, DraftAnswer, DraftCertificate};
use crate::import::matching::DraftMatch;
use crate::import::node::ImportNode;
use crate::import::tree::{ImportRule, Part};

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
                let status = if word.eq_ignore_ascii_case("permanent") { 301 } else { 302 };
                self.requires_https = Some((origin_of(node), status));
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

    /// The rule of a server without TLS, where `MDRequireHttps` asks for TLS.
    pub(super) fn https_only(&self, server: &ApacheServer, facts: &Facts) -> Option<ImportRule> {
        let (origin, status) = self.requires_https.as_ref().filter(|_| !facts.tls)?;
        let name = |(_, text): &(_, String)| self.managed_names.contains(&text.to_ascii_lowercase());
        server.names.iter().any(name).then(|| {
            let mut rule = ImportRule::new(DraftMatch::default(), DraftAnswer::Https(*status));
            rule.say(origin, Part::Answer);
            rule
        })
    }

    /// The certificate that the draft gets at the end.
    pub(super) fn finish_managed(&mut self) {
        let Some(acme) = self.managed.take() else { return };
        for name in std::mem::take(&mut self.managed_names) {
            if !self.draft.tls.names.contains(&name) {
                self.draft.tls.names.push(name);
            }
        }
        // The report speaks of them where they are named.
        self.draft.tls.names.retain(|name| !name.starts_with("*."));
        if !self.draft.tls.names.is_empty() {
            self.draft.tls.certificate = DraftCertificate::Acme(acme);
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
