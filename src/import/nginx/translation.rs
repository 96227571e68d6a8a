//! [`Translation`]: a configuration of nginx while it is translated.

use std::collections::HashMap;
use std::path::Path;

use super::known::class;
use super::parser::NginxDirective;
use super::password_file::NginxPasswords;
use super::upstream::NginxGroup;
use crate::import::draft::Draft;
use crate::import::reader::Files;
use crate::import::report::ImportReport;
use crate::import::table::DirectiveClass;

/// A configuration of nginx while it is translated.
#[expect(clippy::struct_excessive_bools, reason = "each is something that was seen somewhere")]
pub(super) struct Translation<'a, 'f> {
    pub(super) http: &'a [NginxDirective],
    /// The blocks that make a variable of other values, by its name without the dollar.
    pub(super) maps: HashMap<&'a str, &'a NginxDirective>,
    pub(super) groups: Vec<NginxGroup<'a>>,
    pub(super) files: &'a mut Files<'f>,
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    pub(super) report: ImportReport,
    pub(super) draft: Draft,
    /// The files with passwords that were read.
    pub(super) passwords: HashMap<String, NginxPasswords>,
    /// What clients' certificates are checked for.
    pub(super) client_certificates: ClientCertificates,
    /// Whether servers differ in the proxies that they believe about a client's address.
    pub(super) clients_differ: bool,
    /// A place where bodies of any size may be sent.
    pub(super) unlimited: bool,
    /// A server that logs its requests.
    pub(super) logs: bool,
    /// A server that speaks TLS 1.2.
    pub(super) old_versions: bool,
    classes: HashMap<&'a str, DirectiveClass>,
}

/// What is asked of clients that connect with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ClientCertificates {
    /// Nothing, or a certificate that may be missing.
    #[default]
    Optional,
    /// A certificate, for all names.
    Required,
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
        let makes = |one: &'a NginxDirective| Some((one.args.last()?.strip_prefix('$')?, one));
        let maps = http.iter().filter(|one| matches!(one.name.as_str(), "map" | "geo" | "split_clients"));
        Self {
            http,
            maps: maps.filter_map(makes).collect(),
            groups,
            files,
            folder,
            report,
            draft: Draft::default(),
            passwords: HashMap::new(),
            client_certificates: ClientCertificates::default(),
            clients_differ: false,
            unlimited: false,
            logs: false,
            old_versions: false,
            classes: HashMap::new(),
        }
    }

    /// What the directive is for.
    pub(super) fn class(&mut self, directive: &'a NginxDirective) -> DirectiveClass {
        *self.classes.entry(&directive.name).or_insert_with(|| class(&directive.name))
    }

    /// Whether the report does not mention the directive yet.
    pub(super) fn is_new(&self, directive: &NginxDirective) -> bool {
        !self.report.mentions(&directive.place)
    }
}
