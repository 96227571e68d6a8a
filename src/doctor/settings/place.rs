//! [`find`]: where the gateway's configuration is.

use std::path::{Path, PathBuf};

/// Where the gateway's configuration was looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// The file that the gateway would read, if it is there.
    pub(crate) file: Option<PathBuf>,
    /// All places, in the order in which the gateway tries them.
    pub(crate) places: Vec<PathBuf>,
}

/// The file that the gateway of this user would read, by its own rules: `$OPENCLAW_CONFIG_PATH`, else in
/// `$OPENCLAW_STATE_DIR`, else in `~/.openclaw` or, of its earlier name, `~/.clawdbot`. `variable` looks one up,
/// `exists` asks the disk.
pub(crate) fn find(variable: impl Fn(&str) -> Option<String>, exists: impl Fn(&Path) -> bool) -> Looked {
    let set = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let home = set("OPENCLAW_HOME").or_else(|| set("HOME")).map(PathBuf::from);
    let expand = |path: String| match (path.strip_prefix('~'), &home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    };
    let places: Vec<PathBuf> = if let Some(path) = set("OPENCLAW_CONFIG_PATH") {
        vec![expand(path)]
    } else {
        let state = set("OPENCLAW_STATE_DIR").map(expand);
        let home = home.iter().flat_map(|home| FOLDERS.map(|folder| home.join(folder)));
        state.into_iter().chain(home).flat_map(|folder| FILES.map(|file| folder.join(file))).collect()
    };
    Looked { file: places.iter().find(|path| exists(path)).cloned(), places }
}

const FOLDERS: [&str; 2] = [".openclaw", ".clawdbot"];
const FILES: [&str; 2] = ["openclaw.json", "clawdbot.json"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_looked_for_where_the_gateway_does() {
        type Case = (&'static [(&'static str, &'static str)], &'static [&'static str], Option<&'static str>);
        let cases: [Case; 8] = [
            (&[("HOME", "/h")], &["/h/.openclaw/openclaw.json"], Some("/h/.openclaw/openclaw.json")),
            (&[("HOME", "/h")], &["/h/.clawdbot/clawdbot.json"], Some("/h/.clawdbot/clawdbot.json")),
            (
                &[("HOME", "/h"), ("OPENCLAW_HOME", "/o")],
                &["/o/.openclaw/openclaw.json"],
                Some("/o/.openclaw/openclaw.json"),
            ),
            (
                &[("HOME", "/h"), ("OPENCLAW_STATE_DIR", "~/s")],
                &["/h/s/openclaw.json", "/h/.openclaw/openclaw.json"],
                Some("/h/s/openclaw.json"),
            ),
            (&[("HOME", "/h"), ("OPENCLAW_CONFIG_PATH", " /c.json ")], &["/c.json"], Some("/c.json")),
            (&[("HOME", "/h"), ("OPENCLAW_CONFIG_PATH", "/c.json")], &["/h/.openclaw/openclaw.json"], None),
            (
                &[("HOME", "/h"), ("OPENCLAW_STATE_DIR", "")],
                &["/h/.openclaw/openclaw.json"],
                Some("/h/.openclaw/openclaw.json"),
            ),
            (&[], &["/h/.openclaw/openclaw.json"], None),
        ];
        for (env, disk, expected) in cases {
            let variable = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            let exists = |path: &Path| disk.iter().any(|file| Path::new(file) == path);
            let looked = find(variable, exists);
            assert_eq!(looked.file, expected.map(PathBuf::from), "{env:?}");
            assert!(looked.file.iter().all(|file| looked.places.contains(file)), "{looked:?}");
        }
    }
}
