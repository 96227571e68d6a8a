//! [`load()`]: file, environment and command line, laid over the defaults.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::named_file::regular;
use super::node::ConfigNode;
use super::overrides::{self, Overrides};
use super::problem::{Problem, ProblemSeverity, Problems, SettingPosition, ValueError};
use super::read;
use super::setting::BaseFolders;
use super::yaml;
use super::{Config, conflicts};

/// A configuration with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings to run on.
    pub config: Config,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// Settings that are valid but probably a mistake.
    pub(crate) warnings: Problems,
    /// The document as it was written, for the positions of settings.
    root: ConfigNode,
}

impl Loaded {
    /// The problem of the setting `path` that only its use has revealed, at the position where that setting was
    /// written.
    pub(crate) fn problem(&self, path: &str, message: impl Into<String>) -> Problems {
        Problems::new(self.file.clone(), vec![self.at(path, ValueError::new(message))])
    }

    /// The same, with what to do about it.
    pub(crate) fn unusable(&self, path: &str, message: impl Into<String>, hint: impl Into<String>) -> Problems {
        Problems::new(self.file.clone(), vec![self.at(path, ValueError::new(message).hint(hint))])
    }

    /// Adds such a problem as a warning.
    pub(crate) fn warn(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        let problem = self.at(path, ValueError::new(message).hint(hint).warning());
        self.warnings = self.warnings.clone().and(vec![problem]);
    }

    /// Whether the setting `path` was written at all.
    pub(crate) fn sets(&self, path: &str) -> bool {
        self.root.find(path).is_some_and(|node| !node.says_nothing())
    }

    /// Reports gateways that are frontgate itself; `is_here` tells whether an address is one of this machine's.
    ///
    /// # Errors
    /// A gateway is a listener of frontgate's own.
    pub(crate) fn check_gateways(&self, is_here: &dyn Fn(IpAddr) -> bool) -> Result<(), Problems> {
        let own = conflicts::own_gateways(&self.config, is_here).into_iter();
        let problems: Vec<_> = own.map(|(key, why)| self.at(&key, ValueError::new(why).hint(GATEWAY))).collect();
        if problems.is_empty() { Ok(()) } else { Err(Problems::new(self.file.clone(), problems)) }
    }

    /// The names of gateways that could be frontgate itself.
    pub(crate) fn names_of_gateways(&self) -> BTreeSet<String> {
        conflicts::names(&self.config)
    }

    /// Of those the ones that are, by their `addresses`: the setting of each, what is wrong, and what to write instead.
    pub(crate) fn own_names(
        &self,
        addresses: &dyn Fn(&str) -> Vec<IpAddr>,
        is_here: &dyn Fn(IpAddr) -> bool,
    ) -> Vec<(String, String, &'static str)> {
        let own = conflicts::own_names(&self.config, addresses, is_here).into_iter();
        own.map(|(key, why)| (key, why, GATEWAY)).collect()
    }

    fn at(&self, path: &str, fault: ValueError) -> Problem {
        let place = self.root.find(path).map_or(&SettingPosition::Whole, |node| &node.place);
        Problem::new(place, path, fault)
    }
}

const GATEWAY: &str = "write where the gateway itself listens, as a rule http://127.0.0.1:18789";

/// Where the configuration is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigLocation {
    /// In this file, which must exist.
    File(PathBuf),
    /// In this text, which is to become this file.
    Text {
        /// The YAML text.
        text: String,
        /// The path that the text is to be written to.
        file: PathBuf,
    },
    /// In no file: the defaults apply.
    Defaults,
}

/// The paths where a configuration is looked for when no file was named.
const PLACES: [&str; 2] = ["frontgate.yaml", "/etc/frontgate/frontgate.yaml"];

/// Bytes of the largest file that is read; a configuration a hundredth of this size is a long one.
const LARGEST: u64 = 1 << 20;

impl ConfigLocation {
    /// The file that was named on the command line, else in `$FRONTGATE_CONFIG`, else `./frontgate.yaml` or
    /// `/etc/frontgate/frontgate.yaml` if there is one.
    pub(crate) fn find(flag: Option<PathBuf>, variable: Option<OsString>) -> Self {
        let named = flag.or_else(|| variable.filter(|name| !name.is_empty()).map(PathBuf::from));
        let file = named.or_else(|| PLACES.iter().map(PathBuf::from).find(|path| path.exists()));
        file.map_or(Self::Defaults, Self::File)
    }
}

/// Reads the configuration. `env` is the whole environment: every `FRONTGATE_<SECTION>_<KEY>` in it overrides the file,
/// and `flags` override both.
///
/// # Errors
/// Every problem of the configuration, at once.
pub fn load(
    source: ConfigLocation,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
) -> Result<Loaded, Problems> {
    let (file, text) = match source {
        ConfigLocation::Defaults => (None, String::new()),
        ConfigLocation::Text { text, file } => (Some(file), text),
        ConfigLocation::File(file) => {
            let text = read_text(&file)?;
            (Some(file), text)
        }
    };
    let folders = folders(file.as_deref());
    match parse(&text, env, flags, &folders) {
        Ok((config, root, warnings)) => {
            Ok(Loaded { config, warnings: Problems::new(file.clone(), warnings), file, root })
        }
        Err(problems) => Err(Problems::new(file, problems)),
    }
}

/// Reads the text of a configuration file.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn read_text(file: &Path) -> Result<String, Problems> {
    text_of(file).map_err(|error| {
        let fault = unreadable(&error);
        let named = error.kind() == io::ErrorKind::NotFound;
        let hint = "the name was given with -c or in FRONTGATE_CONFIG";
        whole(file.to_owned(), if named { fault.hint(hint) } else { fault })
    })
}

/// The problem of a file that was in use and has become empty, or of a file that is no longer found.
pub(crate) fn nothing(file: Option<PathBuf>) -> Problems {
    let fault = ValueError::new(if file.is_some() { "says nothing" } else { "the configuration file is gone" });
    Problems::new(file, vec![Problem::new(&SettingPosition::Whole, "", fault.hint(RESTART))])
}

/// Reads the text of a configuration that is in use once more. A file that was probably not meant to change so is
/// refused: one that is gone, that is no regular file, or that says nothing.
///
/// # Errors
/// The problem of the file.
pub(crate) fn reread_text(file: &Path) -> Result<String, Problems> {
    let refused = |fault| Err(whole(file.to_owned(), fault));
    match regular_text_of(file) {
        Ok(text) if says_nothing(&text) => Err(nothing(Some(file.to_owned()))),
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => refused(ValueError::new("is gone").hint(RESTART)),
        Err(error) => refused(unreadable(&error)),
    }
}

const RESTART: &str = "what was read before stays in use; only a start takes no configuration for the defaults";

/// Whether a file with this text sets no key.
pub(crate) fn says_nothing(text: &str) -> bool {
    yaml::parse(text, &mut Vec::new()).is_ok_and(|root| root.says_nothing())
}

/// The readable part of the configuration, whatever is wrong with the rest: enough to find a frontgate that runs on an
/// earlier state of it.
pub(crate) fn glimpse(
    source: &ConfigLocation,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
) -> Config {
    let (file, text) = match source {
        ConfigLocation::File(file) => (Some(file.as_path()), text_of(file).unwrap_or_default()),
        ConfigLocation::Text { text, file } => (Some(file.as_path()), text.clone()),
        ConfigLocation::Defaults => (None, String::new()),
    };
    lay(&text, env, flags, &folders(file), &mut Vec::new()).0
}

/// The configuration in `text`, which a running frontgate has printed with its secrets masked: the secrets in the
/// result cannot be used. `None` where this version does not understand all of the text.
pub(crate) fn printed(text: &str) -> Option<Config> {
    let mut problems = Vec::new();
    let folders = BaseFolders { printed: true, ..folders(None) };
    let (config, _) = lay(text, [], &Overrides::default(), &folders, &mut problems);
    problems.iter().all(|problem| problem.severity == ProblemSeverity::Warning).then_some(config)
}

/// Checks the syntax of the admin address in `flags`.
///
/// # Errors
/// The problem of the address.
pub(crate) fn check_admin(flags: &Overrides) -> Result<(), Problems> {
    let mut problems = Vec::new();
    lay("", [], flags, &folders(None), &mut problems);
    // A listener that other machines reach needs a token, and the file may have one.
    let admin = flags.admin.as_deref().unwrap_or_default();
    if problems.is_empty() || crate::config::admin::is_address(admin) {
        Ok(())
    } else {
        Err(Problems::new(None, problems))
    }
}

/// The folders at which relative paths begin.
fn folders(file: Option<&Path>) -> BaseFolders {
    // A working folder that is gone leaves relative paths as they are; opening them will fail and say so.
    let working = env::current_dir().unwrap_or_default();
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    BaseFolders { file: working.join(folder), working, printed: false }
}

/// Parses `text`, under the overrides. Returns the configuration, the document as it was written, and warnings.
pub(super) fn parse(
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
    folders: &BaseFolders,
) -> Result<(Config, ConfigNode, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let (config, root) = lay(text, env, flags, folders, &mut problems);
    let is_wrong = problems.iter().any(|problem| problem.severity == ProblemSeverity::Error);
    if is_wrong { Err(problems) } else { Ok((config, root, problems)) }
}

/// Lays the sources over each other as far as they can be read; faults go to `problems`.
fn lay(
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
    folders: &BaseFolders,
    problems: &mut Vec<Problem>,
) -> (Config, ConfigNode) {
    let mut config = Config::default();
    let mut root = match yaml::parse(text, problems) {
        Ok(root) => root,
        Err(fatal) => {
            problems.push(fatal);
            // Without the file there are still the environment and the flags to look at. What they lack would be no news.
            let (mut root, mut found) = (ConfigNode::empty(), Vec::new());
            overrides::apply(&mut root, env, flags, problems);
            read::read(&mut config, &root, folders, &mut found);
            problems.extend(found.into_iter().filter(is_own));
            return (config, root);
        }
    };
    overrides::apply(&mut root, env, flags, problems);
    read::read(&mut config, &root, folders, problems);
    (config, root)
}

/// Whether it is about what a variable or a flag says, whatever the file has to say.
fn is_own(problem: &Problem) -> bool {
    matches!(problem.place, SettingPosition::Variable(_) | SettingPosition::Flag(_))
}

/// Reads the text, also from a pipe such as a shell's `<(…)`.
fn text_of(file: &Path) -> io::Result<String> {
    limited(fs::File::open(file)?)
}

fn regular_text_of(path: &Path) -> io::Result<String> {
    let file = regular(path)?;
    let before = file.metadata()?;
    let text = limited(&file)?;
    let after = file.metadata()?;
    if (before.len(), before.modified().ok()) != (after.len(), after.modified().ok()) {
        return Err(io::Error::other("it is being written"));
    }
    Ok(text)
}

fn limited(file: impl Read) -> io::Result<String> {
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(text)
}

fn whole(file: PathBuf, fault: ValueError) -> Problems {
    Problems::new(Some(file), vec![Problem::new(&SettingPosition::Whole, "", fault)])
}

fn unreadable(error: &io::Error) -> ValueError {
    let fault = ValueError::new(format!("cannot be read: {error}"));
    match error.kind() {
        io::ErrorKind::InvalidData => fault.hint("save the file as UTF-8"),
        _ => fault,
    }
}
