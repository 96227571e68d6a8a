//! Certificates, versions, certificates of clients.

use std::time::Duration;

use super::scope::NginxScope;
use super::translation::{ClientCertificates, Translation};
use crate::config::{ClientMode, Hsts, TlsVersion};
use crate::import::draft::DraftCertificate;

impl<'a> Translation<'a, '_> {
    /// What a server that speaks TLS says about it.
    pub(super) fn tls(&mut self, scope: &NginxScope<'a>) {
        self.certificate(scope);
        self.versions(scope);
        self.clients(scope);
    }

    fn certificate(&mut self, scope: &NginxScope<'a>) {
        let (certs, keys) = (scope.all("ssl_certificate"), scope.all("ssl_certificate_key"));
        for (index, cert) in certs.iter().enumerate() {
            let (place, shown) = (&cert.place, cert.shown());
            let Some(key) = keys.get(index) else {
                self.report.dropped(place, &shown, "its ssl_certificate_key is missing");
                continue;
            };
            let (key_place, key_shown) = (&key.place, key.shown());
            let unusable = |text: &str| text.contains('$') || text.starts_with("data:") || text.starts_with("engine:");
            if unusable(cert.first()) || unusable(key.first()) {
                for one in [cert, key] {
                    self.report.dropped(
                        &one.place,
                        &one.shown(),
                        "name the files in tls.certificate, or let frontgate get one: tls.certificate: acme",
                    );
                }
                continue;
            }
            if index > 0 {
                self.report.dropped(place, &shown, "frontgate shows one certificate for a name: the first");
                self.report.dropped(key_place, &key_shown, "frontgate shows one certificate for a name: the first");
                continue;
            }
            let files = (self.folder.join(cert.first()), self.folder.join(key.first()));
            self.report.kept(place, &shown, "tls.certificate");
            self.report.kept(key_place, &key_shown, "tls.certificate");
            if cert.first().contains("/letsencrypt/") {
                self.draft.comment(
                    "tls.certificate",
                    "These are certbot's. `certificate: acme` gets and renews one without it; until then see to it that certbot can renew \
                     without nginx.",
                );
                self.report.next("certbot can no longer use nginx to renew: let frontgate do it (`tls: { certificate: acme }`), or change certbot's authenticator");
            }
            match &mut self.draft.tls.certificate {
                DraftCertificate::Files(list) if list.contains(&files) => {}
                DraftCertificate::Files(list) => list.push(files),
                other => *other = DraftCertificate::Files(vec![files]),
            }
        }
    }

    fn versions(&mut self, scope: &NginxScope<'a>) {
        let Some(directive) = scope.last("ssl_protocols") else {
            self.old_versions = true;
            return;
        };
        let (place, shown) = (&directive.place, directive.shown());
        let has = |version: &str| directive.args.iter().any(|arg| arg == version);
        if ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"].iter().any(|old| has(old)) {
            self.report.wrong(
                place,
                &shown,
                "these versions are broken and no browser needs them. frontgate speaks TLS 1.2 and 1.3",
            );
            self.old_versions = true;
        } else if has("TLSv1.2") {
            self.report.not_needed(place, &shown, "frontgate speaks TLS 1.2 and 1.3");
            self.old_versions = true;
        } else {
            self.report.kept(place, &shown, "tls.min_version, for all names");
            self.draft.tls.min_version = Some(TlsVersion::V1_3);
        }
    }

    fn clients(&mut self, scope: &NginxScope<'a>) {
        let verify = scope.last("ssl_verify_client");
        let ca = scope.last("ssl_client_certificate").or_else(|| scope.last("ssl_trusted_certificate"));
        let asks = verify.is_some_and(|verify| verify.first() != "off");
        let Some((verify, ca)) = verify.filter(|_| asks).zip(ca) else {
            for directive in verify.into_iter().chain(scope.all("ssl_client_certificate")) {
                self.report.not_needed(&directive.place, &directive.shown(), "no client is asked for a certificate");
            }
            return;
        };
        let file = self.folder.join(ca.first());
        let required = self.client_certificates == ClientCertificates::Required;
        if let Some((known, _)) = self.draft.tls.client_ca.as_ref().filter(|(known, _)| *known != file) {
            let text = format!(
                "tls.client_ca is one file for all names, {}: clients with a certificate of this one are refused",
                known.display()
            );
            return self.report.dropped(&ca.place, &ca.shown(), text);
        }
        let mode = if required { ClientMode::Required } else { ClientMode::Optional };
        self.draft.tls.client_ca = Some((file, mode));
        self.report.kept(&ca.place, &ca.shown(), "tls.client_ca, for all names");
        if required {
            let text = "tls.client_ca: for all names, a client without a certificate is refused";
            self.report.kept(&verify.place, &verify.shown(), text);
        } else {
            self.report.kept(
                &verify.place,
                &verify.shown(),
                "tls.client_ca: a certificate may be missing, and one that is shown is checked",
            );
        }
    }

    /// Takes over the seconds of a Strict-Transport-Security, the longest of all.
    pub(super) fn set_hsts(&mut self, seconds: Option<u64>) {
        let Some(age) = seconds.map(Duration::from_secs) else { return };
        let known = match self.draft.tls.hsts {
            Some(Hsts::For(known)) => known,
            _ => Duration::ZERO,
        };
        self.draft.tls.hsts = Some(Hsts::For(age.max(known)));
    }
}
