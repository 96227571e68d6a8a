//! Translates the configuration of another proxy into one for frontgate.
//!
//! [`import()`] takes the text of a configuration apart, translates what it asks for into a [`Draft`], and says in an
//! [`ImportReport`] what became of each directive: kept and as what, not needed and why, dropped and what to do, or
//! wrong in the old configuration and what frontgate does instead. Nothing is dropped in silence. Where a route's
//! access rules cannot be translated it answers 403: what was locked does not come out open.
//!
//! Nothing is run here. Files are read only through an [`ImportReader`], within [`Files`]' limits.

mod apache;
mod caddy;
pub(crate) mod draft;
pub(crate) mod error;
pub(crate) mod place;
pub(crate) mod reader;
pub(crate) mod report;

mod bounds;
mod condition;
mod fields;
mod fleet;
mod insecure;
mod lower;
mod matching;
mod networks;
mod nginx;
mod node;
mod passwords;
mod table;
mod tree;
mod write;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use draft::Draft;
pub(crate) use error::ImportError;
pub use fleet::{FleetConfig, FleetError};
pub(crate) use place::ImportPlace;
pub use reader::Disk;
pub(crate) use reader::Files;
pub use reader::ImportReader;
pub(crate) use report::ImportReport;

/// The program whose configuration is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// nginx, as `nginx.conf`, a file of a site, or what `nginx -T` prints.
    Nginx,
    /// Apache httpd.
    Apache,
    /// A Caddyfile.
    Caddy,
}

impl ImportFormat {
    /// The word for the format on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache",
            Self::Caddy => "caddy",
        }
    }
}

/// The configuration that is to be translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The name by which the report calls the file.
    pub name: String,
    /// The folder where relative paths in the file begin; absolute.
    pub folder: PathBuf,
    /// The text of the file, in the format of its program.
    pub text: String,
}

impl Original {
    /// What the report calls a file that this one includes: as this one is called, if it is near it.
    fn name_of(&self, path: &Path) -> Arc<str> {
        let near = path.strip_prefix(&self.folder);
        let beside = Path::new(&self.name).parent().unwrap_or(Path::new(""));
        near.map_or_else(|_| path.to_owned(), |near| beside.join(near)).to_string_lossy().into()
    }
}

/// A configuration, translated.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The configuration for frontgate, as far as the original could be understood.
    pub(crate) draft: Draft,
    /// What became of each directive.
    pub report: ImportReport,
}

impl Imported {
    /// The configuration file for frontgate, as YAML with comments.
    pub fn yaml(&self) -> String {
        write::document(&self.draft)
    }
}

/// Translates `original`; what it includes is read by `reader`.
///
/// # Errors
/// The first place where the text is not of that format, or a limit that it exceeds.
pub fn import(format: ImportFormat, original: &Original, reader: &dyn ImportReader) -> Result<Imported, ImportError> {
    let mut files = Files::new(reader);
    files.count(&original.name, original.text.len())?;
    // An arm hands over to its folder's `translate(original, &mut files) -> Result<Imported, ImportError>`.
    let mut imported = match format {
        ImportFormat::Nginx => nginx::translate(original, &mut files),
        ImportFormat::Apache => apache::translate(original, &mut files),
        ImportFormat::Caddy => caddy::translate(original, &mut files),
    }?;
    imported.draft.fit();
    insecure::point_out(original, &mut files, &mut imported.report)?;
    Ok(imported)
}
