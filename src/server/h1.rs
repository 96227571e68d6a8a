//! An HTTP/1.1 connection: requests one after the other, until it ends or becomes a WebSocket.
//!
//! `connection::ServedConnection` is the state machine; this module acts on the ways in which it ends, and on the
//! events around it.

mod answer_head;
mod answer_writer;
mod connection;
mod request_body;
pub mod request_head;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use self::connection::{ConnectionEnd, ServedConnection};
use super::drain_signals::DrainSignals;
use super::settings::{EdgeChoice, LiveSettings, ServedPermits};
use crate::drain::Drain;
use crate::http::edge::body_discard::BodyDiscard;
use crate::http::edge::connection_info::ConnectionInfo;
use crate::http::edge::request_id::RequestId;
use crate::http::error::RequestFailure;
use crate::http::pages::page;
use crate::io::BufferPool;
use crate::io::wake_flag::when_raised;
use crate::observe::access::{LoggedClient, RequestEnd};
use crate::tls::ByteStream;

/// Serves one connection to its end; a WebSocket goes on in a task of its own.
pub(super) async fn serve(
    stream: ByteStream,
    buffers: Arc<BufferPool>,
    connection_info: ConnectionInfo,
    live: &LiveSettings,
    way: EdgeChoice,
    permits: ServedPermits,
    drains: DrainSignals,
) {
    let drain = &drains.connection;
    let mut connection = ServedConnection::new(stream, connection_info, live.clone(), way);
    let end = run(&mut connection, drain).await;
    let ServedConnection { mut stream, input, connection_info, upgrade_slot: handover, head_permit, .. } = connection;
    if let (ConnectionEnd::Over, Some(tunnel)) = (&end, handover.take()) {
        return tunnel.start(stream, input.into_bytes(), buffers, permits, &drains.all);
    }
    // What follows takes time, and may be a part of a large head.
    drop((input, head_permit));
    let close_frame = async {
        match end {
            ConnectionEnd::Cut => {}
            // No client waits for an answer that could get lost.
            ConnectionEnd::Quiet => drop(timeout(LINGER, stream.shutdown()).await),
            ConnectionEnd::Over | ConnectionEnd::Stalled => linger(&mut stream, UnreadInput::Nothing).await,
            ConnectionEnd::Early => linger(&mut stream, UnreadInput::Body).await,
            ConnectionEnd::Refused(failure) => {
                refuse(&mut stream, &failure, &connection_info, live).await;
                linger(&mut stream, UnreadInput::Body).await;
            }
        }
    };
    tokio::select! {
        () = drain.hard() => {}
        () = close_frame => {}
    }
}

async fn run(connection: &mut ServedConnection, drain: &Drain) -> ConnectionEnd {
    let far = || Instant::now() + SELDOM;
    let mut timer = pin!(sleep_until(connection.deadline().unwrap_or_else(far)));
    let mut leaving = false;
    loop {
        let armed = timer.deadline();
        let seldom = when_raised(async {
            tokio::select! {
                biased;
                () = drain.hard() => ConnectionEvent::Hard,
                () = drain.soft(), if !leaving => ConnectionEvent::Soft,
                () = timer.as_mut() => ConnectionEvent::Timer,
            }
        });
        tokio::select! {
            biased;
            polled = poll_fn(|cx| match connection.poll(cx) {
                Poll::Ready(end) => Poll::Ready(Ok(end)),
                // The next deadline is usually later than the armed one, or what is waited for comes at once.
                Poll::Pending => match connection.deadline() {
                    Some(at) if at < armed => Poll::Ready(Err(at)),
                    _ => Poll::Pending,
                },
            }) => match polled {
                Ok(end) => return end,
                Err(sooner) => timer.as_mut().reset(sooner),
            },
            happened = seldom => match happened {
                ConnectionEvent::Hard => return ConnectionEnd::Cut,
                ConnectionEvent::Soft => {
                    leaving = true;
                    connection.leave(Instant::now() + LAST_CALL);
                }
                // The timer is not moved with every request: the deadline is looked up when it fires.
                ConnectionEvent::Timer => {
                    if connection.deadline().is_some_and(|at| at <= Instant::now())
                        && let Some(end) = connection.expire()
                    {
                        return end;
                    }
                    timer.as_mut().reset(connection.deadline().unwrap_or_else(far));
                }
            },
        }
    }
}

/// An event of a connection besides its requests.
enum ConnectionEvent {
    /// The drain's hard signal: to stop.
    Hard,
    /// The drain's soft signal: to finish.
    Soft,
    /// It is time to look at the deadlines.
    Timer,
}

/// Answers a request whose head could not be read to its end.
async fn refuse(
    stream: &mut ByteStream,
    failure: &RequestFailure,
    connection_info: &ConnectionInfo,
    live: &LiveSettings,
) {
    let id = RequestId::fresh();
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = Method::from_bytes(UNREAD).unwrap_or_default();
    let peer = connection_info.peer.ip();
    let mut access = live.load().log.request(id.as_str(), LoggedClient { addr: peer, proxy: peer }, &head);
    "-".clone_into(&mut access.target);
    access.tls = connection_info.tls_version;
    access.failed(failure.status(), failure.code());
    let page: Bytes = page::raw(failure, id.as_str());
    if let Ok(Ok(())) = timeout(LINGER, stream.write_all(&page)).await {
        access.ended = RequestEnd::Done;
    }
}

/// What the client may still be sending when the connection ends.
enum UnreadInput {
    Nothing,
    Body,
}

/// Ends our side, and reads what is still coming for a while: an immediate close would make the kernel throw away what
/// the client has not read yet.
async fn linger(stream: &mut ByteStream, rest: UnreadInput) {
    let _ = timeout(LINGER, async {
        let _ = stream.flush().await;
        let _ = stream.shutdown().await;
    })
    .await;
    let (now, mut discard) = (Instant::now(), BodyDiscard::new(Instant::now()));
    let mut until = match rest {
        UnreadInput::Nothing => now + LINGER,
        UnreadInput::Body => discard.deadline(),
    };
    let mut thrown_away = vec![0; 4096];
    while let Ok(Ok(read @ 1..)) = timeout_at(until, stream.read(&mut thrown_away)).await {
        if !discard.took(read, Instant::now()) {
            break;
        }
        if let UnreadInput::Body = rest {
            until = discard.deadline();
        }
    }
}

/// How long a drain waits for a request that may be on its way over a connection without one: a client that has just
/// connected, or asks again on a connection that is kept, must not find it closed.
const LAST_CALL: Duration = Duration::from_secs(1);
/// How long a client may go on sending behind a last answer, so that a reset does not take the answer from it.
const LINGER: Duration = Duration::from_secs(2);
/// The timer fires this often where nothing is waited for.
const SELDOM: Duration = Duration::from_hours(1);
/// Stands for the method of a request that could not be read.
const UNREAD: &[u8] = b"-";
