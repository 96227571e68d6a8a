//! [`LibraryWarnings`]: what libraries warn of, each once a minute, with the client that it came of.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::time::Instant;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::event_fields::EventFields;
use super::line_format::LineFormat;
use super::log_rate_limit::LogRateLimit;

/// How often libraries have warned. A peer can cause some of it as often as it likes, such as resets that hyper's HTTP/2 has an
/// opinion on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LibraryWarnings(Arc<WarningCounts>);

#[derive(Debug, Default)]
struct WarningCounts {
    lines: LogRateLimit,
    total: AtomicU64,
}

/// Writes what libraries warn of, each once a minute, and counts all of it. Lines of our own are written by another layer.
#[derive(Debug)]
pub(super) struct WarningLines<W> {
    warnings: LibraryWarnings,
    format: LineFormat,
    writer: W,
}

/// Lets lines of our own pass, and nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnLinesOnly;

/// What a library does within is done for this client; `None` is a process on this machine.
pub(crate) fn for_client(client: Option<IpAddr>) -> Span {
    let client = client.map_or_else(|| "unix".to_owned(), |ip| ip.to_string());
    // Spans are never written, so the level only says that it is there under every configuration.
    tracing::error_span!("connection", client)
}

impl LibraryWarnings {
    /// How often libraries have warned so far.
    pub(super) fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// What writes them.
    pub(super) fn lines<W>(self, format: LineFormat, writer: W) -> WarningLines<W> {
        WarningLines { warnings: self, format, writer }
    }
}

impl<S, W> Layer<S> for WarningLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = EventFields::default();
        attributes.record(&mut fields);
        if let (Some(client), Some(span)) = (fields.0.remove("client"), cx.span(id)) {
            span.extensions_mut().insert(WarningClient(client));
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let callsite = event.metadata();
        if is_ours(callsite) {
            return;
        }
        self.warnings.0.total.fetch_add(1, Ordering::Relaxed);
        // The name says where in the source it is.
        let Some(kept_back) = self.warnings.0.lines.pass(callsite.name(), Instant::now()) else { return };
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let client =
            cx.event_span(event).and_then(|span| span.extensions().get::<WarningClient>().map(|it| it.0.clone()));
        if let Some(client) = client {
            fields.0.insert("client".to_owned(), client);
        }
        if kept_back > 0 {
            fields.0.insert("kept_back".to_owned(), kept_back.into());
        }
        let line = self.format.line(callsite.level().as_str(), fields.0);
        let _ = self.writer.make_writer_for(callsite).write_all(line.as_bytes());
    }
}

/// The client that a connection belongs to.
struct WarningClient(Value);

impl<S> Filter<S> for OwnLinesOnly {
    fn enabled(&self, callsite: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        callsite.is_event() && is_ours(callsite)
    }

    fn callsite_enabled(&self, callsite: &'static Metadata<'static>) -> Interest {
        if callsite.is_event() && is_ours(callsite) { Interest::always() } else { Interest::never() }
    }
}

/// Whether a line is our own, an access line included.
fn is_ours(callsite: &Metadata<'_>) -> bool {
    let rest = callsite.target().strip_prefix(env!("CARGO_CRATE_NAME"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
