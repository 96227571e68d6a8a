//! The command line: one file per command. A command builds things and runs them; it decides nothing.

mod admin_client;
mod asker;
mod cert;
mod check;
mod close;
mod completions;
mod connections;
mod connections_table;
mod demo;
mod demo_gateway;
mod demo_hour;
mod doctor;
mod drain;
mod failure;
mod flags;
mod greeting;
mod import;
mod init;
mod loaded;
mod man;
mod new_config;
mod openclaw;
mod output;
mod painted;
mod password;
mod reload;
mod run;
mod running_note;
mod schema;
mod serve;
mod start_screen;
mod status;
mod status_lists;
mod status_text;
mod tap;
mod token;
mod trust;
mod upgrade;
mod user;
mod watch;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use failure::CommandFailure;

/// Runs the command that `args` (with the program's name first) ask for. The exit code is 0 when it is done, 1 when it
/// failed while running, 2 when the configuration or the command line is wrong.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let patience = cli.patience();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(patience),
    }
}

/// The command line as clap knows it, for help, completions and man pages.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

#[derive(Debug, Parser)]
#[command(
    name = "frontgate",
    version,
    about = "A WebSocket-aware, TLS-terminating reverse proxy for the OpenClaw gateway",
    long_about = "frontgate stands in front of one WebSocket gateway and gives it HTTPS. With no config and no flags it \
                  serves https://localhost:8443 and forwards to http://127.0.0.1:18789.",
    after_help = "Example:\n  frontgate --upstream http://127.0.0.1:18789 --name gw.example.com\n\nEvery key of the config \
                  can be set by an environment variable, such as FRONTGATE_UPSTREAM; flags win over variables, variables \
                  over the config."
)]
struct Cli {
    #[command(flatten)]
    serve: serve::ServeArgs,
    #[command(subcommand)]
    command: Option<CliCommand>,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Run the proxy; the same as no command at all
    Serve(serve::ServeArgs),
    /// Run the proxy in front of a small built-in gateway page
    Demo(demo::DemoArgs),
    /// Check the config and the files it names: every problem at once, each with line, column and a hint
    Check(check::CheckArgs),
    /// Ask five questions and write the config; with consent, change the gateway's settings too
    Init(init::InitArgs),
    /// Set frontgate and an OpenClaw gateway up for each other
    #[command(name = "openclaw")]
    OpenClaw(openclaw::OpenClawArgs),
    /// Find out why a Control UI cannot connect, with the fix for each finding
    Doctor(doctor::DoctorArgs),
    /// Translate the config of nginx, Apache or Caddy, and say what was kept, dropped and why; or the list of a fleet
    Import(import::ImportArgs),
    /// Put the local CA into the trust stores of this machine, or take it out
    Trust(trust::TrustArgs),
    /// Look at the certificate, or hand out the local CA's
    Cert(cert::CertArgs),
    /// Say how a running frontgate is
    Status(status::StatusArgs),
    /// List the WebSockets that are open
    Connections(connections::ConnectionsArgs),
    /// End one WebSocket
    Close(close::CloseArgs),
    /// Follow the frames of one WebSocket while they pass
    Tap(tap::TapArgs),
    /// Let a running frontgate take its changed config over
    Reload(reload::ReloadArgs),
    /// Start the program again and let it take over, without a gap: for another version of it
    Upgrade(upgrade::UpgradeArgs),
    /// Let a running frontgate finish what is under way and end
    Drain(drain::DrainArgs),
    /// Make a password hash for a user
    User(user::UserArgs),
    /// Make a token for a service
    Token(token::TokenArgs),
    /// Print the JSON Schema of the config
    Schema(schema::SchemaArgs),
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print a man page, or write all of them
    Man(man::ManArgs),
}

impl Cli {
    /// How long the end of the process may wait for standard error to be read. A person reads the output of other
    /// commands page by page; a proxy that cannot start is to be started again soon.
    fn patience(&self) -> Option<Duration> {
        matches!(self.command, None | Some(CliCommand::Serve(_) | CliCommand::Demo(_)))
            .then_some(Duration::from_secs(1))
    }

    fn run(self) -> Result<(), CommandFailure> {
        let Some(command) = self.command else { return serve::run(self.serve) };
        if self.serve != serve::ServeArgs::default() && !matches!(command, CliCommand::Serve(_)) {
            let name = command.name();
            let message =
                format!("the flags before `{name}` are for serve; write `frontgate {name}`, then its own flags");
            return Err(CommandFailure::wrong(message));
        }
        match command {
            CliCommand::Serve(args) => serve::run(args.after(self.serve)?),
            CliCommand::Demo(args) => demo::run(&args),
            CliCommand::Check(args) => check::run(args),
            CliCommand::Doctor(args) => doctor::run(args),
            CliCommand::Import(args) => import::run(&args),
            CliCommand::Init(args) => init::run(&args),
            CliCommand::OpenClaw(args) => openclaw::run(args),
            CliCommand::Trust(args) => trust::run(args),
            CliCommand::Cert(args) => cert::run(args),
            CliCommand::Status(args) => status::run(args),
            CliCommand::Connections(args) => connections::run(args),
            CliCommand::Close(args) => close::run(args),
            CliCommand::Tap(args) => tap::run(args),
            CliCommand::Reload(args) => reload::run(args),
            CliCommand::Upgrade(args) => upgrade::run(args),
            CliCommand::Drain(args) => drain::run(args),
            CliCommand::User(args) => user::run(args),
            CliCommand::Token(args) => token::run(args),
            CliCommand::Schema(args) => schema::run(args),
            CliCommand::Completions(args) => completions::run(&args),
            CliCommand::Man(args) => man::run(&args),
        }
    }
}

impl CliCommand {
    /// The command's name.
    fn name(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Demo(_) => "demo",
            Self::Check(_) => "check",
            Self::Doctor(_) => "doctor",
            Self::Import(_) => "import",
            Self::Init(_) => "init",
            Self::OpenClaw(_) => "openclaw",
            Self::Status(_) => "status",
            Self::Connections(_) => "connections",
            Self::Close(_) => "close",
            Self::Tap(_) => "tap",
            Self::Reload(_) => "reload",
            Self::Upgrade(_) => "upgrade",
            Self::Drain(_) => "drain",
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::Schema(_) => "schema",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
            Self::Trust(_) => "trust",
            Self::Cert(_) => "cert",
        }
    }
}

/// The environment's variables that concern the configuration. A value that is not UTF-8 cannot be valid and is shown
/// with replacement characters.
fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |words: OsString| words.to_string_lossy().into_owned();
    env::vars_os()
        .map(move |(name, value)| (text(name), text(value)))
        .filter(|(name, _)| name.starts_with("FRONTGATE_"))
}

/// Prints help, the version, or the mistake in the command line, each to its stream.
fn usage(error: &clap::Error) -> ExitCode {
    // If even this cannot be written, no output is left to report it on.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_shows_an_example() {
        for mut command in command().get_subcommands().cloned().chain([command()]) {
            let help = command.render_long_help().to_string();
            assert!(help.contains("\nExample:\n  frontgate") || help.contains("\nExamples:\n  frontgate"), "{help}");
        }
    }
}
