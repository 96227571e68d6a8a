//! Settings of the gateway that people turn on because a proxy was set up wrongly, found in comments and beside the
//! file.

use super::place::ImportPlace;
use super::reader::Files;
use super::report::ImportReport;
use super::{ImportError, Original};
use crate::import::reader::Unread;

/// Points out such settings in `original`, and in the gateway's own config if it is in the same folder.
pub(super) fn point_out(
    original: &Original,
    files: &mut Files<'_>,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    for (number, line) in (1..).zip(original.text.lines()) {
        let Some((setting, at)) = SETTINGS.iter().find_map(|setting| Some((setting, line.find(setting)?))) else {
            continue;
        };
        let column = line[..at].chars().count() + 1;
        let place = ImportPlace { file: original.name.as_str().into(), line: number, column };
        report.wrong(&place, line, format!("`{setting}` is not needed with HTTPS, and {WHY}"));
    }
    let text = match files.text(&original.folder.join("openclaw.json")) {
        Ok(text) => text,
        Err(Unread::Io(_)) => return Ok(()),
        Err(Unread::Limit(error)) => return Err(error),
    };
    for setting in SETTINGS.iter().filter(|setting| text.contains(**setting)) {
        report.next(format!("Take `{setting}` out of openclaw.json: it is not needed with HTTPS, and {WHY}"));
    }
    Ok(())
}

const SETTINGS: [&str; 3] =
    ["allowInsecureAuth", "dangerouslyDisableDeviceAuth", "dangerouslyAllowHostHeaderOriginFallback"];
const WHY: &str = "it lets in clients that should prove their identity";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::reader::Memory;

    #[test]
    fn a_comment_and_a_file_beside_are_enough() {
        let text = "Listen 80\n# set \"allowInsecureAuth\": true\n".to_owned();
        let original = Original { name: "a.conf".into(), folder: "/etc".into(), text };
        let memory = Memory::of([("/etc/openclaw.json", "{ dangerouslyDisableDeviceAuth: true }")]);
        let mut report = ImportReport::default();
        point_out(&original, &mut Files::new(&memory), &mut report).expect("small");
        let note = &report.notes()[0];
        assert_eq!((note.place.line, note.place.column), (2, 8));
        assert!(report.to_string().contains("Take `dangerouslyDisableDeviceAuth` out of openclaw.json"));
    }
}
