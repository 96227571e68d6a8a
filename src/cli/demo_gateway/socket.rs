//! One WebSocket of the demo's gateway.

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::mishap::{Mishap, MishapWatch};
use crate::drain::Drain;

/// What the gateway says of the pings that it gets, since a page cannot see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PingReports {
    /// `{"demo":"pings","count":n}` after each.
    Each,
    /// Nothing, until an hour of them is over: `{"demo":"hour","pings":180}`.
    Hour,
}

/// A message may be as large as the largest the OpenClaw gateway takes, and one byte more.
const LARGEST: usize = 26_214_401;

/// How often a link is pinged that is silent for an hour, at the default `websocket.ping_interval` of 20 s.
pub(in crate::cli) const PINGS_OF_AN_HOUR: u64 = 180;

/// The head of a binary frame of 4096 bytes (RFC 6455 §5.2), and the first few of them.
const BEGUN_FRAME: &[u8] = b"\x82\x7e\x10\x00in the mid";

/// Says `hello`, then echoes text and binary messages until the client closes, a mishap ends it or `drain` does.
pub(super) async fn serve(
    upgrade: OnUpgrade,
    hello: String,
    reports: PingReports,
    mut mishaps: MishapWatch,
    drain: Drain,
) {
    let upgraded: Upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "an upgrade of the demo gateway failed"),
    };
    let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    tokio::select! {
        ended = echo(socket, hello, reports, &mut mishaps, &drain) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket of the demo gateway failed");
            }
        }
        () = drain.hard() => {}
    }
}

async fn echo(
    mut socket: WebSocketStream<TokioIo<Upgraded>>,
    hello: String,
    reports: PingReports,
    mishaps: &mut MishapWatch,
    drain: &Drain,
) -> Result<(), Error> {
    socket.send(Message::text(hello)).await?;
    let mut pings = 0_u64;
    let mut asked_to_finish = false;
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            mishap = mishaps.next() => match mishap {
                // The drain says so as well.
                Mishap::Away(_) => continue,
                Mishap::Lost => return Ok(()),
                Mishap::CutInFrame => {
                    socket.flush().await?;
                    let stream = socket.get_mut();
                    stream.write_all(BEGUN_FRAME).await?;
                    stream.flush().await?;
                    return Ok(());
                }
            },
            () = drain.soft(), if !asked_to_finish => {
                asked_to_finish = true;
                let restart = CloseFrame { code: CloseCode::Restart, reason: "service restart".into() };
                socket.close(Some(restart)).await?;
                continue;
            }
        };
        match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) if !asked_to_finish => {
                socket.send(message).await?;
            }
            // The pong is queued before this message, so it goes first.
            Some(Ok(Message::Ping(_))) if !asked_to_finish => {
                socket.flush().await?;
                pings += 1;
                match reports {
                    PingReports::Each => {
                        socket.send(Message::text(format!("{{\"demo\":\"pings\",\"count\":{pings}}}"))).await?;
                    }
                    PingReports::Hour if pings == PINGS_OF_AN_HOUR => {
                        socket.send(Message::text(format!("{{\"demo\":\"hour\",\"pings\":{pings}}}"))).await?;
                    }
                    PingReports::Hour => {}
                }
            }
            Some(Ok(_)) => {}
            Some(Err(Error::ConnectionClosed)) | None => return Ok(()),
            Some(Err(error)) => return Err(error),
        }
    }
}
