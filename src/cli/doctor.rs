//! `frontgate doctor`: why a Control UI cannot connect, found out by trying, with the fix for each finding.

mod fix;

use std::env;
use std::path::PathBuf;

use super::failure::CommandFailure;
use super::flags::Flags;
use super::loaded;
use super::output::{print, show};
use super::run::runtime;
use crate::config::{ConfigLocation, Overrides};
use crate::doctor::{ConfigChoice, DoctorRequest, GatewayConfig, codes, is_there};
pub(super) use fix::{KEPT, examined, read_only};

/// What is looked at, and how it is told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate doctor\n  frontgate doctor --fix\n  frontgate doctor --explain '1008 pairing required'\n\n\
                  If frontgate was started with flags, they are known from it; while it does not run, say them here: frontgate doctor \
                  --name gw.lan. It connects as a Control UI does: to the gateway past frontgate, and through frontgate. It sends no token \
                  and prints none. Exit code 1: something is broken; 0: nothing, or nothing but advice."
)]
pub(super) struct DoctorArgs {
    /// The config that frontgate runs on [default: the one that `frontgate serve` would take]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    // A comment instead of a doc comment: clap would print the backquotes around names in the help text.
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
    /// Change the gateway's own config, and `forwarded.strip` in frontgate's, where a finding asks for it, after a question; keeps a
    /// copy beside it
    #[arg(long)]
    fix: bool,
    /// Do not ask
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Say what a close code means instead, or one with its reason, or all of them
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["config", "Flags", "gateway_config", "origin", "fix", "json"])]
    explain: Option<String>,
}

pub(super) fn run(args: DoctorArgs) -> Result<(), CommandFailure> {
    if let Some(query) = &args.explain {
        return explain(query);
    }
    let origins = args.origin.iter().map(|url| origin(url)).collect::<Result<_, _>>()?;
    let file = match ConfigLocation::find(args.config.clone(), env::var_os("FRONTGATE_CONFIG")) {
        ConfigLocation::File(file) => Some(file),
        _ => None,
    };
    let asked = if args.flags.are_about_what_is_served() {
        ConfigChoice::Flags
    } else if args.config.is_some() || env::var_os("FRONTGATE_CONFIG").is_some_and(|file| !file.is_empty()) {
        ConfigChoice::File
    } else {
        ConfigChoice::Running
    };
    let flags = Overrides::from(args.flags);
    let load = || loaded::under(args.config.clone(), &flags);
    let config = load()?;
    let (gateway_config, looked) = gateway_config(args.gateway_config)?;
    let mut question = DoctorRequest { config, file, asked, origins, gateway_config, looked };
    let runtime = runtime()?;
    let examined = examined(&runtime, &mut question, (args.fix, args.yes, !args.json), &load);
    let (report, done) = examined?;
    if args.json {
        print(format!("{:#}\n", report.json()))?;
    } else {
        show(&report.to_string())?;
    }
    if report.diagnosis.is_broken() || !done { Err(CommandFailure::Told) } else { Ok(()) }
}

/// The gateway's own configuration, in the file that is named or where a gateway of this user's would have it; and where it was
/// looked for.
pub(super) fn gateway_config(named: Option<PathBuf>) -> Result<(Option<GatewayConfig>, Vec<PathBuf>), CommandFailure> {
    Ok(match named {
        Some(file) if !is_there(&file) => {
            return Err(CommandFailure::wrong(format!("--gateway-config: there is no {}", file.display())));
        }
        Some(file) => (Some(GatewayConfig::open(file.clone(), true)), vec![file]),
        None => GatewayConfig::look(),
    })
}

/// `https://host[:port]` of the URL that the user gives.
fn origin(url: &str) -> Result<String, CommandFailure> {
    let wrong = || {
        CommandFailure::wrong(format!(
            "--origin: `{url}` is not a page's address\n    hint: https://gw.example.com:8443"
        ))
    };
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

fn explain(query: &str) -> Result<(), CommandFailure> {
    let found = codes::explain(query);
    if found.is_empty() {
        let hint = "a code such as 1006, or with what the page shows: '1008 pairing required'; none lists all";
        return Err(CommandFailure::wrong(format!("--explain: `{query}` is not known\n    hint: {hint}")));
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
