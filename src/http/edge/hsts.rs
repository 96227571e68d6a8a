//! The field that tells browsers to use nothing but https (RFC 6797).

use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderMap, HeaderValue};

use super::connection_info::ConnectionInfo;
use crate::config::Hsts;

/// Adds `Strict-Transport-Security` to an answer, unless it has one.
pub(crate) fn add(policy: Hsts, connection_info: &ConnectionInfo, answer: &mut HeaderMap) {
    if let Some(field) = field(policy, connection_info) {
        answer.entry(STRICT_TRANSPORT_SECURITY).or_insert(field);
    }
}

/// The field for a connection, if it gets one. Never over plain HTTP (RFC 6797 §7.2). A browser that has once seen the
/// field lets its user click no warning away, so with `auto` only a connection whose certificate every browser trusts
/// gets it, if the client asked for a name of that certificate; addresses do not count (§8.1).
fn field(policy: Hsts, connection_info: &ConnectionInfo) -> Option<HeaderValue> {
    if !connection_info.secure {
        return None;
    }
    match policy {
        Hsts::Off => None,
        Hsts::For(life) => HeaderValue::try_from(format!("max-age={}", life.as_secs())).ok(),
        Hsts::Auto => {
            let (shown, name) = (connection_info.certificate.as_ref()?, connection_info.server_name.as_ref()?);
            (shown.is_trusted() && shown.covers(name)).then_some(A_YEAR)
        }
    }
}

const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");
