//! [`mobileconfig`]: a certificate authority as a configuration profile for iPhones, iPads and Macs.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

use crate::tls::x509::description::CertDescription;

/// The profile that installs `ca` (Apple, "Configuration Profile Reference", payload `com.apple.security.root`). The
/// same certificate gives the same bytes, so that installing it again replaces it; `None` when `ca` is not a
/// certificate.
pub(crate) fn mobileconfig(ca: &CertificateDer<'_>) -> Option<String> {
    let CertDescription { subject, fingerprint, .. } = CertDescription::read(ca)?;
    let name = escape(subject.strip_prefix("CN=").unwrap_or(&subject));
    let (profile, payload) = (uuid("profile", ca), uuid("certificate", ca));
    let body = STANDARD.encode(ca);
    let lines: String =
        body.as_bytes().chunks(64).flat_map(|line| [INDENT.as_bytes(), line, b"\n"].concat()).map(char::from).collect();
    Some(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadCertificateFileName</key>
			<string>frontgate-local-ca.crt</string>
			<key>PayloadContent</key>
			<data>
{lines}			</data>
			<key>PayloadDescription</key>
			<string>Lets this device trust the certificate of your frontgate. SHA-256 {fingerprint}</string>
			<key>PayloadDisplayName</key>
			<string>{name}</string>
			<key>PayloadIdentifier</key>
			<string>frontgate.local-ca.{payload}</string>
			<key>PayloadType</key>
			<string>com.apple.security.root</string>
			<key>PayloadUUID</key>
			<string>{payload}</string>
			<key>PayloadVersion</key>
			<integer>1</integer>
		</dict>
	</array>
	<key>PayloadDescription</key>
	<string>Lets this device trust the certificate of your frontgate. SHA-256 {fingerprint}</string>
	<key>PayloadDisplayName</key>
	<string>{name}</string>
	<key>PayloadIdentifier</key>
	<string>frontgate.profile.{profile}</string>
	<key>PayloadRemovalDisallowed</key>
	<false/>
	<key>PayloadType</key>
	<string>Configuration</string>
	<key>PayloadUUID</key>
	<string>{profile}</string>
	<key>PayloadVersion</key>
	<integer>1</integer>
</dict>
</plist>
"#
    ))
}

/// A UUID that always is the same for the same certificate (RFC 9562 §5.8, version 8: custom).
fn uuid(purpose: &str, ca: &CertificateDer<'_>) -> String {
    let hash = digest::digest(&digest::SHA256, &[b"frontgate ", purpose.as_bytes(), b"\0", ca.as_ref()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    let hex = format!("{number:032X}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const INDENT: &str = "\t\t\t";

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use rcgen::{CertificateParams, DnType, KeyPair};
    use rustls::pki_types::CertificateDer;

    use super::mobileconfig;

    #[test]
    fn the_profile_is_the_same_for_the_same_certificate_and_holds_it() {
        let made = [0, 1].map(|_| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, "CA of <Ann & Bob>");
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
        });
        let [one, two] = made.each_ref().map(|ca| mobileconfig(ca).unwrap());
        assert_eq!(mobileconfig(&made[0]).unwrap(), one);
        assert!(one.contains("<string>CA of &lt;Ann &amp; Bob&gt;</string>"), "{one}");

        let data = one.split_once("<data>").unwrap().1.split_once("</data>").unwrap().0;
        let data: String = data.split_whitespace().collect();
        assert_eq!(STANDARD.decode(data).unwrap(), made[0].as_ref());

        let ids = |profile: &str| -> Vec<String> {
            let parts = profile.split("<key>PayloadUUID</key>").skip(1);
            parts.map(|part| part.split(['<', '>']).nth(2).unwrap().to_owned()).collect()
        };
        let (ids_one, ids_two) = (ids(&one), ids(&two));
        assert_eq!(ids_one.len(), 2);
        for id in &ids_one {
            assert!(!ids_two.contains(id));
            assert_eq!((id.len(), &id[14..15]), (36, "8"), "{id}");
        }
        assert_ne!(ids_one[0], ids_one[1]);
        assert_eq!(mobileconfig(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
