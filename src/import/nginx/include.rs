//! `include`: other files, in the place of the directive.

use std::path::{Path, PathBuf};

use super::parser::{NginxDirective, parse};
use crate::import::bounds::DEEPEST_INCLUDE;
use crate::import::error::ImportError;
use crate::import::reader::{Files, Unread};
use crate::import::report::ImportReport;

/// Reads the files that a configuration includes.
pub(super) struct Includes<'a, 'f> {
    pub(super) files: &'a mut Files<'f>,
    pub(super) report: &'a mut ImportReport,
    /// Where relative paths begin: the folder of the main file, in whichever file they stand.
    pub(super) folder: &'a Path,
}

impl Includes<'_, '_> {
    /// `tree` with the directives of each included file in place of its `include`.
    pub(super) fn spliced(
        &mut self,
        tree: Vec<NginxDirective>,
        depth: usize,
    ) -> Result<Vec<NginxDirective>, ImportError> {
        let mut spliced = Vec::with_capacity(tree.len());
        for mut directive in tree {
            if directive.name == "include" && directive.block.is_none() {
                spliced.extend(self.included(&directive, depth)?);
                continue;
            }
            if let Some(inner) = directive.block.take() {
                directive.block = Some(self.spliced(inner, depth)?);
            }
            spliced.push(directive);
        }
        Ok(spliced)
    }

    fn included(&mut self, directive: &NginxDirective, depth: usize) -> Result<Vec<NginxDirective>, ImportError> {
        let (place, shown) = (&directive.place, directive.shown());
        if depth == DEEPEST_INCLUDE {
            let limit = format!("includes nested deeper than {DEEPEST_INCLUDE}");
            return Err(ImportError::TooMuch { file: place.to_string(), limit });
        }
        let pattern = self.folder.join(directive.first());
        if let Some(why) = needless(&pattern) {
            self.report.not_needed(place, &shown, why);
            return Ok(Vec::new());
        }
        let found = self.files.matching(&pattern.to_string_lossy());
        let mut tree = Vec::new();
        let mut read = 0;
        for file in found {
            let text = match self.files.text(&file) {
                Ok(text) => text,
                Err(Unread::Limit(error)) => return Err(error),
                Err(Unread::Io(error)) => {
                    let remedy = format!(
                        "{} cannot be read ({error}): import where it is, or send `nginx -T` through `frontgate import nginx -`",
                        file.display()
                    );
                    self.report.dropped(place, &shown, remedy);
                    // What stands here may have guarded: the directive itself shuts its scope.
                    tree.push(directive.clone());
                    continue;
                }
            };
            read += 1;
            let directives = parse(&self.name(&file), &text)?;
            tree.extend(self.spliced(directives, depth + 1)?);
        }
        if read > 0 {
            self.report.kept(
                place,
                &shown,
                if read == 1 { "what is in the file".into() } else { format!("what is in the {read} files") },
            );
        } else if !self.report.mentions(place) {
            self.report.not_needed(place, &shown, "there is no such file");
        }
        Ok(tree)
    }

    /// What the report calls a file: its path from the main file's folder on.
    fn name(&self, file: &Path) -> String {
        file.strip_prefix(self.folder).map_or_else(|_| file.to_owned(), PathBuf::from).display().to_string()
    }
}

/// Why a file that comes with nginx is not looked at.
fn needless(file: &Path) -> Option<&'static str> {
    match file.file_name()?.to_str()? {
        "mime.types" => Some("frontgate serves no files; types come from the gateway"),
        "fastcgi_params" | "fastcgi.conf" | "uwsgi_params" | "scgi_params" => Some("frontgate forwards HTTP only"),
        _ if file.parent()?.ends_with("modules-enabled") => Some("frontgate has no modules"),
        _ => None,
    }
}
