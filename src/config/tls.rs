//! `tls`: the names frontgate answers to and the certificate it shows for them.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// The `tls` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// DNS names and IP addresses that the certificate is for.
    pub names: Vec<Name>,
    /// Where the certificate comes from.
    pub certificate: Certificate,
    /// The oldest TLS version spoken.
    pub min_version: TlsVersion,
}

/// A name a certificate can carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// A DNS name, lower case; may begin with `*.`
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Signed by frontgate's own CA, made on first start.
    #[default]
    Local,
    /// PEM files: the chain, leaf first, and its key.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The leaf's private key.
        key: PathBuf,
    },
}

/// A TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    V1_2,
    /// TLS 1.3 only.
    V1_3,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            names: vec![Name::Dns("localhost".to_owned())],
            certificate: Certificate::Local,
            min_version: TlsVersion::V1_2,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}
