//! [`TlsFault`]: why a handshake with a server failed, in the terms of its operator.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

use super::pinned::OtherCertificate;

/// Why a handshake with a server failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// No trusted CA has signed the server's certificate.
    UnknownIssuer,
    /// The server's certificate is a CA's, like the self-signed ones of `openssl req -x509`.
    SelfSignedCa,
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate is not valid yet.
    NotYetValid,
    /// The server's certificate is for other names.
    WrongName,
    /// The server shows another certificate than the pinned one.
    OtherThanPinned,
    /// The server's certificate is refused for another reason.
    BadCertificate,
    /// The server wants a certificate of ours, or another one than it got.
    ClientCertificate,
    /// The server does not speak TLS: it answered in plain text.
    NoTls,
    /// The server hung up in the middle of the handshake.
    HungUp,
    /// Both sides have no version or cipher in common.
    NothingInCommon,
    /// Another failure.
    Other,
}

impl TlsFault {
    /// Classifies an error of a handshake, or of the first read after it.
    pub(crate) fn of(error: &io::Error) -> Self {
        let Some(rustls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    Self::HungUp
                }
                _ => Self::Other,
            };
        };
        match rustls {
            rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate),
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge,
            ) => Self::NoTls,
            rustls::Error::AlertReceived(alert) => of_alert(*alert),
            rustls::Error::PeerIncompatible(_) => Self::NothingInCommon,
            _ => Self::Other,
        }
    }

    /// The fault's name, for programs and the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "unknown_issuer",
            Self::SelfSignedCa => "ca_used_as_end_entity",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongName => "wrong_name",
            Self::OtherThanPinned => "other_than_pinned",
            Self::BadCertificate => "bad_certificate",
            Self::ClientCertificate => "client_certificate",
            Self::NoTls => "no_tls",
            Self::HungUp => "hung_up",
            Self::NothingInCommon => "nothing_in_common",
            Self::Other => "other",
        }
    }

    /// Whether another certificate, or other settings for this one, would help.
    pub(crate) const fn is_about_certificate(self) -> bool {
        matches!(
            self,
            Self::UnknownIssuer
                | Self::SelfSignedCa
                | Self::Expired
                | Self::NotYetValid
                | Self::WrongName
                | Self::OtherThanPinned
                | Self::BadCertificate
        )
    }
}

fn of_certificate(error: &CertificateError) -> TlsFault {
    match error {
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::WrongName,
        CertificateError::Other(other) if other.0.is::<OtherCertificate>() => TlsFault::OtherThanPinned,
        // webpki's error passes through rustls unchanged.
        CertificateError::Other(other) if named(&*other.0, "CaUsedAsEndEntity") => TlsFault::SelfSignedCa,
        _ => TlsFault::BadCertificate,
    }
}

/// Whether it is webpki's error of this name; webpki is no dependency of ours.
fn named(error: &(dyn Error + 'static), name: &str) -> bool {
    error.to_string().contains(name)
}

fn of_alert(alert: AlertDescription) -> TlsFault {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate => TlsFault::ClientCertificate,
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => TlsFault::NothingInCommon,
        AlertDescription::UnrecognisedName => TlsFault::WrongName,
        _ => TlsFault::Other,
    }
}
