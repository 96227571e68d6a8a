//! A distinguished name as text (RFC 4514), in ASCII throughout, so that a header field and a log line can carry it.

use std::fmt::Write;

use x509_parser::asn1_rs::ToDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// `CN=ann,OU=ops,O=Example`: the most specific part first (RFC 4514 §2.1).
pub(in crate::tls) fn text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|rdn| rdn.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type().to_id_string();
    let short = SHORT.iter().find(|(oid, _)| *oid == kind).map(|(_, short)| *short);
    match (short, attribute.as_str()) {
        (Some(short), Ok(value)) => format!("{short}={}", escaped(value)),
        // An attribute without a short name or a text is written as it is encoded (§2.4).
        (short, _) => format!("{}=#{}", short.unwrap_or(&kind), hex(attribute)),
    }
}

/// The value with its escapes (§2.4); characters outside of printable ASCII are escaped byte by byte, which is allowed
/// everywhere.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.len().saturating_sub(1);
    for (index, byte) in value.bytes().enumerate() {
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => _ = write!(text, "\\{}", char::from(byte)),
            b' ' if index == 0 || index == last => text.push_str("\\ "),
            b'#' if index == 0 => text.push_str("\\#"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => _ = write!(text, "\\{byte:02X}"),
        }
    }
    text
}

/// The encoded value, its tag and length included.
fn hex(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    let mut bytes = value.header.to_der_vec().unwrap_or_default();
    bytes.extend_from_slice(value.data);
    bytes.iter().fold(String::new(), |mut hex, byte| {
        _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The short names of attribute types that every implementation must know (§3).
const SHORT: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    fn written(parts: &[(DnType, &str)]) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
        text(X509Certificate::from_der(&der).unwrap().1.subject())
    }

    #[test]
    fn the_most_specific_part_comes_first() {
        let parts = [
            (DnType::CountryName, "DE"),
            (DnType::OrganizationName, "Example"),
            (DnType::OrganizationalUnitName, "ops"),
            (DnType::CommonName, "ann"),
        ];
        assert_eq!(written(&parts), "CN=ann,OU=ops,O=Example,C=DE");
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn no_value_can_look_like_another_name() {
        for (value, expected) in [
            ("ann,O=Example", "CN=ann\\,O=Example"),
            ("a+b\"c\\d<e>f;g", "CN=a\\+b\\\"c\\\\d\\<e\\>f\\;g"),
            (" a b ", "CN=\\ a b\\ "),
            (" ", "CN=\\ "),
            ("#1#", "CN=\\#1#"),
            ("a=b", "CN=a=b"),
            ("J\u{fc}rgen", "CN=J\\C3\\BCrgen"),
            ("a\r\nX-Forged: 1", "CN=a\\0D\\0AX-Forged: 1"),
            ("", "CN="),
        ] {
            assert_eq!(written(&[(DnType::CommonName, value)]), expected);
        }
    }

    #[test]
    fn a_type_without_a_short_name_is_written_as_it_is_encoded() {
        let mail = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
        assert_eq!(written(&[(mail, "a@b")]), "1.2.840.113549.1.9.1=#0c03614062");
    }
}
