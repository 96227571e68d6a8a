//! An HTTP/2 connection: requests beside each other, until it ends.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};

use super::cork::Cork;
use super::settings::{Live, Places, Way};
use crate::drain::Drain;
use crate::http::activity::Activity;
use crate::http::arrival::Arrival;
use crate::http::body::Body;
use crate::http::stack::{Answer, Entry};
use crate::listener::Buffers;
use crate::tls::Stream;
use crate::upstream::BodySource;

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: Stream,
    buffers: Arc<Buffers>,
    arrival: Arrival,
    live: &Live,
    places: Places,
    drain: Drain,
) {
    let _places = places;
    let (activity, arrival, requested) = (Activity::new(), Arc::new(arrival), live.clone());
    let watched = activity.clone();
    let requests = service_fn(move |request: Request<Incoming>| {
        let entry =
            Entry { arrival: Arc::clone(&arrival), has_fragment: false, busy: Some(activity.begin()), handover: None };
        Infallibly(requested.load().edge(Way::Proper).call(request.map(BodySource::from), entry))
    });
    let head = u32::try_from(live.load().request_head).unwrap_or(u32::MAX);
    let (cork, corked) = Cork::new(stream, buffers);
    let mut connection = pin!(
        http2::Builder::new(drain.tasks())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(head)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .serve_connection(TokioIo::new(corked), requests)
    );
    let mut timer = pin!(sleep_until(watched.look_again(live.load().patience, Instant::now())));
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
                // Each answer comes from a task of its own and wakes this one. To wait for a turn lets those write that are
                // ready as well, and all of that goes out together.
                gathering = !gathering;
                if gathering {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let polled = connection.as_mut().poll(cx);
                match cork.poll_release(cx) {
                    Poll::Ready(Err(error)) if polled.is_pending() => Poll::Ready(Err(error.to_string())),
                    _ => polled.map_err(|error| error.to_string()),
                }
            }) => {
                if let Err(error) = result {
                    tracing::debug!(error, "client connection ended");
                }
                // A last word, such as why it ended, may still be kept.
                let _ = timeout(GOODBYE, poll_fn(|cx| cork.poll_release(cx))).await;
                return;
            }
            () = timer.as_mut() => {
                let (now, patience) = (Instant::now(), live.load().patience);
                match watched.deadline(patience) {
                    // It was asked to leave and has nothing under way.
                    Some(at) if at <= now && leaving => return,
                    Some(at) if at <= now => {
                        leaving = true;
                        connection.as_mut().graceful_shutdown();
                        timer.as_mut().reset(now + GOODBYE);
                    }
                    _ => timer.as_mut().reset(watched.look_again(patience, now)),
                }
            }
        }
    }
}

/// An answer in the form that hyper asks for.
struct Infallibly(Answer);

impl Future for Infallibly {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

/// Requests of one connection at a time; a browser asks for a hundred.
const MAX_STREAMS: u32 = 256;
/// What a client may send ahead on one stream, and on all of them.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What we keep of an answer that the client does not read, for one stream.
const SEND_BUFFER: usize = 64 * 1024;
/// A client that went without a word is noticed after these two.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may take to leave after it was asked to.
const GOODBYE: Duration = Duration::from_secs(2);
