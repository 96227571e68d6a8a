use rcgen::{CertificateParams, KeyPair};
use time::Duration;
use time::macros::{datetime, format_description};

use crate::tls::certificates::ocsp::*;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
const SHA1_OID: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// The contents of a response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Response {
    pub(crate) status: u8,
    /// 0 good, 1 revoked, 2 unknown.
    pub(crate) says: u8,
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

impl Response {
    pub(crate) fn good(now: OffsetDateTime) -> Self {
        Self { status: 0, says: 0, from: now - Duration::days(1), until: now + Duration::days(6) }
    }
}

fn tlv(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let mut der = vec![tag];
    // The shortest form (X.690 §10.1).
    match u16::try_from(content.len()).unwrap().to_be_bytes() {
        [0, length @ 0..0x80] => der.push(length),
        [0, length] => der.extend([0x81, length]),
        [high, low] => der.extend([0x82, high, low]),
    }
    der.extend(content);
    der
}

fn at(time: OffsetDateTime) -> Vec<u8> {
    let text = time.format(format_description!("[year][month][day][hour][minute][second]Z")).unwrap();
    tlv(0x18, &[text.as_bytes()])
}

/// A response about `leaf`, without a valid signature.
pub(crate) fn response(leaf: &[u8], says: Response) -> Vec<u8> {
    let (_, leaf) = X509Certificate::from_der(leaf).unwrap();
    let algorithm = tlv(0x30, &[&tlv(6, &[SHA1_OID]), &tlv(5, &[])]);
    let issuer = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, leaf.issuer().as_raw());
    let id = tlv(0x30, &[&algorithm, &tlv(4, &[issuer.as_ref()]), &tlv(4, &[&[7; 20]]), &tlv(2, &[leaf.raw_serial()])]);
    let status = match says.says {
        1 => tlv(0xa1, &[&at(says.from)]),
        other => tlv(0x80 | other, &[]),
    };
    let single = tlv(0x30, &[&id, &status, &at(says.from), &tlv(0xa0, &[&at(says.until)])]);
    let responder = tlv(0xa2, &[&tlv(4, &[&[7; 20]])]);
    let data = tlv(0x30, &[&responder, &at(says.from), &tlv(0x30, &[&single])]);
    let signature = tlv(3, &[&[0; 65]]);
    let basic = tlv(0x30, &[&data, &algorithm, &signature]);
    let kind = tlv(6, &[&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01]]);
    let bytes = tlv(0xa0, &[&tlv(0x30, &[&kind, &tlv(4, &[&basic])])]);
    let status = tlv(10, &[&[says.status]]);
    if says.status == 0 { tlv(0x30, &[&status, &bytes]) } else { tlv(0x30, &[&status]) }
}

fn leaf() -> Vec<u8> {
    let params = CertificateParams::new(vec!["gw.example".to_owned()]).unwrap();
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[test]
fn only_a_good_and_fresh_response_about_this_certificate_is_sent_along() {
    let (leaf, other) = (leaf(), self::leaf());
    let good = Response::good(NOW);
    assert_eq!(until(&response(&leaf, good), &leaf, NOW).unwrap(), good.until);
    for (der, message) in [
        (response(&other, good), "it is about another certificate"),
        (response(&leaf, Response { says: 1, ..good }), "it does not say that the certificate is good"),
        (response(&leaf, Response { says: 2, ..good }), "it does not say that the certificate is good"),
        (response(&leaf, Response { status: 3, ..good }), "the responder could not say (status 3)"),
        (response(&leaf, Response { until: NOW - Duration::SECOND, ..good }), "its time was over on 2026-11-20"),
        (response(&leaf, Response { from: NOW + Duration::days(1), ..good }), "it is of 2026-11-21, in the future"),
        (Vec::new(), "it is no OCSP response in DER"),
        (b"-----BEGIN OCSP RESPONSE-----".to_vec(), "it is no OCSP response in DER"),
        (leaf.clone(), "it is no OCSP response in DER"),
    ] {
        let error = until(&der, &leaf, NOW).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}, not {message}");
    }
}

#[test]
fn a_response_that_is_cut_anywhere_is_refused() {
    let leaf = leaf();
    let whole = response(&leaf, Response::good(NOW));
    for end in 0..whole.len() {
        assert!(until(&whole[..end], &leaf, NOW).is_err(), "{end}");
    }
}
