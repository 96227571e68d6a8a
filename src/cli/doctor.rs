//! `frontgate doctor`: why a Control UI cannot connect, found out by trying, with the fix for each finding.

use std::env;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::failure::Failure;
use super::loaded;
use super::output::print;
use super::run::runtime;
use crate::config::Source;
use crate::doctor::settings::{Edit, Written, apply, find, write};
use crate::doctor::{GatewayConfig, Question, Report, codes, examine};

/// What is looked at, and how it is told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate doctor\n  frontgate doctor --fix\n  frontgate doctor --explain '1008 pairing required'\n\n\
                  It connects as a Control UI does: to the gateway past frontgate, and through frontgate. It sends no token \
                  and prints none. Exit code 1: something is broken; 0: nothing, or nothing but advice."
)]
pub(super) struct Args {
    /// The config that frontgate runs on [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    // Not a docstring: the names are no code in a help text.
    #[arg(
        long,
        value_name = "FILE",
        help = "The gateway's own config [default: $OPENCLAW_CONFIG_PATH, else openclaw.json in $OPENCLAW_STATE_DIR or ~/.openclaw]"
    )]
    gateway_config: Option<PathBuf>,
    #[arg(
        long,
        value_name = "URL",
        help = "What browsers open, if it is no name and port of the config, such as https://gw.example.com; repeatable"
    )]
    origin: Vec<String>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    /// Change the gateway's own config where a finding asks for it, after a question; keeps a copy beside it
    #[arg(long)]
    fix: bool,
    /// Do not ask
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Say what a close code means instead, or one with its reason, or all of them
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["config", "gateway_config", "origin", "fix", "json"])]
    explain: Option<String>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if let Some(query) = &args.explain {
        return explain(query);
    }
    let origins = args.origin.iter().map(|url| origin(url)).collect::<Result<_, _>>()?;
    let file = match Source::find(args.config.clone(), env::var_os("FRONTGATE_CONFIG")) {
        Source::File(file) => Some(file),
        _ => None,
    };
    let config = loaded::config(args.config)?;
    let gateway_config = match args.gateway_config {
        Some(file) if !file.exists() => {
            return Err(Failure::wrong(format!("--gateway-config: there is no {}", file.display())));
        }
        Some(file) => Some(GatewayConfig::open(file, true)),
        None => find(|name| env::var(name).ok(), Path::exists).map(|file| GatewayConfig::open(file, false)),
    };
    let mut question = Question { config, file, origins, gateway_config };
    let runtime = runtime()?;
    let mut report = runtime.block_on(examine(&question));
    if args.fix {
        let told = fix(&question, &report, args.yes, !args.json)?;
        if told {
            report = until_fixed(&runtime, &mut question, &report);
        }
    }
    if args.json {
        print(format!("{:#}\n", report.json()))?;
    } else {
        print(report.to_string())?;
    }
    if report.diagnosis.is_broken() { Err(Failure::Told) } else { Ok(()) }
}

/// `https://host[:port]` of what the user names.
fn origin(url: &str) -> Result<String, Failure> {
    let wrong =
        || Failure::wrong(format!("--origin: `{url}` is not a page's address\n    hint: https://gw.example.com:8443"));
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let host_ok =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    match scheme.to_ascii_lowercase().as_str() {
        "https" if host_ok => Ok(format!("https://{}", host.strip_suffix(":443").unwrap_or(&host))),
        "http" if host_ok => Ok(format!("http://{}", host.strip_suffix(":80").unwrap_or(&host))),
        _ => Err(wrong()),
    }
}

/// Changes the gateway's configuration as the findings ask for; whether anything was changed.
fn fix(question: &Question, report: &Report, yes: bool, aloud: bool) -> Result<bool, Failure> {
    let edits = report.edits();
    let (Some(config), false) = (&question.gateway_config, edits.is_empty()) else {
        say(aloud, "Nothing to fix in the gateway's config.\n\n");
        return Ok(false);
    };
    let file = config.file.display();
    if env::var("OPENCLAW_NIX_MODE").as_deref() == Ok("1") || env::var("OPENCLAW_CONFIG_READONLY").as_deref() == Ok("1")
    {
        say(
            aloud,
            &format!(
                "{file} is kept by something else (OPENCLAW_NIX_MODE, OPENCLAW_CONFIG_READONLY): change it there.\n\n"
            ),
        );
        return Ok(false);
    }
    let after = match apply(config.text(), &edits) {
        Ok(after) if after != config.text() => after,
        Ok(_) => return Ok(false),
        Err(error) => {
            say(aloud, &format!("{file} is left as it is: {error}. The findings say what to write.\n\n"));
            return Ok(false);
        }
    };
    if !yes && !agreed(&config.file, &edits)? {
        say(aloud, "Nothing was changed.\n\n");
        return Ok(false);
    }
    let Written { file, backup } = write(&config.file, config.text(), &after, OffsetDateTime::now_utc())
        .with_context(|| format!("cannot change {file}"))?;
    say(aloud, &format!("Changed {}; it was: {}\n\n", file.display(), backup.display()));
    Ok(true)
}

/// Asks the person at the terminal.
fn agreed(file: &Path, edits: &[Edit]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::wrong(
            "--fix asks before it changes anything, and nobody is there to answer\n    hint: --fix --yes",
        ));
    }
    let mut question = format!("Change {}:\n", file.display());
    for edit in edits {
        let _ = writeln!(question, "  {edit}");
    }
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "{question}A copy is kept beside it. [y/N] ").and_then(|()| stderr.flush());
    asked.context("cannot ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Looks again until the gateway has taken its changed configuration over, or clearly does not.
fn until_fixed(runtime: &Runtime, question: &mut Question, before: &Report) -> Report {
    let fixed: Vec<_> = before.diagnosis.findings.iter().filter(|one| one.edit.is_some()).map(|one| one.id).collect();
    let began = std::time::Instant::now();
    loop {
        if let Some(config) = &mut question.gateway_config {
            *config = GatewayConfig::open(config.file.clone(), config.named);
        }
        let report = runtime.block_on(examine(question));
        let healed = !report.diagnosis.is_broken()
            || report.diagnosis.findings.iter().all(|one| !fixed.contains(&one.id) && !TRANSIENT.contains(&one.id));
        if healed || began.elapsed() > TAKEN_OVER {
            return report;
        }
        runtime.block_on(async { sleep(AGAIN).await });
    }
}

fn explain(query: &str) -> Result<(), Failure> {
    let found = codes::explain(query);
    if found.is_empty() {
        let hint = "a code such as 1006, or with what the page shows: '1008 pairing required'; none lists all";
        return Err(Failure::wrong(format!("--explain: `{query}` is not known\n    hint: {hint}")));
    }
    let blocks: Vec<_> = found
        .iter()
        .map(|one| {
            let reason = if one.reason.is_empty() { String::new() } else { format!(" {}", one.reason) };
            format!("{}{reason}\n  {}\n  fix: {}\n", one.code, one.means, one.fix)
        })
        .collect();
    print(blocks.join("\n"))
}

fn say(aloud: bool, text: &str) {
    let mut stderr = io::stderr().lock();
    if aloud {
        // What matters is in the report too.
        let _ = stderr.write_all(text.as_bytes());
    }
}

/// What a gateway that takes a change over may show for a while.
const TRANSIENT: [&str; 5] =
    ["proxy_trust_not_in_effect", "gateway_starting", "gateway_refused", "gateway_no_websocket", "gateway_slow"];
const TAKEN_OVER: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn what_a_browser_shows_becomes_an_origin() {
        for (url, expected) in [
            ("https://GW.example:8443/openclaw/#token=x", Some("https://gw.example:8443")),
            ("https://gw.example:443", Some("https://gw.example")),
            ("http://192.168.1.5:80/", Some("http://192.168.1.5")),
            ("https://[::1]:8443", Some("https://[::1]:8443")),
            ("gw.example", None),
            ("wss://gw.example", None),
            ("https://", None),
            ("https://a b", None),
        ] {
            assert_eq!(origin(url).ok().as_deref(), expected, "{url}");
        }
    }
}
