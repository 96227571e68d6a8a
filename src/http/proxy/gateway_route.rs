//! [`GatewayRoute`]: the end of a route at a gateway, for an upgrade or an ordinary request.

use http::Response;

use super::answer_login::AnswerLogin;
use super::body::AnswerBody;
use super::forward::Forwarder;
use super::upgrade::{UpgradeSettings, upgrade};
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::RequestFailure;
use crate::observe::access::AccessLine;

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
        if access.is_handshake {
            // Boxed: few requests are upgrades, and all would have to keep the room free that one takes.
            Box::pin(upgrade(&self.forward, &self.upgrades, exchange, access)).await
        } else {
            let answer = self.forward.handle(exchange, access).await?;
            let login = || exchange.login.take().map(|login| AnswerLogin::new(&self.upgrades.logins, login));
            Ok(answer.map(|body| body.ending_with(login)))
        }
    }
}
