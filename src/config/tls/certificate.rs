//! [`Certificate`]: where certificates come from, of all names or of each.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::config::Name;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::{CertName, FilePath, List, Quoted};
use crate::config::names::unknown_key;
use crate::config::node::{ConfigEntry, ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certificate {
    /// A certificate signed by frontgate's own CA, made on first start.
    #[default]
    Local,
    /// A public certificate, by ACME; the local one until it is obtained.
    Acme,
    /// Certificates of another issuer, in files. At least one; the first is shown for names that no certificate covers.
    Files(Vec<CertificateFiles>),
    /// Names with a source of their own; the local CA is for the others.
    Named(Vec<NamedCertificate>),
}

/// Some of the names, and where their certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCertificate {
    /// The names, which are among `tls.names`.
    pub names: Vec<Name>,
    /// Where their certificate comes from.
    pub source: CertificateSource,
}

/// Where the certificate of some names comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// From frontgate's own CA.
    Local,
    /// From a public authority, by ACME.
    Acme,
    /// From files.
    Files(CertificateFiles),
}

/// A certificate and its key in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Path of the chain in PEM, leaf first.
    pub cert: PathBuf,
    /// Path of the leaf's private key in PEM.
    pub key: PathBuf,
    /// Path of the issuer's statement on the certificate's revocation in DER, sent along (OCSP staple).
    pub ocsp: Option<PathBuf>,
}

impl Certificate {
    /// The certificates in files.
    pub(crate) fn files(&self) -> Vec<&CertificateFiles> {
        match self {
            Self::Local | Self::Acme => Vec::new(),
            Self::Files(files) => files.iter().collect(),
            Self::Named(named) => {
                let files = named.iter().filter_map(|one| match &one.source {
                    CertificateSource::Files(files) => Some(files),
                    CertificateSource::Local | CertificateSource::Acme => None,
                });
                files.collect()
            }
        }
    }

    /// The source for `name`, one of `tls.names`; files of a list for all names are known by what is in them.
    pub(crate) fn of(&self, name: &Name) -> Option<CertificateSource> {
        match self {
            Self::Local => Some(CertificateSource::Local),
            Self::Acme => Some(CertificateSource::Acme),
            Self::Files(files) => match files.as_slice() {
                [one] => Some(CertificateSource::Files(one.clone())),
                _ => None,
            },
            Self::Named(named) => {
                let source = named.iter().find(|one| one.names.contains(name)).map(|one| one.source.clone());
                Some(source.unwrap_or(CertificateSource::Local))
            }
        }
    }

    /// The setting that names `file`.
    pub(crate) fn setting_of(&self, file: &std::path::Path) -> String {
        let files = self.files();
        let part = if files.iter().any(|files| files.cert == file) { "cert" } else { "key" };
        let has = |files: &CertificateFiles| files.cert == file || files.key == file;
        match self {
            Self::Named(named) => {
                let is_there =
                    |one: &NamedCertificate| matches!(&one.source, CertificateSource::Files(files) if has(files));
                let index = named.iter().position(is_there).unwrap_or(0);
                format!("tls.certificate[{index}].source.{part}")
            }
            _ if files.len() == 1 => format!("tls.certificate.{part}"),
            _ => {
                let index = files.iter().position(|files| has(files)).unwrap_or(0);
                format!("tls.certificate[{index}].{part}")
            }
        }
    }
}

/// The kind of `certificate`: `local`, `acme`, files, or a list of files or of names with their sources.
pub(super) struct CertificateOf;

const PARTS: &[&str] = &["cert", "key", "ocsp"];
const NEEDED: &[&str] = &["cert", "key"];
const NAMED: &[&str] = &["names", "source"];

impl KeyKind for CertificateOf {
    type Value = Certificate;

    fn name(&self) -> String {
        "local, acme, { cert: FILE, key: FILE }, or a list of such files or of { names, source }".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Certificate, ValueError> {
        match text {
            "local" => Ok(Certificate::Local),
            "acme" => Ok(Certificate::Acme),
            _ => Err(ValueError::new(format!("{} is not {}", Quoted(text), self.name()))),
        }
    }

    fn write(&self, value: &Certificate) -> YamlText {
        match value {
            Certificate::Local => YamlText::Word("local".to_owned()),
            Certificate::Acme => YamlText::Word("acme".to_owned()),
            Certificate::Files(files) => match files.as_slice() {
                [one] => write_files(one),
                several => YamlText::List(several.iter().map(write_files).collect()),
            },
            Certificate::Named(named) => YamlText::List(named.iter().map(write_named).collect()),
        }
    }

    fn schema(&self) -> Json {
        let file = FilePath.schema();
        let files = json!({
            "type": "object",
            "properties": { "cert": file, "key": file, "ocsp": file },
            "required": NEEDED,
            "additionalProperties": false,
        });
        let named = json!({
            "type": "object",
            "properties": { "names": List(CertName).schema(), "source": { "anyOf": [{ "enum": ["local", "acme"] }, files] } },
            "required": NAMED,
            "additionalProperties": false,
        });
        let list = |items: &Json| json!({ "type": "array", "items": items, "minItems": 1 });
        json!({ "anyOf": [{ "enum": ["local", "acme"] }, files, list(&files), list(&named)] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Certificate> {
        match &node.value {
            ConfigValue::Scalar(text) => self.parse(text).map_err(|fault| at.report(&node.place, fault)).ok(),
            ConfigValue::Map(entries) => Some(Certificate::Files(vec![read_files(node, entries, at)?])),
            ConfigValue::List(items) if items.iter().any(is_named) => {
                let read: Vec<_> =
                    items.iter().enumerate().map(|(index, item)| read_named(item, &mut at.item(index))).collect();
                read.into_iter().collect::<Option<_>>().map(Certificate::Named)
            }
            ConfigValue::List(items) if !items.is_empty() => {
                let read: Vec<_> =
                    items.iter().enumerate().map(|(index, item)| read_item(item, &mut at.item(index))).collect();
                read.into_iter().collect::<Option<_>>().map(Certificate::Files)
            }
            ConfigValue::List(_) | ConfigValue::Null => {
                at.report(&node.place, ValueError::new(format!("expected {}", self.name())));
                None
            }
        }
    }

    fn parts(&self) -> &'static [&'static str] {
        PARTS
    }
}

fn write_files(files: &CertificateFiles) -> YamlText {
    let mut parts = vec![("cert", FilePath.write(&files.cert)), ("key", FilePath.write(&files.key))];
    parts.extend(files.ocsp.as_ref().map(|ocsp| ("ocsp", FilePath.write(ocsp))));
    YamlText::parts(parts)
}

fn write_named(named: &NamedCertificate) -> YamlText {
    let source = match &named.source {
        CertificateSource::Local => YamlText::Word("local".to_owned()),
        CertificateSource::Acme => YamlText::Word("acme".to_owned()),
        CertificateSource::Files(files) => write_files(files),
    };
    YamlText::parts([("names", List(CertName).write(&named.names)), ("source", source)])
}

fn is_named(item: &ConfigNode) -> bool {
    matches!(&item.value, ConfigValue::Map(entries) if entries.iter().any(|entry| NAMED.contains(&entry.key.as_str())))
}

fn read_named(item: &ConfigNode, at: &mut SettingReader<'_>) -> Option<NamedCertificate> {
    let ConfigValue::Map(entries) = &item.value else {
        at.report(&item.place, ValueError::new("expected { names: [NAME], source: local, acme or files }"));
        return None;
    };
    known(entries, NAMED, at);
    let mut part = |name: &str| {
        let found = entries.iter().find(|entry| entry.key == name && entry.node.value != ConfigValue::Null);
        if found.is_none() {
            let fault = ValueError::new(format!("`{name}` is missing"));
            at.report(&item.place, fault.hint("such as { names: [gw.lan], source: local }"));
        }
        found
    };
    let (names, source) = (part("names"), part("source"));
    let names = names.and_then(|entry| List(CertName).read(&entry.node, &mut at.part("names")));
    let source = source.and_then(|entry| {
        let mut at = at.part("source");
        match CertificateOf.read(&entry.node, &mut at)? {
            Certificate::Local => Some(CertificateSource::Local),
            Certificate::Acme => Some(CertificateSource::Acme),
            Certificate::Files(mut files) if files.len() == 1 => files.pop().map(CertificateSource::Files),
            Certificate::Files(_) | Certificate::Named(_) => {
                at.report(&entry.node.place, ValueError::new("expected local, acme or { cert: FILE, key: FILE }"));
                None
            }
        }
    });
    Some(NamedCertificate { names: names?, source: source? })
}

fn read_item(item: &ConfigNode, at: &mut SettingReader<'_>) -> Option<CertificateFiles> {
    if let ConfigValue::Map(entries) = &item.value {
        return read_files(item, entries, at);
    }
    at.report(&item.place, ValueError::new("expected { cert: FILE, key: FILE }"));
    None
}

fn read_files(node: &ConfigNode, entries: &[ConfigEntry], at: &mut SettingReader<'_>) -> Option<CertificateFiles> {
    known(entries, PARTS, at);
    let given = |part: &str| entries.iter().find(|entry| entry.key == part && entry.node.value != ConfigValue::Null);
    let mut file = |part: &str, other: &str| {
        let Some(entry) = given(part) else {
            let fault = ValueError::new(format!("`{part}` is missing")).hint(format!("`{other}` alone is not enough"));
            at.report(&node.place, fault);
            return None;
        };
        FilePath.read(&entry.node, &mut at.part(part))
    };
    let (cert, key) = (file("cert", "key"), file("key", "cert"));
    let ocsp = match given("ocsp") {
        Some(entry) => Some(FilePath.read(&entry.node, &mut at.part("ocsp"))?),
        None => None,
    };
    Some(CertificateFiles { cert: cert?, key: key?, ocsp })
}

/// Reports the keys that are none of `parts`.
fn known(entries: &[ConfigEntry], parts: &[&str], at: &mut SettingReader<'_>) {
    let known: Vec<String> = parts.iter().copied().map(str::to_owned).collect();
    for entry in entries.iter().filter(|entry| !parts.contains(&entry.key.as_str())) {
        at.report(&entry.place, unknown_key("", &entry.key, &known));
    }
}
