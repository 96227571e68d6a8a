//! `frontgate man`: the man pages, one per command and one for the configuration file.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::failure::CommandFailure;
use super::output::print;
use crate::config;

/// Which page, and where it goes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate man | man -l -\n  frontgate man frontgate.yaml | man -l -\n  frontgate man \
                        --dir /usr/local/share/man"
)]
pub(super) struct ManArgs {
    /// The page to print: frontgate, frontgate-serve, …, or frontgate.yaml for the config
    #[arg(default_value = "frontgate", conflicts_with = "dir")]
    page: String,
    /// Write all pages into man1 and man5 of this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> Result<(), CommandFailure> {
    let pages = pages()?;
    let Some(dir) = &args.dir else {
        let page = pages.iter().find(|page| page.name == args.page);
        let names = || pages.iter().map(|page| page.name.as_str()).collect::<Vec<_>>().join(", ");
        return match page {
            Some(page) => print(&page.roff),
            None => {
                Err(CommandFailure::wrong(format!("there is no page `{}`\n    hint: one of {}", args.page, names())))
            }
        };
    };
    for page in &pages {
        let folder = dir.join(format!("man{}", page.section));
        let file = folder.join(format!("{}.{}", page.name, page.section));
        let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &page.roff));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

struct ManPage {
    name: String,
    section: u8,
    roff: Vec<u8>,
}

fn pages() -> anyhow::Result<Vec<ManPage>> {
    let mut root = super::command();
    root.build();
    let mut pages = Vec::new();
    for command in std::iter::once(&root).chain(root.get_subcommands().filter(|command| command.get_name() != "help")) {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let mut roff = Vec::new();
        Man::new(command.clone().display_name(name.clone())).render(&mut roff)?;
        pages.push(ManPage { name, section: 1, roff });
    }
    pages.push(ManPage { name: "frontgate.yaml".to_owned(), section: 5, roff: config_page().into_bytes() });
    Ok(pages)
}

/// `frontgate.yaml(5)`, from the same keys as everything else about the configuration.
fn config_page() -> String {
    let mut page = Roff::default();
    page.control("TH", ["frontgate.yaml", "5", "", concat!("frontgate ", env!("CARGO_PKG_VERSION"))]);
    page.control("SH", ["NAME"]);
    page.text([roman("frontgate.yaml - the configuration of frontgate")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in config::INTRODUCTION.split("\n\n") {
        page.text([roman(paragraph.replace('`', ""))]);
        page.control("PP", []);
    }
    page.control("SH", ["KEYS"]);
    for key in config::entries() {
        page.control("TP", []);
        page.text([bold(key.path)]);
        page.text([roman(key.doc)]);
        page.control("br", []);
        page.text([roman("Holds "), roman(key.kind), roman("; default "), italic(key.default), roman(".")]);
        page.control("br", []);
        page.text([roman(key.variables.join(", "))]);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("frontgate"), roman("(1)")]);
    page.render()
}
