//! Where log lines go, and in what shape.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

use crate::config::{Level, Log, LogFormat};

/// Sends log lines to standard output from here on: events and access lines alike, so that their order is kept and
/// `frontgate | jq` sees them all. Standard error stays for what a command says when it cannot run.
///
/// The format `auto` is text on a terminal and JSON elsewhere; text has colours on a terminal only. Nothing is read from
/// the environment.
pub fn init(log: &Log) -> Result<Handle, AlreadyLogging> {
    let (lines, handle) = lines(log, io::stdout, Sink::of(&io::stdout()));
    subscriber::set_global_default(lines).map_err(|_| AlreadyLogging)?;
    Ok(handle)
}

/// Something in this process has begun to log before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("logging has been set up before")]
pub struct AlreadyLogging;

/// Changes the level while lines are written.
#[derive(Debug, Clone)]
pub struct Handle {
    filter: reload::Handle<Targets, Registry>,
}

impl Handle {
    /// From here on, lines less severe than `level` are not written.
    pub fn set_level(&self, level: Level) {
        // It fails only when the subscriber is gone, and then nothing is written at all.
        let _ = self.filter.reload(filter(level));
    }
}

/// What the lines are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    Terminal,
    Other,
}

impl Sink {
    fn of(stream: &impl io::IsTerminal) -> Self {
        if stream.is_terminal() { Self::Terminal } else { Self::Other }
    }
}

fn lines<W>(log: &Log, writer: W, sink: Sink) -> (impl Subscriber + Send + Sync + use<W>, Handle)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(log.level));
    // The message is a fixed phrase that says what the line is; the module that wrote it would say it again. Besides, a
    // request has a field `target` of its own.
    let format = fmt::layer().with_target(false).with_writer(writer).log_internal_errors(false);
    let text = match log.format {
        LogFormat::Auto => sink == Sink::Terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let format = if text {
        format.with_ansi(sink == Sink::Terminal).boxed()
    } else {
        format.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    (tracing_subscriber::registry().with(filter).with(format), Handle { filter: handle })
}

/// Our own lines down to `level`; of the libraries only warnings, because their `debug` lines show what peers sent,
/// secrets included.
fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(env!("CARGO_CRATE_NAME"), level)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Everything that `act` logs, as it would be written with `log` to something that is not a terminal.
    pub(crate) fn logged(log: &Log, act: impl FnOnce(&Handle)) -> String {
        let written = Written::default();
        let writer = written.clone();
        let (lines, handle) = lines(log, move || writer.clone(), Sink::Other);
        subscriber::with_default(lines, || act(&handle));
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_is_one_plain_line_without_colours() {
        let log = Log { format: LogFormat::Text, ..Log::default() };
        let written = logged(&log, |_| tracing::info!(listener = %"[::]:8443", "listening"));
        let (_time, line) = written.split_once(' ').unwrap();
        assert_eq!(line, " INFO listening listener=[::]:8443\n");
    }

    #[test]
    fn elsewhere_than_on_a_terminal_auto_is_one_json_object_per_line() {
        let written =
            logged(&Log::default(), |_| tracing::info!(target: "frontgate::x", target = "/a\n", n = 3, "request"));
        let line: serde_json::Value = serde_json::from_str(written.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "request");
        assert_eq!(line["target"], "/a\n");
        assert_eq!(line["n"], 3);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn the_level_can_be_changed_while_running_and_libraries_never_go_below_warn() {
        let log = Log { level: Level::Warn, ..Log::default() };
        let phrases = |level: Option<Level>| -> Vec<String> {
            let written = logged(&log, |handle| {
                if let Some(level) = level {
                    handle.set_level(level);
                }
                tracing::debug!("debug");
                tracing::info!("info");
                tracing::warn!("warn");
                tracing::error!("error");
                tracing::debug!(target: "hyper::proto", "their debug");
                tracing::info!(target: "hyper::proto", "their info");
                tracing::warn!(target: "hyper::proto", "their warn");
            });
            let message =
                |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].as_str().unwrap().to_owned();
            written.lines().map(message).collect()
        };
        assert_eq!(phrases(None), ["warn", "error", "their warn"]);
        assert_eq!(phrases(Some(Level::Error)), ["error"]);
        assert_eq!(phrases(Some(Level::Info)), ["info", "warn", "error", "their warn"]);
        assert_eq!(phrases(Some(Level::Debug)), ["debug", "info", "warn", "error", "their warn"]);
    }
}
