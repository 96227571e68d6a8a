//! An HTTP/1.1 connection: requests one after the other, until it ends or becomes a WebSocket.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::Drains;
use super::settings::{Live, Places, Way};
use super::tap::{Fragment, Tap};
use crate::drain::Drain;
use crate::drain::bell::when_rung;
use crate::http::activity::{Activity, Phase};
use crate::http::arrival::Arrival;
use crate::http::body::Body;
use crate::http::error::{Failure, Flaw};
use crate::http::page;
use crate::http::request_id::RequestId;
use crate::http::stack::{Answer, Entry};
use crate::http::tunnel::Handover;
use crate::observe::access::{Client, Ended};
use crate::tls::Stream;

/// Serves one connection to its end; a WebSocket goes on in a task of its own.
pub(super) async fn serve(stream: Stream, arrival: Arrival, live: &Live, way: Way, places: Places, drains: Drains) {
    let drain = &drains.connection;
    let activity = Activity::new();
    let requests = Requests {
        live: live.clone(),
        way,
        arrival: Arc::new(arrival),
        activity: activity.clone(),
        fragment: Fragment::default(),
        handover: Arc::default(),
    };
    let (arrival, handover) = (Arc::clone(&requests.arrival), Arc::clone(&requests.handover));
    let tap = Tap::new(stream, activity.clone(), requests.fragment.clone());
    let mut connection =
        http1::Builder::new().max_header_size(live.load().request_head).serve_connection(TokioIo::new(tap), requests);
    let end = run(&mut connection, &activity, live, drain).await;
    if end == End::Cut {
        return;
    }
    let parts = connection.into_parts();
    let tap = parts.io.into_inner();
    let failure = match end {
        End::Slow if parts.read_buf.is_empty() => None,
        End::Slow => Some(Failure::RequestTimeout),
        End::Over | End::Quiet | End::Cut => tap.refused().map(refusal),
    };
    let mut stream = tap.into_inner();
    if let Some(failure) = failure {
        refuse(&mut stream, &failure, &arrival, live).await;
    } else if let Some(tunnel) = handover.take() {
        return tunnel.start(stream, parts.read_buf, places, &drains.all);
    }
    let goodbye = async {
        match end {
            // Nobody waits for an answer that could get lost.
            End::Quiet => drop(timeout(LINGER, stream.shutdown()).await),
            _ => linger(&mut stream).await,
        }
    };
    tokio::select! {
        () = drain.hard() => {}
        () = goodbye => {}
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By itself: closed, failed, or handed over.
    Over,
    /// There was nothing to wait for.
    Quiet,
    /// It took too long.
    Slow,
    /// We were told to stop.
    Cut,
}

type Connection = http1::Connection<TokioIo<Tap<Stream>>, Requests>;

async fn run(connection: &mut Connection, activity: &Activity, live: &Live, drain: &Drain) -> End {
    let mut timer = pin!(sleep_until(activity.look_again(live.load().patience, Instant::now())));
    let (mut leaving, mut asked_to_end) = (false, false);
    loop {
        let seldom = when_rung(async {
            tokio::select! {
                biased;
                () = drain.hard() => Seldom::Hard,
                () = drain.soft(), if !leaving => Seldom::Soft,
                () = timer.as_mut() => Seldom::Timer,
            }
        });
        tokio::select! {
            biased;
            result = poll_fn(|cx| {
                let polled = connection.poll_without_shutdown(cx);
                if polled.is_ready() || !leaving || asked_to_end || activity.phase() != Phase::Busy {
                    return polled;
                }
                // Not before a request is under way: hyper would close a connection whose next one is on its way.
                asked_to_end = true;
                Pin::new(&mut *connection).graceful_shutdown();
                connection.poll_without_shutdown(cx)
            }) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "client connection ended");
                }
                return End::Over;
            }
            happened = seldom => match happened {
                Seldom::Hard => return End::Cut,
                Seldom::Soft => {
                    leaving = true;
                    timer.as_mut().reset(Instant::now() + LAST_CALL);
                }
                // Looked at when it rings, not moved with every request: most never come this far.
                Seldom::Timer => {
                    let (now, patience) = (Instant::now(), live.load().patience);
                    match activity.deadline(patience) {
                        Some(at) if at <= now => return End::Slow,
                        _ if leaving && matches!(activity.phase(), Phase::Fresh | Phase::Idle) => return End::Quiet,
                        _ if leaving => timer.as_mut().reset(now + LAST_CALL),
                        _ => timer.as_mut().reset(activity.look_again(patience, now)),
                    }
                }
            },
        }
    }
}

/// What may happen to a connection besides its requests.
enum Seldom {
    /// We were told to stop.
    Hard,
    /// We were asked to finish.
    Soft,
    /// It is time to look at the deadlines.
    Timer,
}

/// hyper's view of the connection's requests.
struct Requests {
    live: Live,
    way: Way,
    arrival: Arc<Arrival>,
    activity: Activity,
    fragment: Fragment,
    handover: Arc<Handover>,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Infallibly;

    fn call(&self, request: Request<Incoming>) -> Infallibly {
        let entry = Entry {
            arrival: Arc::clone(&self.arrival),
            has_fragment: self.fragment.belongs_to(request.method(), request.uri()),
            busy: self.activity.begin(),
            handover: Some(Arc::clone(&self.handover)),
        };
        Infallibly(self.live.load().edge(self.way).call(request, entry))
    }
}

/// An answer in the form that hyper asks for.
pub(super) struct Infallibly(pub(super) Answer);

impl Future for Infallibly {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

/// What hyper refused by itself, by the status it chose.
fn refusal(status: u16) -> Failure {
    match status {
        431 => Failure::HeadTooLarge,
        414 => Failure::TargetTooLong,
        _ => Failure::BadRequest(Flaw::BadHead),
    }
}

/// Answers a request that hyper could not read to its end.
async fn refuse(stream: &mut Stream, failure: &Failure, arrival: &Arrival, live: &Live) {
    let id = RequestId::fresh();
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = Method::from_bytes(UNREAD).unwrap_or_default();
    let peer = arrival.peer.ip();
    let mut access = live.load().log.request(id.as_str(), Client { addr: peer, proxy: peer }, &head);
    "-".clone_into(&mut access.target);
    access.tls = arrival.tls_version;
    access.failed(failure.status(), failure.code());
    let page: Bytes = page::raw(failure, id.as_str());
    if let Ok(Ok(())) = timeout(LINGER, stream.write_all(&page)).await {
        access.ended = Ended::Done;
    }
}

/// Ends our side, and reads what is still coming for a moment: to close at once would make the kernel throw away what the client
/// has not read yet.
async fn linger(stream: &mut Stream) {
    let _ = timeout(LINGER, async {
        let _ = stream.flush().await;
        let _ = stream.shutdown().await;
        let mut rest = vec![0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = stream.read(&mut rest).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    })
    .await;
}

/// How long a drain waits for a request that may be on its way over a connection without one: a client that has just
/// connected, or asks again on a connection that is kept, must not find it closed.
const LAST_CALL: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// Stands for a method that nobody read.
const UNREAD: &[u8] = b"-";
