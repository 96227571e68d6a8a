//! nginx: its configuration language, and what its directives mean to frontgate.
//!
//! The text becomes a tree ([`lexer`], [`parser`]), includes are put in their places ([`mod@include`]), and
//! [`translation`] asks each server ([`server`]) and each location ([`route`], [`access`], [`headers`], [`tls`]) what
//! it does. [`NginxScope`](scope::NginxScope) knows which directives hold in a place. At the end every directive that
//! the report does not mention yet is looked up in [`known`].

mod access;
mod answer;
mod assemble;
mod clients;
mod dump;
mod forward;
mod headers;
mod hosts;
mod https;
mod include;
mod known;
mod lexer;
mod limits;
mod listen;
mod listeners;
mod location;
mod locations;
mod names;
mod parser;
mod route;
mod scope;
mod server;
mod settle;
mod target;
mod tls;
mod translation;
mod units;
mod upstream;
mod variables;

use super::error::ImportError;
use super::reader::Files;
use super::report::{ImportReport, ImportVerdict};
use super::{Imported, Original};
use dump::Dump;
use include::Includes;
use parser::{NginxDirective, parse};
use translation::Translation;

/// Translates a configuration for nginx: the main file, one of a site, or all that `nginx -T` prints.
pub(super) fn translate(original: &Original, files: &mut Files<'_>) -> Result<Imported, ImportError> {
    match Dump::open(&original.text) {
        Some((main, dump)) => translate_tree(&main, &mut Files::new(&dump)),
        None => translate_tree(original, files),
    }
}

fn translate_tree(original: &Original, files: &mut Files<'_>) -> Result<Imported, ImportError> {
    let mut report = ImportReport::default();
    let tree = parse(&original.name, &original.text)?;
    let mut includes = Includes { files: &mut *files, report: &mut report, folder: &original.folder };
    let tree = includes.spliced(tree, 0)?;
    let (process, http) = contexts(tree);
    let mut translation = Translation::new(&http, files, report, &original.folder);
    translation.run()?;
    let (draft, mut report) = (translation.draft, translation.report);
    sweep(&process, None, &mut report);
    sweep(&http, None, &mut report);
    Ok(Imported { draft, report })
}

/// What concerns the process, and what concerns HTTP. A file of `sites-enabled` has the latter only, and a snippet may
/// consist of locations.
fn contexts(tree: Vec<NginxDirective>) -> (Vec<NginxDirective>, Vec<NginxDirective>) {
    let (mut process, mut http, mut locations) = (Vec::new(), Vec::new(), Vec::new());
    for mut directive in tree {
        match directive.name.as_str() {
            "http" => {
                http.extend(directive.block.take().unwrap_or_default());
                process.push(directive);
            }
            "events" | "stream" | "mail" => process.push(directive),
            "location" => locations.push(directive),
            _ => http.push(directive),
        }
    }
    if let Some(first) = locations.first() {
        let place = first.place.clone();
        http.push(NginxDirective { place, name: "server".into(), args: Vec::new(), block: Some(locations) });
    }
    (process, http)
}

/// Reports every directive that the report does not mention yet.
fn sweep(tree: &[NginxDirective], outer: Option<&str>, report: &mut ImportReport) {
    for directive in tree {
        let (place, shown) = (&directive.place, directive.shown());
        if !report.mentions(place) {
            let is_off = directive.args.len() == 1 && directive.first() == "off";
            match (outer, known::disposition(&directive.name)) {
                (_, known::DirectiveDisposition::Dropped(_)) if is_off => report.not_needed(place, &shown, "it is off"),
                (Some(outer), disposition) if disposition == known::NO_EFFECT => {
                    report.dropped(place, &shown, format!("part of `{outer}`, which is not translated"));
                }
                (_, known::DirectiveDisposition::NotNeeded(why)) => report.not_needed(place, &shown, why),
                (Some(outer), known::DirectiveDisposition::Dropped(_)) => {
                    report.dropped(place, &shown, format!("part of `{outer}`, which is not translated"));
                }
                (None, known::DirectiveDisposition::Dropped(remedy)) => report.dropped(place, &shown, remedy),
            }
        }
        let lost = match directive.name.as_str() {
            "http" | "events" | "server" => None,
            // The translation of these reports them.
            "location" | "if" | "map" | "upstream" if !dropped(directive, report) => None,
            _ => Some(shown.as_str()),
        };
        if matches!(directive.name.as_str(), "map" | "geo" | "split_clients" | "types") {
            for entry in directive.inner().iter().filter(|entry| !report.mentions(&entry.place)).collect::<Vec<_>>() {
                report.not_needed(&entry.place, &entry.shown(), format!("part of `{shown}`"));
            }
        }
        sweep(directive.inner(), lost.or(outer), report);
    }
}

fn dropped(directive: &NginxDirective, report: &ImportReport) -> bool {
    report.says(&directive.place, ImportVerdict::Dropped)
}

#[cfg(test)]
mod tests;
