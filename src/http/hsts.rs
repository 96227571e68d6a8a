//! The layer that tells browsers to use nothing but https (RFC 6797).

use http::header::STRICT_TRANSPORT_SECURITY;
use http::{HeaderValue, Response};

use super::arrival::Arrival;
use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use super::handle::Handle;
use crate::config::Hsts;
use crate::observe::access::Access;

/// The layer that adds `Strict-Transport-Security`, unless the gateway has one.
pub struct Strict<H> {
    /// What comes next.
    pub inner: H,
    /// When it is added.
    pub policy: Hsts,
}

impl<H: Handle> Handle for Strict<H> {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        let field = field(self.policy, &exchange.arrival);
        let mut response = self.inner.handle(exchange, access).await?;
        if let Some(field) = field {
            response.headers_mut().entry(STRICT_TRANSPORT_SECURITY).or_insert(field);
        }
        Ok(response)
    }
}

/// Never over plain HTTP (RFC 6797 §7.2). A browser that has once seen it lets nobody click a warning away, so by itself it is
/// only told by a certificate that every browser trusts, to who asked for its name; addresses do not count (§8.1).
fn field(policy: Hsts, arrival: &Arrival) -> Option<HeaderValue> {
    if !arrival.secure {
        return None;
    }
    match policy {
        Hsts::Off => None,
        Hsts::For(life) => HeaderValue::try_from(format!("max-age={}", life.as_secs())).ok(),
        Hsts::Auto => {
            let (shown, name) = (arrival.certificate.as_ref()?, arrival.server_name.as_ref()?);
            (shown.is_trusted() && shown.covers(name)).then_some(A_YEAR)
        }
    }
}

const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");
