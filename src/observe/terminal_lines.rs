//! [`TerminalLines`]: writes our own lines for a person at a terminal.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use super::event_fields::EventFields;
use super::paint::{Colour, Paint};
use super::terminal_line::{TerminalLine, assets};

/// Writes lines for a person at a terminal. Files of pages are counted, and told with the line behind them.
#[derive(Debug)]
pub(super) struct TerminalLines<W> {
    writer: W,
    paint: Paint,
    folded: Mutex<FoldedAssets>,
}

/// The files that no line was written for.
#[derive(Debug, Default)]
struct FoldedAssets {
    count: u64,
    bytes: u64,
}

impl<W> TerminalLines<W> {
    /// Lines in the colours of `paint`.
    pub(super) fn new(writer: W, paint: Paint) -> Self {
        Self { writer, paint, folded: Mutex::default() }
    }

    fn folded(&self) -> MutexGuard<'_, FoldedAssets> {
        // Two numbers: after a panic at worst a file is missing.
        self.folded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S, W> Layer<S> for TerminalLines<W>
where
    S: Subscriber,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let line = match TerminalLine::of(event.metadata().level().as_str(), &fields.0, self.paint) {
            TerminalLine::Asset(bytes) => {
                let mut folded = self.folded();
                folded.count += 1;
                folded.bytes += bytes;
                return;
            }
            TerminalLine::Line(line) => line,
        };
        let FoldedAssets { count, bytes } = std::mem::take(&mut *self.folded());
        let time = time_of_day(OffsetDateTime::now_utc());
        let time = self.paint.text(Colour::Faint, &time);
        let before = if count > 0 { format!("{time}  {}\n", assets(count, bytes, self.paint)) } else { String::new() };
        let _ = self.writer.make_writer_for(event.metadata()).write_all(format!("{before}{time}  {line}\n").as_bytes());
    }
}

/// In UTC, as the times in all other places are.
fn time_of_day(now: OffsetDateTime) -> String {
    format!("{:02}:{:02}:{:02}Z", now.hour(), now.minute(), now.second())
}
