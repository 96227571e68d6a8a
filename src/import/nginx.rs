//! nginx: its configuration language, and what its directives mean to frontgate.
//!
//! The text becomes a tree of directives ([`lexer`], [`parser`]), includes are put in their places ([`mod@include`]), and
//! [`server`] makes rules of each server: requests run through its directives as they run through nginx ([`rewrite`]), find
//! their location ([`locations`]), pass its [`guards`], and go to a gateway or get an answer ([`content`], [`mod@answer`]).
//! [`values`] says for which requests a text with variables is what. At the end every directive of which the report says
//! nothing yet is looked up in [`known`].

mod answer;
mod clients;
mod content;
mod dump;
mod guards;
mod headers;
mod include;
mod known;
mod lexer;
mod limits;
mod listen;
mod locations;
mod login_service;
mod names;
mod nginx_test;
mod parser;
mod password_file;
mod requested;
mod rewrite;
mod rewritten_path;
mod scope;
mod server;
mod state;
mod target;
mod tls;
mod translation;
mod units;
mod upstream;
mod values;

use super::error::ImportError;
use super::lower::lower;
use super::reader::Files;
use super::report::ImportReport;
use super::table::DirectiveClass;
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
    let servers = translation.tree()?;
    let (mut draft, mut report) = (translation.draft, translation.report);
    lower(&servers, &mut draft, &mut report)?;
    sweep(&process, &mut report);
    sweep(&http, &mut report);
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

/// Reports every directive of which the report says nothing yet.
fn sweep(tree: &[NginxDirective], report: &mut ImportReport) {
    for directive in tree {
        let (place, shown) = (&directive.place, directive.shown());
        let is_off = directive.args.len() == 1 && directive.first() == "off";
        if !report.mentions(place) {
            match known::class(&directive.name) {
                DirectiveClass::Needless(why) => report.not_needed(place, &shown, why),
                _ if is_off => report.not_needed(place, &shown, "it is off"),
                DirectiveClass::Lost(remedy) => report.dropped(place, &shown, remedy),
                DirectiveClass::Guarding(_) => {
                    report.not_needed(place, &shown, "no request that comes to it is let through");
                }
                DirectiveClass::Translated => report.not_needed(place, &shown, "nothing in the file depends on it"),
            }
        }
        let is_list = matches!(directive.name.as_str(), "map" | "geo" | "split_clients" | "types");
        for entry in directive.inner().iter().filter(|_| is_list) {
            if !report.mentions(&entry.place) {
                report.not_needed(&entry.place, &entry.shown(), format!("part of `{shown}`"));
            }
        }
        sweep(directive.inner(), report);
    }
}

#[cfg(test)]
mod tests;
