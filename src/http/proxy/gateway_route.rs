//! [`GatewayRoute`]: the end of a route at a gateway, for an upgrade or an ordinary request.

use http::Response;

use super::body::AnswerBody;
use super::forward::Forwarder;
use super::upgrade::{UpgradeSettings, upgrade};
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::observe::access::AccessLine;
use crate::websocket::handshake;

/// The way to one gateway, for requests and WebSockets.
pub(crate) struct GatewayRoute {
    /// Forwards requests.
    pub(crate) forward: Forwarder,
    /// The settings for WebSockets.
    pub(crate) upgrades: UpgradeSettings,
}

impl RequestHandler for GatewayRoute {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        let (head, can_upgrade) = (&exchange.head, exchange.upgrade_slot.is_some());
        if can_upgrade && handshake::is_upgrade(&head.method, head.version, &head.headers, !exchange.body.is_empty()) {
            // Boxed: few requests are upgrades, and all would have to keep the room free that one takes.
            Box::pin(upgrade(&self.forward, &self.upgrades, exchange, access)).await
        } else {
            self.forward.handle(exchange, access).await
        }
    }
}
