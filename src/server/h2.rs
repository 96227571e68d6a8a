//! An HTTP/2 connection: requests beside each other, until it ends.

mod answer;
mod cork;
mod flow;
mod head_budget;
mod head_count;
mod send_budget;
mod stream;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};

use self::answer::PendingStream;
use self::cork::Cork;
use self::flow::StreamFlow;
use self::head_budget::HeadBudget;
use self::send_budget::SendBudget;
use self::stream::StreamSpawner;
use super::settings::{ConnectionPermits, EdgeChoice, LiveSettings};
use crate::drain::Drain;
use crate::http::edge::connection_info::ConnectionInfo;
use crate::http::edge::connection_state::ConnectionState;
use crate::http::edge::stack::RequestEntry;
use crate::http::error::RequestFailure;
use crate::io::BufferPool;
use crate::observe::for_client;
use crate::tls::ByteStream;
use crate::upstream::BodySource;

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: ByteStream,
    buffers: Arc<BufferPool>,
    connection_info: ConnectionInfo,
    live: &LiveSettings,
    permits: ConnectionPermits,
    drain: Drain,
) {
    let _places = permits;
    // The library has opinions on what a client does, and does not know which client that is.
    let span = for_client(connection_info.peer.ip());
    let sending = SendBudget::new(live.load().sends.lease(connection_info.peer.ip()));
    let (connection_state, connection_info, requested) =
        (ConnectionState::new(), Arc::new(connection_info), live.clone());
    let watched = connection_state.clone();
    let streams = StreamSpawner::new(drain.tasks(), connection_state.clone());
    let (announced, handed, heads) = (streams.clone(), sending.clone(), HeadBudget::default());
    let waiting = heads.clone();
    let requests = service_fn(move |request: Request<Incoming>| {
        let flow = StreamFlow::new(handed.clone());
        announced.announce(flow.clone());
        let entry = RequestEntry {
            connection_info: Arc::clone(&connection_info),
            has_fragment: false,
            busy: Some(connection_state.begin()),
            upgrade_slot: None,
        };
        let (settings, place) = (requested.load(), waiting.enter(&request));
        let (edge, request) = (settings.edge(EdgeChoice::Listener), request.map(BodySource::from));
        let answer = match &place {
            Some(_) => edge.call(request, entry),
            None => edge.refuse(request, entry, RequestFailure::TooManyWaiting),
        };
        PendingStream::new(answer, flow, place)
    });
    let head = u32::try_from(live.load().request_head).unwrap_or(u32::MAX);
    let (cork, corked) = Cork::new(stream, buffers, sending.clone());
    let mut connection = pin!(
        http2::Builder::new(streams)
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(head)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_pending_accept_reset_streams(RESET_BEFORE_ACCEPT)
            .max_local_error_reset_streams(RESET_BY_US)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .serve_connection(TokioIo::new(corked), requests)
    );
    let mut timer = pin!(sleep_until(watched.look_again(live.load().connection_timeouts, Instant::now())));
    let (mut leaving, mut gathering) = (false, false);
    loop {
        tokio::select! {
            biased;
            () = drain.hard() => return,
            () = drain.soft(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            result = poll_fn(|cx| {
                // Each answer comes from a task of its own and wakes this one. Waiting for one turn lets the other
                // tasks write that are ready as well, and all of that goes out together.
                gathering = !gathering;
                if gathering {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                cork.begin_turn(if heads.is_strained() { 1 } else { HEADS_AT_ONCE });
                let polled = span.in_scope(|| connection.as_mut().poll(cx));
                if polled.is_pending() && cork.wants_turn() {
                    gathering = true;
                    cx.waker().wake_by_ref();
                }
                let released = cork.poll_release(cx);
                if matches!(released, Poll::Ready(Ok(()))) {
                    sending.drained();
                }
                match released {
                    Poll::Ready(Err(error)) if polled.is_pending() => Poll::Ready(Err(error.to_string())),
                    _ => polled.map_err(|error| error.to_string()),
                }
            }) => {
                if let Err(error) = result {
                    tracing::debug!(error, "client connection ended");
                }
                // A last frame, such as the reason of the end, may still be kept.
                let _ = timeout(CLOSE_WAIT, poll_fn(|cx| cork.poll_release(cx))).await;
                return;
            }
            () = timer.as_mut() => {
                let (now, connection_timeouts) = (Instant::now(), live.load().connection_timeouts);
                match watched.deadline(connection_timeouts) {
                    // The client was asked to leave and has no request under way.
                    Some(at) if at <= now && leaving => return,
                    Some(at) if at <= now => {
                        leaving = true;
                        connection.as_mut().graceful_shutdown();
                        timer.as_mut().reset(now + CLOSE_WAIT);
                    }
                    _ => timer.as_mut().reset(watched.look_again(connection_timeouts, now)),
                }
            }
        }
    }
}

/// Requests of one connection at a time. A browser asks for a hundred; each costs some 20 KiB while its client reads
/// nothing.
const MAX_STREAMS: u32 = 128;
/// How many bytes a client may send ahead on one stream, and on all of them: they are kept for a gateway that does not
/// take them. A window smaller than this slows an upload down over a path of 20 ms. A byte that is kept takes several times its size
/// where pieces of other streams came with it, which is why all streams together may send ahead no more than two of them.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// Up to here the h2 library counts room on a stream as there; how many bytes it keeps is bounded by [`SendBudget`].
const SEND_BUFFER: usize = 64 * 1024;
/// How many heads the library may decode before the first is looked at: one of `limits.request_head` takes up to four
/// times as much memory.
const HEADS_AT_ONCE: usize = 8;
/// Requests that the client may reset before they are looked at, which the library keeps until then. The turns above
/// are shorter.
const RESET_BEFORE_ACCEPT: usize = 16;
/// Streams that may be reset for the client's mistakes, before the connection is: streams that a client makes fail
/// rapidly on purpose are such (CVE-2025-8671).
const RESET_BY_US: usize = 128;
/// A client that vanished in silence is noticed after these two.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may take to leave after it was asked to.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
