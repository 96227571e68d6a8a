//! An HTTP/2 connection: requests beside each other, until it ends.

mod answer;
mod answer_head;
mod connection;
mod cork;
mod flow;
mod frame_count;
pub mod handshake;
mod head_budget;
mod liveness;
mod old_clients;
mod receive_window;
mod send_budget;
mod stream;
mod websocket_stream;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use h2::Reason;
use http::{Method, Request};
use tokio::time::{Instant, sleep_until, timeout};

use self::connection::{Http2Connection, Http2Request};
use self::cork::Cork;
use self::flow::StreamFlow;
use self::frame_count::ReadTurn;
use self::handshake::StreamPurpose;
use self::head_budget::HeadBudget;
use self::receive_window::{CONNECTION_WINDOW, ReceiveWindow, STREAM_WINDOW};
use self::send_budget::SendBudget;
use self::stream::{AwaitedAnswer, StreamContext, StreamOutcome, StreamTask};
use super::drain_signals::DrainSignals;
use super::settings::{EdgeChoice, ListenerSettings, LiveSettings, ServedPermits};
use crate::http::edge::connection_info::ConnectionInfo;
use crate::http::edge::connection_state::ConnectionState;
use crate::http::edge::stack::RequestEntry;
use crate::http::error::RequestFailure;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::io::BufferPool;
use crate::observe::for_client;
use crate::tls::ByteStream;
use crate::upstream::{BodySource, Http2Body};

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: ByteStream,
    buffers: Arc<BufferPool>,
    connection_info: ConnectionInfo,
    live: &LiveSettings,
    permits: ServedPermits,
    drains: DrainSignals,
) {
    let _places = permits;
    // The library has opinions on what a client does, and does not know which client that is.
    let span = for_client(connection_info.peer.ip());
    let (settings, client) = (live.load(), connection_info.peer.ip());
    let sending = SendBudget::new(settings.sends.lease(client));
    let window = ReceiveWindow::new(settings.sends.lease(client));
    let (cork, corked) = Cork::new(stream, Arc::clone(&buffers), sending.clone());
    let mut connection = Http2Connection::new(&builder(&settings), corked, window.clone());
    drop(settings);
    let watched = ConnectionState::new();
    let number = connection_info.number;
    let context = StreamContext { connection_state: watched.clone(), window, buffers, drain: drains.all, number };
    let streams = Streams {
        live: live.clone(),
        connection_info: Arc::new(connection_info),
        sending: sending.clone(),
        heads: HeadBudget::default(),
        context: Arc::new(context),
    };
    let drain = &drains.connection;
    let mut timer = pin!(sleep_until(watched.look_again(live.load().connection_timeouts, Instant::now())));
    let (mut leaving, mut gathering) = (false, false);
    loop {
        tokio::select! {
            biased;
            () = drain.hard() => return,
            () = drain.soft(), if !leaving => {
                leaving = true;
                connection.leave();
            }
            result = poll_fn(|cx| {
                // Each answer comes from a task of its own and wakes this one. Waiting for one turn lets the other
                // tasks write that are ready as well, and all of that goes out together.
                gathering = !gathering;
                if gathering {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let heads = if streams.heads.is_strained() { 1 } else { HEADS_AT_ONCE };
                cork.begin_turn(ReadTurn { heads, data: DATA_AT_ONCE });
                let polled = span.in_scope(|| connection.poll(cx, || cork.heard(), |request| streams.begin(request)));
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
                    tracing::debug!(conn = streams.connection_info.number, error, "client connection ended");
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
                        connection.leave();
                        timer.as_mut().reset(now + CLOSE_WAIT);
                    }
                    _ => timer.as_mut().reset(watched.look_again(connection_timeouts, now)),
                }
            }
        }
    }
}

/// Where the requests of one connection begin.
struct Streams {
    live: LiveSettings,
    connection_info: Arc<ConnectionInfo>,
    sending: SendBudget,
    heads: HeadBudget,
    context: Arc<StreamContext>,
}

impl Streams {
    /// Begins to answer a request, in a task of its own.
    fn begin(&self, (mut request, respond): Http2Request) {
        let (settings, flow) = (self.live.load(), StreamFlow::new(self.sending.clone()));
        let (open, is_connect) = (!request.body().is_end_stream(), request.method() == Method::CONNECT);
        let purpose = StreamPurpose::of(&mut request, open, settings.http2_websockets);
        let (head, is_websocket) = (self.heads.enter(&request), matches!(purpose, StreamPurpose::WebSocket));
        let (parts, receive) = request.into_parts();
        // What a client sends behind a CONNECT is no body: it waits for the answer.
        let slot = is_connect.then(Arc::<UpgradeSlot>::default);
        let (body, outcome) = match &slot {
            Some(slot) => (BodySource::Empty, StreamOutcome::Connect(Arc::clone(slot), receive)),
            None => (Http2Body::new(receive, &parts.headers).into(), StreamOutcome::Answer),
        };
        let (refused, outcome) = match purpose {
            StreamPurpose::Refused(failure) => (Some(failure), outcome),
            StreamPurpose::WebSocketOverHttp1 => {
                (Some(RequestFailure::Http1Required), StreamOutcome::Reset(Reason::HTTP_1_1_REQUIRED))
            }
            StreamPurpose::Answer | StreamPurpose::WebSocket => (None, outcome),
        };
        let entry = RequestEntry {
            connection_info: Arc::clone(&self.connection_info),
            has_fragment: false,
            busy: Some(self.context.connection_state.begin()),
            upgrade_slot: slot.filter(|_| is_websocket),
        };
        let refused = if head.is_none() { Some(RequestFailure::TooManyWaiting) } else { refused };
        let (edge, request) = (settings.edge(EdgeChoice::Listener), Request::from_parts(parts, body));
        let answer = match refused {
            None => edge.call(request, entry),
            Some(failure) => edge.refuse(request, entry, failure),
        };
        let awaited = AwaitedAnswer { answer, respond, head, outcome };
        self.context.drain.spawn(StreamTask::new(awaited, flow, Arc::clone(&self.context)));
    }
}

/// The library's settings of a connection.
fn builder(settings: &ListenerSettings) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(settings.request_head).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESET_BEFORE_ACCEPT)
        .max_local_error_reset_streams(Some(RESET_BY_US));
    if settings.http2_websockets {
        builder.enable_connect_protocol();
    }
    builder
}

/// Requests of one connection at a time. A browser asks for a hundred; each costs some 20 KiB while its client reads
/// nothing.
const MAX_STREAMS: u32 = 128;
/// Up to here the h2 library counts room on a stream as there; how many bytes it keeps is bounded by [`SendBudget`].
const SEND_BUFFER: usize = 64 * 1024;
/// How many heads the library may decode before the first is looked at: one of `limits.request_head` takes up to four
/// times as much memory.
const HEADS_AT_ONCE: usize = 8;
/// How many DATA frames the library may take before those that wait for them take them over. It ends a connection with some
/// thousand short ones that nothing has taken yet, and a page may send as many messages at once.
const DATA_AT_ONCE: usize = 256;
/// Requests that the client may reset before they are looked at, which the library keeps until then. The turns above
/// are shorter.
const RESET_BEFORE_ACCEPT: usize = 16;
/// Streams that may be reset for the client's mistakes, before the connection is: streams that a client makes fail
/// rapidly on purpose are such (CVE-2025-8671).
const RESET_BY_US: usize = 128;
/// How long a client may take to leave after it was asked to.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
