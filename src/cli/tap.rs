//! `frontgate tap`: the frames of one WebSocket while they pass.

mod dropped;
mod har;
mod line;

use std::io::{self, Write as _, stderr, stdout};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use http::Method;
use serde_json::Value;

use super::admin_client::{AdminClient, AdminStream, AdminTarget};
use super::failure::CommandFailure;
use super::run::runtime;
use crate::observe::percent_encoding::encoded;
use crate::platform::signals::EndSignals;
use dropped::TapDropped;
use har::HarFile;

/// Which WebSocket to follow, and what to show of it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate tap 7q2hkx0v9c4m\n  frontgate tap 7q2hkx0v9c4m --payload --json | jq -r 'select(.direction == \"gateway_to_client\").data'\n  frontgate tap 7q2hkx0v9c4m --payload --har chat.har"
)]
pub(super) struct TapArgs {
    /// The id that `frontgate connections` shows; the log and X-Request-Id have it, too
    #[arg(value_name = "ID")]
    id: String,
    /// Show the payloads, too. Values of keys that `log.redact` names are masked in JSON text; what is compressed or not text is
    /// shown as it is, in base64
    #[arg(long)]
    payload: bool,
    /// Write a HAR file, as browsers do, which their network panel opens
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
    /// One JSON object per line, with all there is to say
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: AdminTarget,
}

/// Where the lines go.
struct TapOutput {
    json: bool,
    har: Option<HarFile>,
    dropped: TapDropped,
    /// The beginning of a line of which the end has not come.
    partial: Vec<u8>,
}

/// Why a tap is over.
#[derive(Debug, PartialEq, Eq)]
enum TapOver {
    /// The WebSocket has ended, or the reader of the output has seen enough.
    Done,
    /// frontgate has ended the tap.
    Cut(String),
}

pub(super) fn run(args: TapArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let path = format!("/connections/{}/tap{}", encoded(&args.id), if args.payload { "?payload" } else { "" });
    runtime()?.block_on(async {
        let mut end = EndSignals::listen().context("cannot listen to signals")?;
        let stream = client.open(Method::GET, &path).await?;
        let har = args.har.map(HarFile::create).transpose()?;
        let mut output = TapOutput { json: args.json, har, dropped: TapDropped::default(), partial: Vec::new() };
        let followed = tokio::select! {
            followed = output.follow(stream) => followed,
            _ = end.next() => Ok(TapOver::Done),
        };
        // Whatever ended it, what was seen is kept.
        let dropped = output.dropped.in_words();
        if let Some(har) = output.har {
            har.finish(dropped.as_deref())?;
        }
        if let Some(dropped) = dropped {
            // If standard error cannot be written, no output is left to report it on.
            let _ = writeln!(stderr(), "{dropped}");
        }
        match followed? {
            TapOver::Done => Ok(()),
            TapOver::Cut(why) => Err(anyhow!(why).into()),
        }
    })
}

impl TapOutput {
    async fn follow(&mut self, mut stream: AdminStream) -> anyhow::Result<TapOver> {
        while let Some(bytes) =
            stream.next().await.context("the tap ended: frontgate is gone, or its lines were not read")?
        {
            self.partial.extend_from_slice(&bytes);
            while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.partial.drain(..=end).collect();
                // While nothing passes, empty lines say that the tap is there.
                if line.len() > 1
                    && let Some(over) = self.take(&serde_json::from_slice(&line).context("not a line of a tap")?)?
                {
                    return Ok(over);
                }
            }
        }
        Ok(TapOver::Cut("frontgate has ended the tap".to_owned()))
    }

    /// Writes one line down.
    fn take(&mut self, said: &Value) -> anyhow::Result<Option<TapOver>> {
        self.dropped.add(said);
        if let Some(har) = &mut self.har {
            har.add(said).context("cannot write the HAR file")?;
        }
        let text = if self.json { line::for_programs(said) } else { line::for_people(said) };
        match writeln!(stdout(), "{text}").and_then(|()| stdout().flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Some(TapOver::Done)),
            written => written.context("cannot write to standard output")?,
        }
        Ok(match said.get("ended") {
            None => None,
            Some(Value::Null) => Some(TapOver::Cut(said["why"].as_str().unwrap_or_default().to_owned())),
            Some(_) => Some(TapOver::Done),
        })
    }
}
