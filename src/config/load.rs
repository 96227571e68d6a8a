//! [`load()`]: file, environment and command line, laid over the defaults.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::Config;
use super::node::Node;
use super::overrides::{self, Overrides};
use super::problem::{Fault, Place, Problem, Problems};
use super::read::{self, Folders};
use super::yaml;

/// A configuration, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What to run on.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What was written, to say where.
    root: Node,
}

impl Loaded {
    /// What turned out to be wrong with the setting `path` only when it was used, where that setting was written.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problems {
        let place = self.root.find(path).map_or(&Place::Whole, |node| &node.place);
        Problems::new(self.file.clone(), vec![Problem::new(place, path, Fault::new(message))])
    }
}

/// Where the configuration is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In this file, which must exist.
    File(PathBuf),
    /// In this text, which is to become this file.
    Text {
        /// The YAML.
        text: String,
        /// Where it is to be.
        file: PathBuf,
    },
    /// Nowhere: the defaults.
    Defaults,
}

/// Where a configuration is looked for when no file was named.
const PLACES: [&str; 2] = ["frontgate.yaml", "/etc/frontgate/frontgate.yaml"];

/// The largest file that is read; a configuration a hundredth of this size is a long one.
const LARGEST: u64 = 1 << 20;

impl Source {
    /// The file that was named on the command line, else in `$FRONTGATE_CONFIG`, else `./frontgate.yaml` or
    /// `/etc/frontgate/frontgate.yaml` if there is one.
    pub fn find(flag: Option<PathBuf>, variable: Option<OsString>) -> Self {
        let named = flag.or_else(|| variable.filter(|name| !name.is_empty()).map(PathBuf::from));
        let file = named.or_else(|| PLACES.iter().map(PathBuf::from).find(|path| path.exists()));
        file.map_or(Self::Defaults, Self::File)
    }
}

/// Reads the configuration. `env` is the whole environment: every `FRONTGATE_<SECTION>_<KEY>` in it overrides the file,
/// and `flags` override both.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(
    source: Source,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
) -> Result<Loaded, Problems> {
    let (file, text) = match source {
        Source::Defaults => (None, String::new()),
        Source::Text { text, file } => (Some(file), text),
        Source::File(file) => match text_of(&file) {
            Ok(text) => (Some(file), text),
            Err(error) => {
                let problem = Problem::new(&Place::Whole, "", unreadable(&error));
                return Err(Problems::new(Some(file), vec![problem]));
            }
        },
    };
    let folders = folders(file.as_deref());
    match parse(&text, env, flags, &folders) {
        Ok((config, root)) => Ok(Loaded { config, file, root }),
        Err(problems) => Err(Problems::new(file, problems)),
    }
}

/// What can be read of the configuration, whatever is wrong with the rest: enough to find a frontgate that runs on an earlier
/// state of it.
pub fn glimpse(source: &Source, env: impl IntoIterator<Item = (String, String)>, flags: &Overrides) -> Config {
    let (file, text) = match source {
        Source::File(file) => (Some(file.as_path()), text_of(file).unwrap_or_default()),
        Source::Text { text, file } => (Some(file.as_path()), text.clone()),
        Source::Defaults => (None, String::new()),
    };
    lay(&text, env, flags, &folders(file), &mut Vec::new()).0
}

/// The configuration in `text`, which a running frontgate has printed, with its secrets masked: they are nothing that could be used.
/// `None` where this version does not understand all of it.
pub fn printed(text: &str) -> Option<Config> {
    let mut problems = Vec::new();
    let folders = Folders { printed: true, ..folders(None) };
    let (config, _) = lay(text, [], &Overrides::default(), &folders, &mut problems);
    problems.is_empty().then_some(config)
}

/// What relative paths begin at.
fn folders(file: Option<&Path>) -> Folders {
    // A folder that is gone leaves relative paths as they are; opening them will say so.
    let working = env::current_dir().unwrap_or_default();
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    Folders { file: working.join(folder), working, printed: false }
}

/// The configuration in `text`, under the overrides, and all that was written.
pub(super) fn parse(
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
    folders: &Folders,
) -> Result<(Config, Node), Vec<Problem>> {
    let mut problems = Vec::new();
    let laid = lay(text, env, flags, folders, &mut problems);
    if problems.is_empty() { Ok(laid) } else { Err(problems) }
}

/// As much as can be read of it; what is wrong goes to `problems`.
fn lay(
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
    flags: &Overrides,
    folders: &Folders,
    problems: &mut Vec<Problem>,
) -> (Config, Node) {
    let mut config = Config::default();
    let mut root = match yaml::parse(text, problems) {
        Ok(root) => root,
        Err(fatal) => {
            problems.push(fatal);
            // Without the file there is still the environment to look at. What it lacks would be no news.
            let mut root = Node::empty();
            overrides::apply(&mut root, env, flags, problems);
            read::read(&mut config, &root, folders, &mut Vec::new());
            return (config, root);
        }
    };
    overrides::apply(&mut root, env, flags, problems);
    read::read(&mut config, &root, folders, problems);
    (config, root)
}

fn text_of(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(text)
}

fn unreadable(error: &io::Error) -> Fault {
    let fault = Fault::new(format!("cannot be read: {error}"));
    match error.kind() {
        io::ErrorKind::NotFound => fault.hint("the name was given with -c or in FRONTGATE_CONFIG"),
        io::ErrorKind::InvalidData => fault.hint("save the file as UTF-8"),
        _ => fault,
    }
}
