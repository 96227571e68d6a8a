//! Behind the last layer: an upgrade or an ordinary request.

use http::Response;

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use super::forward::Forward;
use super::handle::Handle;
use super::upgrade::{Upgrades, upgrade};
use crate::observe::access::Access;
use crate::websocket::handshake;

/// The way to one gateway, for requests and WebSockets.
pub struct Route {
    /// For requests.
    pub forward: Forward,
    /// For WebSockets.
    pub upgrades: Upgrades,
}

impl Handle for Route {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        let head = &exchange.head;
        if handshake::is_upgrade(&head.method, head.version, &head.headers, !exchange.body.is_empty()) {
            // Boxed: few requests are upgrades, and all would have to keep the room free that one takes.
            Box::pin(upgrade(&self.forward, &self.upgrades, exchange, access)).await
        } else {
            self.forward.handle(exchange, access).await
        }
    }
}
