//! `upstreams.NAME.tls`: how https gateways are verified, and the certificate frontgate shows them.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{CertName, FilePath, NoValue, Optional};
use super::problem::ValueError;
use crate::config::Name;

/// How https gateways are verified, and the certificate frontgate shows them. The default: by this system's trust
/// store, for the name in the URL, and without a certificate of frontgate's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct UpstreamTls {
    /// Path of certificates in PEM that are trusted besides the system's.
    pub(crate) ca: Option<PathBuf>,
    /// The one certificate that is accepted, whatever issuer, names and dates it has.
    pub(crate) pin: Option<CertPin>,
    /// The certificate frontgate shows a gateway that asks for one.
    pub(crate) client_cert: ClientCert,
    /// The name that is sent as SNI and verified in the certificate, instead of the URL's host.
    pub(crate) server_name: Option<Name>,
}

/// A certificate of frontgate's own, for gateways. Both files are set or neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClientCert {
    /// Path of the chain in PEM, its own certificate first.
    pub(crate) cert: Option<PathBuf>,
    /// Path of its private key in PEM.
    pub(crate) key: Option<PathBuf>,
}

/// The SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CertPin(pub(crate) [u8; 32]);

/// Upper-case hex pairs between colons, as `openssl x509 -fingerprint -sha256` prints them.
impl fmt::Display for CertPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for CertPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ClientCert {
    /// The two paths, if both are set.
    pub(crate) fn files(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.cert.as_ref().zip(self.key.as_ref())
    }
}

impl UpstreamTls {
    /// The files that these settings name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.ca.iter().chain(&self.client_cert.cert).chain(&self.client_cert.key)
    }
}

const FILE: Optional<FilePath> = Optional(NoValue::Null, FilePath);

impl KeySection for UpstreamTls {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "ca",
            FILE,
            &mut self.ca,
            "PEM file with certificates that are trusted besides the system's: the CA that signed the gateway's, or the gateway's \
             own where it signed itself.",
        );
        keys.key(
            "pin",
            Optional(NoValue::Null, CertPinValue),
            &mut self.pin,
            "SHA-256 fingerprint of the gateway's own certificate, with or without colons. It alone decides: `ca`, names, dates \
             and the system's certificates are not asked. `frontgate doctor` shows it.",
        );
        keys.section(
            "client_cert",
            "The certificate that frontgate shows a gateway that asks for one.",
            &mut self.client_cert,
        );
        keys.key(
            "server_name",
            Optional(NoValue::Null, CertName),
            &mut self.server_name,
            "The name that is asked for (SNI) and that the gateway's certificate must have, in place of the URL's host.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if let Some(Name::Dns(name)) = &self.server_name
            && name.starts_with("*.")
        {
            let fault = ValueError::new("one name is asked for, not many");
            checks.report(&["server_name"], fault.hint("the whole name, without `*`"));
        }
    }
}

impl KeySection for ClientCert {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("cert", FILE, &mut self.cert, "PEM file with the chain, frontgate's own certificate first.");
        keys.key("key", FILE, &mut self.key, "PEM file with its private key.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let (missing, other) = match (&self.cert, &self.key) {
            (Some(_), None) => ("key", "cert"),
            (None, Some(_)) => ("cert", "key"),
            _ => return,
        };
        let fault = ValueError::new(format!("`{missing}` is missing")).hint(format!("`{other}` alone is not enough"));
        checks.report(&["cert", "key"], fault);
    }
}

/// The kind of `pin`: a fingerprint, in the spellings in which programs print it.
struct CertPinValue;

impl KeyKind for CertPinValue {
    type Value = CertPin;

    fn name(&self) -> String {
        "SHA-256 fingerprint".to_owned()
    }

    fn parse(&self, text: &str) -> Result<CertPin, ValueError> {
        let hex = match text.split_once(['=', ':']) {
            // `sha256 Fingerprint=AA:BB…`, `sha256:aabb…`
            Some((word, rest)) if word.to_ascii_lowercase().replace('-', "").starts_with("sha256") => rest,
            _ => text,
        };
        let digits: Vec<u8> = hex.bytes().filter(|byte| !b": ".contains(byte)).collect();
        let mut pin = [0; 32];
        let whole = digits.len() == 2 * pin.len() && digits.iter().all(u8::is_ascii_hexdigit);
        if !whole {
            let fault = ValueError::new("not the SHA-256 fingerprint of a certificate");
            return Err(fault.hint("64 hex digits, as `openssl x509 -noout -fingerprint -sha256 -in FILE` prints them"));
        }
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
        for (byte, pair) in pin.iter_mut().zip(digits.chunks(2)) {
            *byte = pair.iter().fold(0, |byte, half| byte << 4 | digit(*half));
        }
        Ok(CertPin(pin))
    }

    fn write(&self, value: &CertPin) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^([Ss][Hh][Aa]-?256[^=:]*[=:])?([0-9A-Fa-f]{2}[: ]?){31}[0-9A-Fa-f]{2}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_in_every_spelling_and_written_in_one() {
        let plain = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let colons = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        for text in [
            plain.to_owned(),
            plain.to_ascii_uppercase(),
            colons.to_owned(),
            colons.to_ascii_lowercase(),
            format!("sha256 Fingerprint={colons}"),
            format!("SHA256:{plain}"),
            format!("sha-256:{plain}"),
            colons.replace(':', " "),
        ] {
            assert_eq!(CertPinValue.parse(&text).map(|pin| pin.to_string()), Ok(colons.to_owned()), "{text}");
        }
        // SHA-1, a key's pin, one digit too many or too few, and an empty text.
        for text in [
            &plain[..40],
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
            &plain[1..],
            &format!("{plain}0"),
            "",
            "sha256:",
        ] {
            let message = CertPinValue.parse(text).unwrap_err().message;
            assert_eq!(message, "not the SHA-256 fingerprint of a certificate", "{text}");
        }
    }
}
