//! The advice for what frontgate cannot do: stores that have no tool, and other devices.

use super::plan::TrustTask;

/// The steps for other devices, and after a change.
pub(super) fn other_devices(task: TrustTask) -> &'static str {
    match task {
        TrustTask::Install => INSTALL,
        TrustTask::Uninstall => UNINSTALL,
    }
}

const INSTALL: &str = "
Restart browsers that are open.

Other devices, after `frontgate cert export` or from the page that `tls.ca_page: on` offers. Compare the SHA-256 above.
  Windows     cert export --format der -o ca.crt; there, as administrator: certutil -addstore -f Root ca.crt
  macOS       sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ca.pem
  iPhone      cert export --format mobileconfig -o ca.mobileconfig; open it, Settings > General > VPN & Device
              Management > install; then Settings > General > About > Certificate Trust Settings > turn it on
  Android     cert export --format der -o ca.crt; Settings > Security > More > Encryption & credentials > Install a
              certificate > CA certificate
  Firefox     Settings > Privacy & Security > View Certificates > Authorities > Import
";

const UNINSTALL: &str = "
Restart browsers that are open.

Other devices
  Windows     certlm.msc > Trusted Root Certification Authorities > Certificates
  macOS       Keychain Access > System > Certificates
  iPhone      Settings > General > VPN & Device Management
  Android     Settings > Security > More > Encryption & credentials > User credentials
  Firefox     Settings > Privacy & Security > View Certificates > Authorities
";
