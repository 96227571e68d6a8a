//! [`Translation`]: a configuration of nginx while it is translated.

use std::path::Path;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::upstream::NginxGroup;
use super::variables::Maps;
use crate::import::draft::Draft;
use crate::import::error::ImportError;
use crate::import::reader::Files;
use crate::import::report::ImportReport;

/// A configuration of nginx while it is translated.
#[expect(clippy::struct_excessive_bools, reason = "each is something that was seen somewhere")]
pub(super) struct Translation<'a, 'f> {
    pub(super) http: &'a [NginxDirective],
    pub(super) maps: Maps<'a>,
    pub(super) groups: Vec<NginxGroup<'a>>,
    pub(super) files: &'a mut Files<'f>,
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    pub(super) report: ImportReport,
    pub(super) draft: Draft,
    /// A place where bodies of any size may be sent.
    pub(super) unlimited: bool,
    /// A server that logs its requests.
    pub(super) logs: bool,
    /// A server that speaks TLS and names no certificate.
    pub(super) no_certificate: bool,
    /// A server that speaks TLS 1.2.
    pub(super) old_versions: bool,
}

impl<'a, 'f> Translation<'a, 'f> {
    /// A translation that has taken nothing over yet.
    pub(super) fn new(
        http: &'a [NginxDirective],
        files: &'a mut Files<'f>,
        mut report: ImportReport,
        folder: &'a Path,
    ) -> Self {
        let upstreams = http.iter().filter(|one| one.name == "upstream");
        let groups: Vec<_> = upstreams.map(|block| NginxGroup::read(block, &mut report)).collect();
        for group in &groups {
            report.kept(&group.block.place, &group.block.shown(), "upstream");
        }
        Self {
            http,
            maps: Maps::of(http),
            groups,
            files,
            folder,
            report,
            draft: Draft::default(),
            unlimited: false,
            logs: false,
            no_certificate: false,
            old_versions: false,
        }
    }

    /// Translates the whole configuration.
    pub(super) fn run(&mut self) -> Result<(), ImportError> {
        let outermost = NginxScope::outermost(self.http);
        self.upgrade_maps();
        let mut servers = Vec::new();
        for directive in self.http.iter().filter(|one| one.name == "server" && one.block.is_some()) {
            servers.push(self.server(directive, &outermost)?);
        }
        self.assemble(&servers)
    }

    /// The maps that every recipe for WebSockets begins with.
    fn upgrade_maps(&mut self) {
        for map in self.http.iter().filter(|one| one.name == "map" && one.first() == "$http_upgrade") {
            for one in std::iter::once(map).chain(map.inner()) {
                let why = "frontgate tells upgrades from requests by itself";
                self.report.not_needed(&one.place, &one.shown(), why);
            }
        }
    }
}
