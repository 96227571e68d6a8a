//! OCSP responses that are sent along with a certificate (RFC 6960, RFC 6066 §8): only whether one may be sent. The
//! signature is for the client to verify.

use std::io;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use time::{Date, OffsetDateTime};
use x509_parser::asn1_rs::{Any, Class, FromDer, Oid, Tag};
use x509_parser::prelude::X509Certificate;

/// Why a response must not be sent along.
#[derive(Debug, thiserror::Error)]
pub(in crate::tls) enum StapleError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it is no OCSP response in DER (`openssl ocsp -respout FILE` writes one)")]
    Damaged,
    #[error("the responder could not say (status {0}); ask it again")]
    Failed(u8),
    #[error("it is about another certificate")]
    OtherCertificate,
    #[error("it does not say that the certificate is good; ask the issuer for a new certificate")]
    NotGood,
    #[error("its time was over on {0}; fetch a new one")]
    Outdated(Date),
    #[error("it is of {0}, in the future; correct the system clock")]
    Early(Date),
}

/// Until when the response `der` may be sent along with the certificate `leaf`.
pub(in crate::tls) fn until(der: &[u8], leaf: &[u8], now: OffsetDateTime) -> Result<OffsetDateTime, StapleError> {
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| StapleError::OtherCertificate)?;
    let response = sequence(der).ok_or(StapleError::Damaged)?;
    let [status, rest @ ..] = response.as_slice() else { return Err(StapleError::Damaged) };
    match (status.tag(), status.data) {
        (Tag::Enumerated, [0]) => {}
        (Tag::Enumerated, [status]) => return Err(StapleError::Failed(*status)),
        _ => return Err(StapleError::Damaged),
    }
    let singles = rest.first().and_then(|bytes| singles(bytes.data)).ok_or(StapleError::Damaged)?;
    let single = singles.iter().find(|single| single.is_about(&leaf)).ok_or(StapleError::OtherCertificate)?;
    if !single.good {
        return Err(StapleError::NotGood);
    }
    if now < single.from {
        return Err(StapleError::Early(single.from.date()));
    }
    if now > single.until {
        return Err(StapleError::Outdated(single.until.date()));
    }
    Ok(single.until)
}

/// The statement of a response about one certificate.
struct Single<'a> {
    hash: Oid<'a>,
    issuer_name: &'a [u8],
    serial: &'a [u8],
    good: bool,
    from: OffsetDateTime,
    until: OffsetDateTime,
}

impl<'a> Single<'a> {
    /// Parses a `SingleResponse` (RFC 6960 §4.2.1). One without a `nextUpdate` is not fit to be sent along: it tells
    /// clients to ask again each time.
    fn read(single: &Any<'a>) -> Option<Self> {
        let parts = parts(single.data)?;
        let [id, status, from, rest @ ..] = parts.as_slice() else { return None };
        let next = rest.iter().find(|part| is_context(part, 0))?;
        let id = self::parts(id.data)?;
        let [algorithm, issuer_name, _issuer_key, serial] = id.as_slice() else { return None };
        Some(Self {
            hash: Oid::from_der(algorithm.data).ok()?.1,
            issuer_name: issuer_name.data,
            serial: serial.data,
            good: is_context(status, 0),
            from: time(from)?,
            until: time(self::parts(next.data)?.first()?)?,
        })
    }

    fn is_about(&self, leaf: &X509Certificate<'_>) -> bool {
        let algorithm = match self.hash.to_id_string().as_str() {
            "1.3.14.3.2.26" => &SHA1_FOR_LEGACY_USE_ONLY,
            "2.16.840.1.101.3.4.2.1" => &SHA256,
            _ => return false,
        };
        let issuer = digest::digest(algorithm, leaf.issuer().as_raw());
        self.serial == leaf.raw_serial() && self.issuer_name == issuer.as_ref()
    }
}

/// The `responses` in `responseBytes` of the type `id-pkix-ocsp-basic`.
fn singles(response_bytes: &[u8]) -> Option<Vec<Single<'_>>> {
    let bytes = sequence(response_bytes)?;
    let [_type, basic] = bytes.as_slice() else { return None };
    let basic = sequence(basic.data)?;
    // `tbsResponseData`: version, responder, time, and the one sequence of responses.
    let data = parts(basic.first()?.data)?;
    let responses = data.iter().find(|part| part.tag() == Tag::Sequence && part.class() == Class::Universal)?;
    parts(responses.data)?.iter().map(Single::read).collect()
}

/// The parts of the one sequence in `der`.
fn sequence(der: &[u8]) -> Option<Vec<Any<'_>>> {
    let (rest, whole) = Any::from_der(der).ok()?;
    (rest.is_empty() && whole.tag() == Tag::Sequence).then(|| parts(whole.data))?
}

fn parts(mut der: &[u8]) -> Option<Vec<Any<'_>>> {
    let mut parts = Vec::new();
    while !der.is_empty() {
        let (rest, part) = Any::from_der(der).ok()?;
        parts.push(part);
        der = rest;
    }
    Some(parts)
}

fn is_context(part: &Any<'_>, number: u32) -> bool {
    part.class() == Class::ContextSpecific && part.tag() == Tag(number)
}

fn time(part: &Any<'_>) -> Option<OffsetDateTime> {
    let text = part.as_generalizedtime().ok()?;
    text.utc_datetime().ok()
}

#[cfg(test)]
pub(crate) mod tests;
