//! The words of failures that come in several kinds.

use super::BadRequest;
use crate::tls::TlsFault;

/// Why a handshake with the gateway failed.
pub(super) const fn tls_message(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::UnknownIssuer => "Its certificate is signed by nothing that frontgate's system trusts.",
        TlsFault::SelfSignedCa => {
            "Its certificate is a CA's own (self-signed, with CA:TRUE), and such a one is no server's unless it is pinned."
        }
        TlsFault::Expired => "Its certificate has expired.",
        TlsFault::NotYetValid => "Its certificate is not valid yet, or a clock is wrong.",
        TlsFault::WrongName => "Its certificate is for another name than the one in frontgate's config.",
        TlsFault::OtherThanPinned => "It shows another certificate than the one that frontgate's config pins.",
        TlsFault::BadCertificate => "Its certificate cannot be accepted.",
        TlsFault::ClientCertificate => "It wants a certificate of frontgate's, and did not get one that it accepts.",
        TlsFault::NoTls => "frontgate speaks TLS to it, and it answers in plain text.",
        TlsFault::HungUp => "It hung up in the middle of the TLS handshake.",
        TlsFault::NothingInCommon => "It and frontgate have no TLS version or cipher in common.",
        TlsFault::Other => "The TLS handshake between frontgate and the gateway failed.",
    }
}

/// What to do about it.
pub(super) const fn tls_hint(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::UnknownIssuer | TlsFault::SelfSignedCa | TlsFault::BadCertificate => {
            "Pin it: `frontgate doctor` shows its fingerprint and the lines for frontgate's config (`upstreams.NAME.tls.pin`), or \
             name its CA in `upstreams.NAME.tls.ca`."
        }
        TlsFault::Expired | TlsFault::NotYetValid => {
            "Renew it, or correct the clocks; or pin it: `frontgate doctor` shows the lines for frontgate's config."
        }
        TlsFault::WrongName => {
            "Write a name that the certificate has into the URL in frontgate's config, or into `upstreams.NAME.tls.server_name`."
        }
        TlsFault::OtherThanPinned => {
            "If the gateway has a new certificate, compare its fingerprint (`frontgate doctor` shows it) and write it into \
             `upstreams.NAME.tls.pin`. If it has not, something else answers in its place."
        }
        TlsFault::ClientCertificate => {
            "Name the certificate in `upstreams.NAME.tls.client_cert` in frontgate's config."
        }
        TlsFault::NoTls => "If the gateway speaks plain http, write `http://...` for it in frontgate's config.",
        TlsFault::HungUp | TlsFault::NothingInCommon | TlsFault::Other => {
            "Check that the gateway speaks https at its address; `frontgate doctor` tries it, and frontgate's log has the error."
        }
    }
}

impl BadRequest {
    /// What is wrong with the request.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::MissingHost => "It has no Host header, which HTTP/1.1 demands.",
            Self::TwoHosts => "It has more than one Host header.",
            Self::BadHost => "Its Host header is not a host and port.",
            Self::BadTarget => "Its target holds bytes that cannot be passed on as they are.",
            Self::AmbiguousPath => {
                "Its path or query can be understood in two ways, and one of them is not open to every client."
            }
            Self::FragmentInTarget => {
                "Its target holds a `#`. A fragment is for the browser only; write `%23` for the character."
            }
            Self::BadHead => "Its head is not HTTP.",
            Self::BadFraming => "Its Content-Length and Transfer-Encoding do not say where it ends.",
            Self::BodyCutShort => "The connection ended before its body did.",
            Self::ConnectWithBody => "It asked for a WebSocket, and has a body or has ended its side.",
        }
    }
}
