//! `frontgate openclaw setup`: writes the config for one domain, and with consent what the gateway must know.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use time::OffsetDateTime;

use super::accepted::{OpenClawProgram, Verdict};
use super::args::SetupArgs;
use super::changes::{changes, is_known_to_all};
use super::wanted::wanted;
use crate::cli::asker::{Asker, say};
use crate::cli::doctor::{KEPT, gateway_config, read_only};
use crate::cli::failure::CommandFailure;
use crate::cli::new_config::NewConfig;
use crate::cli::output::show;
use crate::doctor::GatewayConfig;
use crate::doctor::settings::{GatewaySettings, SettingEdit, WrittenSettings, apply, base_path, write};
use crate::tls::{Fingerprint, certificates};

pub(super) fn run(args: &SetupArgs) -> Result<(), CommandFailure> {
    let asker = Asker::new();
    let (gateway, looked) = gateway_config(args.gateway_config.clone())?;
    if let Some((gateway, why)) = gateway.as_ref().and_then(|gateway| Some((gateway, gateway.unreadable()?))) {
        return Err(CommandFailure::wrong(format!(
            "{} cannot be read: {why}\n    hint: run this as the gateway's user, or name another file with --gateway-config",
            gateway.file.display()
        )));
    }
    let settings = gateway.as_ref().and_then(GatewayConfig::settings);
    let pin = pin(args, gateway.as_ref(), settings)?;
    let (config, left_out) = wanted(args, settings, pin).map_err(CommandFailure::wrong)?;
    config.check(&args.output).map_err(CommandFailure::wrong)?;
    write_own(args, &asker, &config)?;
    for what in &left_out {
        say(&format!("Left out: {}\n", what.replace("\n    hint: ", ". For them: ")));
    }
    let told = if let (Some(gateway), Some(settings)) = (&gateway, settings) {
        tell(args, &asker, &config, gateway, settings)?
    } else {
        let places: Vec<_> = looked.iter().map(|place| place.display().to_string()).collect();
        say(&format!(
            "The gateway's own config was not found ({}): name it with --gateway-config, or write there:\n",
            places.join(", ")
        ));
        lines(&edits(args, &config, &GatewaySettings::default()));
        false
    };
    show(&next(args, &config, settings, told))
}

/// The fingerprint that the gateway's certificate must have, where the gateway speaks TLS.
fn pin(
    args: &SetupArgs,
    gateway: Option<&GatewayConfig>,
    settings: Option<&GatewaySettings>,
) -> Result<Option<String>, CommandFailure> {
    let speaks_tls = match &args.upstream {
        Some(upstream) => upstream.starts_with("https://"),
        None => settings.is_some_and(|settings| settings.tls),
    };
    if args.pin.is_some() || !speaks_tls {
        return Ok(args.pin.clone());
    }
    let named = settings.and_then(|settings| settings.tls_cert.as_ref()).map(PathBuf::from);
    let usual = || Some(gateway?.file.parent()?.join("gateway/tls/gateway-cert.pem"));
    let Some(file) = named.or_else(usual) else {
        return Err(CommandFailure::wrong(format!(
            "the gateway speaks TLS, and its certificate is not known\n    hint: {PIN}"
        )));
    };
    let read = fs::read(&file).map_err(|error| error.to_string());
    let first = read.and_then(|pem| {
        certificates(&pem).and_then(|all| all.into_iter().next()).ok_or("it holds no certificate".to_owned())
    });
    first.map(|certificate| Some(Fingerprint::of(&certificate).to_string())).map_err(|why| {
        let file = file.display();
        CommandFailure::wrong(format!(
            "the gateway speaks TLS, and its certificate cannot be read: {file}: {why}\n    hint: {PIN}"
        ))
    })
}

const PIN: &str =
    "start the gateway once, which makes it, or --pin HEX, which `openssl x509 -noout -fingerprint -sha256` prints";

/// Writes frontgate's own config; of an earlier one a copy is kept.
fn write_own(args: &SetupArgs, asker: &Asker, config: &NewConfig) -> Result<(), CommandFailure> {
    let file = &args.output;
    if !file.exists() {
        config.write(file)?;
        say(&format!("Wrote {}.\n", file.display()));
        return Ok(());
    }
    let before = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    if before == config.yaml() {
        say(&format!("{}: as it was.\n", file.display()));
        return Ok(());
    }
    if !args.yes && !asker.agrees(&format!("{} exists. Write it anew? A copy is kept.", file.display()))? {
        return Err(CommandFailure::wrong(format!("{} is left as it is\n    hint: --output FILE", file.display())));
    }
    replace(file, &before, &config.yaml())
}

fn replace(file: &Path, before: &str, after: &str) -> Result<(), CommandFailure> {
    let WrittenSettings { file, backup } = write(file, before, after, OffsetDateTime::now_utc())
        .with_context(|| format!("cannot change {}", file.display()))?;
    say(&format!("Changed {}; it was: {}\n", file.display(), backup.display()));
    Ok(())
}

fn edits(args: &SetupArgs, config: &NewConfig, settings: &GatewaySettings) -> Vec<SettingEdit> {
    let base_path = args.base_path.as_deref().and_then(base_path);
    config.parts.iter().flat_map(|parts| changes(config, parts, base_path.as_deref(), settings)).collect()
}

/// Changes the gateway's settings, if the user wants that; whether they have changed.
fn tell(
    args: &SetupArgs,
    asker: &Asker,
    config: &NewConfig,
    gateway: &GatewayConfig,
    settings: &GatewaySettings,
) -> Result<bool, CommandFailure> {
    let file = gateway.file.display();
    let all = edits(args, config, settings);
    if all.is_empty() {
        say(&format!("{file} has all of it already.\n"));
        return Ok(false);
    }
    let left = |why: &str, edits: &[SettingEdit]| {
        say(&format!("{file} {why}. Write there:\n"));
        lines(edits);
        false
    };
    if read_only() {
        return Ok(left(KEPT, &all));
    }
    let KnownEdits { known, others, why } = match known(args, gateway, all.clone()) {
        Ok(sorted) => sorted,
        Err(why) => return Ok(left(&format!("is left as it is: {why}"), &all)),
    };
    let after = match apply(gateway.text(), &known) {
        Ok(after) => after,
        Err(error) => return Ok(left(&format!("is left as it is: {error}"), &known)),
    };
    for edit in &others {
        say(&format!("{why}: {edit}\n"));
    }
    if after == gateway.text() {
        return Ok(false);
    }
    let words: Vec<_> = known.iter().map(|edit| format!("  {edit}\n")).collect();
    say(&format!("Of the gateway's settings, in {file}:\n{}", words.concat()));
    if !args.yes && !asker.agrees("Change them? A copy is kept.")? {
        say("The gateway's settings are left as they are; run this again to change them.\n");
        return Ok(false);
    }
    replace(&gateway.file, gateway.text(), &after)?;
    Ok(true)
}

/// The edits that the gateway's version knows, and the others with what is said of them.
struct KnownEdits {
    known: Vec<SettingEdit>,
    others: Vec<SettingEdit>,
    why: &'static str,
}

/// Sorts the edits. Without its program only what every version knows
/// counts as known.
fn known(args: &SetupArgs, gateway: &GatewayConfig, edits: Vec<SettingEdit>) -> Result<KnownEdits, String> {
    let Some(program) = OpenClawProgram::find(args.openclaw.as_deref()) else {
        say(
            "There is no `openclaw` on $PATH that could say which settings its version knows; --openclaw PROGRAM names it.\n",
        );
        let (known, perhaps) = edits.into_iter().partition(is_known_to_all);
        return Ok(KnownEdits {
            known,
            others: perhaps,
            why: "Not written, since a version that does not know it would refuse the whole file",
        });
    };
    let verdict = |edits: &[SettingEdit]| {
        let text = apply(gateway.text(), edits).map_err(|error| error.to_string())?;
        program.verdict(&gateway.file, &text)
    };
    if verdict(&edits)? == Verdict::Accepted {
        return Ok(KnownEdits { known: edits, others: Vec::new(), why: NOT_KNOWN });
    }
    // A version that does not know a setting may say no more than which section holds it: they are tried one after the other.
    let (mut known, mut newer): (Vec<_>, Vec<_>) = edits.into_iter().partition(is_known_to_all);
    if let Verdict::Refused(why) = verdict(&known)? {
        return Err(format!("openclaw config validate refuses it ({why})"));
    }
    let mut unknown = Vec::new();
    while let Some(first) = newer.first() {
        let section = &first.path[..2];
        let (together, rest) = newer.iter().cloned().partition::<Vec<_>, _>(|edit| edit.path.starts_with(section));
        let with = [known.clone(), together.clone()].concat();
        match verdict(&with)? {
            Verdict::Accepted => known = with,
            Verdict::Refused(_) => unknown.extend(together),
        }
        newer = rest;
    }
    Ok(KnownEdits { known, others: unknown, why: NOT_KNOWN })
}

const NOT_KNOWN: &str = "This version of the gateway does not take";

/// Says the changes.
fn lines(edits: &[SettingEdit]) {
    for edit in edits {
        say(&format!("  {edit}\n"));
    }
}

/// What is to be done after this.
fn next(args: &SetupArgs, config: &NewConfig, settings: Option<&GatewaySettings>, told: bool) -> String {
    let mut text = format!("The DNS must lead these names here: {}\n", config.names.join(", "));
    if told {
        text += "Restart the gateway: openclaw gateway restart\n";
    }
    let off = settings.is_some_and(|settings| !settings.apps.enabled);
    if off && config.parts.as_ref().is_some_and(|parts| parts.apps.is_some()) {
        text +=
            "MCP Apps are off at the gateway; to have them: openclaw config set mcp.apps.enabled true --strict-json\n";
    }
    let file = &args.output;
    let of = if file == Path::new("frontgate.yaml") { String::new() } else { format!(" -c {}", file.display()) };
    text + &format!(
        "Start it: frontgate{of}, or where it runs already: frontgate reload{of}\nThen look: frontgate doctor{of}\n"
    )
}
