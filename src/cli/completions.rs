//! `frontgate completions`: tab completion.

use clap_complete::Shell;

use super::failure::CommandFailure;
use super::output::print;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate completions bash > ~/.local/share/bash-completion/completions/frontgate")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<(), CommandFailure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "frontgate", &mut script);
    print(script)
}
