//! `tls.acme`: who gives out the public certificate, and how frontgate proves that the names are its own.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value as Json, json};

use super::keys::{Checks, Keys, Kind, Section, Written};
use super::kinds::{FilePath, List, NoValue, Optional, Quoted, Text, Word};
use super::problem::Fault;
use super::secret::Secret;
use super::tls::Name;

/// The `tls.acme` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The certificate authority.
    pub directory: Directory,
    /// Where the authority may write to.
    pub email: Option<String>,
    /// What kind of certificate is asked for.
    pub profile: Profile,
    /// PEM file with the CA that the directory's own certificate is checked with, besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How to prove that a name is ours, the first one first.
    pub challenge: Vec<Challenge>,
    /// An account with the authority that exists outside of ACME.
    pub eab: Eab,
}

/// The URL where an ACME server describes itself (RFC 8555 §7.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directory {
    /// Let's Encrypt.
    LetsEncrypt,
    /// Its test system, whose certificates nobody trusts.
    LetsEncryptStaging,
    /// Another one.
    Url(String),
}

/// Which of the directory's profiles an order asks for (draft-ietf-acme-profiles).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// `shortlived` where an IP address needs it, else none.
    Auto,
    /// None: the directory's default.
    None,
    /// This one.
    Named(String),
}

/// A way to prove that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A special certificate on port 443 (RFC 8737).
    TlsAlpn01,
    /// A file on port 80 (RFC 8555 §8.3).
    Http01,
}

/// External account binding (RFC 8555 §7.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Eab {
    /// The account's name.
    pub kid: Option<String>,
    /// The account's key.
    pub hmac: Option<Secret>,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: Directory::LetsEncrypt,
            email: None,
            profile: Profile::Auto,
            ca_file: None,
            challenge: vec![Challenge::TlsAlpn01, Challenge::Http01],
            eab: Eab::default(),
        }
    }
}

impl Acme {
    /// Whether the authority may give a certificate for `name`. Let's Encrypt does so only for names of the public internet;
    /// another directory may be a private one.
    pub fn certifies(&self, name: &Name) -> bool {
        matches!(self.directory, Directory::Url(_)) || is_public(name)
    }
}

impl Directory {
    /// Its URL.
    pub fn url(&self) -> &str {
        match self {
            Self::LetsEncrypt => "https://acme-v02.api.letsencrypt.org/directory",
            Self::LetsEncryptStaging => "https://acme-staging-v02.api.letsencrypt.org/directory",
            Self::Url(url) => url,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
        })
    }
}

const CHALLENGES: Word<Challenge> = Word(&[("tls-alpn-01", Challenge::TlsAlpn01), ("http-01", Challenge::Http01)]);

impl Section for Acme {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "directory",
            DirectoryUrl,
            &mut self.directory,
            "The certificate authority: letsencrypt, letsencrypt-staging (for trying out), or the URL of another ACME directory.",
        );
        keys.key(
            "email",
            Optional(NoValue::Null, Email),
            &mut self.email,
            "Where the authority may write to about your certificates.",
        );
        keys.key(
            "profile",
            ProfileName,
            &mut self.profile,
            "auto asks for `shortlived` where an IP address needs it, and for nothing special otherwise; none, or a \
             profile that the directory offers.",
        );
        keys.key(
            "ca_file",
            Optional(NoValue::Null, FilePath),
            &mut self.ca_file,
            "PEM file with the CA that a private directory's own certificate is signed by.",
        );
        keys.key(
            "challenge",
            List(CHALLENGES),
            &mut self.challenge,
            "How to prove that the names are yours, the first one first: tls-alpn-01 is answered on the https listeners \
             (port 443 as seen from outside), http-01 on the http ones (port 80).",
        );
        keys.section(
            "eab",
            "External account binding, for an authority that knows you already and gave you these two.",
            &mut self.eab,
        );
    }

    fn check(&self, checks: &mut Checks<'_>) {
        if self.challenge.is_empty() {
            let fault = Fault::new("no way to prove that a name is yours");
            checks.report(&["challenge"], fault.hint("challenge: [tls-alpn-01, http-01]"));
        }
    }
}

impl Section for Eab {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("kid", Optional(NoValue::Null, Text), &mut self.kid, "The key's name, as the authority gave it.");
        keys.key(
            "hmac",
            Optional(NoValue::Null, HmacKey),
            &mut self.hmac,
            "The key, base64url as the authority gave it. Better in a variable than in the file; it is never printed.",
        );
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let missing = match (&self.kid, &self.hmac) {
            (Some(_), None) => "hmac",
            (None, Some(_)) => "kid",
            _ => return,
        };
        checks.report(
            &["kid", "hmac"],
            Fault::new(format!("`{missing}` is missing")).hint("kid and hmac belong together"),
        );
    }
}

struct DirectoryUrl;

impl Kind for DirectoryUrl {
    type Value = Directory;

    fn name(&self) -> String {
        "letsencrypt, letsencrypt-staging or https URL".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Directory, Fault> {
        match text {
            "letsencrypt" => return Ok(Directory::LetsEncrypt),
            "letsencrypt-staging" => return Ok(Directory::LetsEncryptStaging),
            _ => {}
        }
        let uri = text.parse::<http::Uri>().ok();
        let authority = uri.as_ref().filter(|uri| uri.scheme_str() == Some("https")).and_then(http::Uri::authority);
        if authority.is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@')) {
            return Ok(Directory::Url(text.to_owned()));
        }
        let fault = Fault::new(format!("{} is not {}", Quoted(text), self.name()));
        Err(fault.hint("such as https://acme.example.com/directory"))
    }

    fn write(&self, value: &Directory) -> Written {
        Written::Word(match value {
            Directory::LetsEncrypt => "letsencrypt".to_owned(),
            Directory::LetsEncryptStaging => "letsencrypt-staging".to_owned(),
            Directory::Url(url) => url.clone(),
        })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [
            { "enum": ["letsencrypt", "letsencrypt-staging"] },
            { "type": "string", "pattern": "^https://" },
        ] })
    }
}

struct ProfileName;

impl Kind for ProfileName {
    type Value = Profile;

    fn name(&self) -> String {
        "auto, none or the name of a profile".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Profile, Fault> {
        match text {
            "" => Err(Fault::new("empty")),
            "auto" => Ok(Profile::Auto),
            "none" => Ok(Profile::None),
            name => Ok(Profile::Named(name.to_owned())),
        }
    }

    fn write(&self, value: &Profile) -> Written {
        Written::Word(match value {
            Profile::Auto => "auto".to_owned(),
            Profile::None => "none".to_owned(),
            Profile::Named(name) => name.clone(),
        })
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

struct Email;

impl Kind for Email {
    type Value = String;

    fn name(&self) -> String {
        "e-mail address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, Fault> {
        let whole = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
        match text.split_once('@') {
            Some((local, domain)) if whole(local) && whole(domain) && !domain.contains('@') => Ok(text.to_owned()),
            _ => Err(Fault::new("not an e-mail address").hint("such as ann@example.com")),
        }
    }

    fn write(&self, value: &String) -> Written {
        Written::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$" })
    }
}

/// A key in base64; authorities give it in the URL's alphabet, some people keep it in the other one.
struct HmacKey;

/// What a printed configuration has in its place.
const MASK: &str = "***";

impl Kind for HmacKey {
    type Value = Secret;

    fn name(&self) -> String {
        "base64url".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Secret, Fault> {
        let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let plain = text.replace('+', "-").replace('/', "_");
        match GeneralPurpose::new(&URL_SAFE, either).decode(plain) {
            Ok(key) if !key.is_empty() => Ok(Secret::new(key)),
            _ if text == MASK => Err(Fault::new("the key was masked when it was printed").hint("write the key itself")),
            _ => Err(Fault::new("not base64url").hint("copy the key anew, whole, without spaces")),
        }
    }

    fn write(&self, _value: &Secret) -> Written {
        Written::Word(MASK.to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9A-Za-z_+/-]+=*$" })
    }
}

/// Whether the public internet can reach `name`.
fn is_public(name: &Name) -> bool {
    match name {
        Name::Dns(name) => {
            let top = name.rsplit('.').next().unwrap_or_default();
            name.contains('.') && !PRIVATE_TOPS.contains(&top)
        }
        Name::Ip(IpAddr::V4(ip)) => is_public_v4(*ip),
        Name::Ip(IpAddr::V6(ip)) => is_public_v6(*ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    // Carriers' own network (RFC 6598).
    let shared = first == 100 && second & 0xc0 == 64;
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || first == 0
        || first >= 240
        || shared)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3 (RFC 4291 §2.4); 2001:db8::/32 is for documentation.
    ip.segments()[0] & 0xe000 == 0x2000 && ip.segments()[..2] != [0x2001, 0xdb8]
}

/// Top-level names that nobody can register (RFC 6761, RFC 6762, RFC 8375, RFC 9476, and names that ICANN keeps back).
const PRIVATE_TOPS: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "test",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kinds::CertName;

    #[test]
    fn only_names_of_the_public_internet_are_public() {
        for (name, expected) in [
            ("gw.example.com", true),
            ("example.com", true),
            ("localhost", false),
            ("claw", false),
            ("claw.local", false),
            ("claw.lan", false),
            ("gw.home.arpa", false),
            ("8.8.8.8", true),
            ("10.0.0.1", false),
            ("172.20.0.1", false),
            ("192.168.1.5", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.1.1", false),
            ("192.0.2.7", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("2001:db8::1", false),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(is_public(&CertName.parse(name).unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn a_directory_is_a_word_or_an_https_url() {
        for (text, url) in [
            ("letsencrypt", Some("https://acme-v02.api.letsencrypt.org/directory")),
            ("letsencrypt-staging", Some("https://acme-staging-v02.api.letsencrypt.org/directory")),
            ("https://127.0.0.1:14000/dir", Some("https://127.0.0.1:14000/dir")),
            ("http://127.0.0.1:14000/dir", None),
            ("https://ann@acme.example/dir", None),
            ("zerossl", None),
            ("", None),
        ] {
            assert_eq!(DirectoryUrl.parse(text).ok().as_ref().map(Directory::url), url, "{text}");
        }
    }

    #[test]
    fn a_key_is_read_in_both_alphabets_and_never_shown() {
        for text in ["-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(HmacKey.parse(text).unwrap().expose(), [0xfb, 0xff], "{text}");
        }
        for text in ["", "a b", "***", "a"] {
            let fault = HmacKey.parse(text).unwrap_err();
            assert!(text.is_empty() || !format!("{fault:?}").contains(&format!("`{text}`")), "{fault:?}");
        }
        let secret = Secret::new(b"hush".to_vec());
        assert_eq!(HmacKey.write(&secret), Written::Word("***".into()));
        assert_eq!(format!("{secret:?}"), "***");
    }
}
