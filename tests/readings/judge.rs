//! Makes paths that programs understand in different ways, and looks whether one of them gets round a guard: `readings
//! paths COUNT SEED` and `readings judge PATHS READINGS…`. `tests/readings/run` lets other programs read them in
//! between.
#![expect(clippy::print_stdout, reason = "what it finds is its output")]

use std::fs;
use std::process::ExitCode;

use frontgate::config::{self, ConfigLocation, Overrides, PathPrefix};
use frontgate::http::route::router::{Matches, RouteTable};
use http::uri::PathAndQuery;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["paths", count, seed] => {
            let mut dice = Dice(seed.parse().expect("a seed"));
            for _ in 0..count.parse().expect("a number of paths") {
                println!("{}", dice.path());
            }
            ExitCode::SUCCESS
        }
        ["judge", paths, ref readers @ ..] => judge(paths, readers),
        // Run as a benchmark, it has nothing to do.
        _ => ExitCode::SUCCESS,
    }
}

/// Compares what frontgate does with each path with what each reader makes of it, and prints those that get through.
fn judge(paths: &str, readers: &[&str]) -> ExitCode {
    let paths = fs::read_to_string(paths).expect("the paths");
    let tables = [Scenario::one_guard(), Scenario::many_guards()];
    let mut through = 0;
    for reader in readers {
        let read = fs::read_to_string(reader).expect("what a reader made of them");
        assert_eq!(read.lines().count(), paths.lines().count(), "{reader} has a line for each path");
        let (mut passed, mut guarded) = (0, 0);
        for (path, letters) in paths.lines().zip(read.lines()) {
            guarded += u32::from(letters.contains(['p', 't']));
            for table in &tables {
                let Some(own) = table.passes(path) else { continue };
                passed += 1;
                let other = letters.chars().find(|letter| table.is_elsewhere(*letter, own));
                if let Some(letter) = other {
                    through += 1;
                    println!("{path} passes as {own:?}, and {reader} reads it as {letter:?} ({})", table.name);
                }
            }
        }
        println!(
            "{reader}: {} paths, {guarded} of them guarded as it reads them, {passed} passed on",
            paths.lines().count()
        );
    }
    println!("{through} paths got round a guard");
    if through == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Routes, and the letters that readers give them: `p` below /private, `t` below /team, `o` below /open, `-` for the
/// rest.
struct Scenario {
    name: &'static str,
    table: RouteTable,
    routes: Vec<(char, Option<usize>)>,
}

impl Scenario {
    /// Everything is open but /private.
    fn one_guard() -> Self {
        Self::new("one guard", &[('p', Some(1)), ('-', None)])
    }

    /// Everything is guarded but /open.
    fn many_guards() -> Self {
        Self::new("many guards", &[('p', Some(1)), ('t', Some(2)), ('o', None), ('-', Some(3))])
    }

    fn new(name: &'static str, routes: &[(char, Option<usize>)]) -> Self {
        let matches = routes.iter().map(|(letter, guard)| Matches {
            path: prefix(match letter {
                'p' => "/private",
                't' => "/team",
                'o' => "/open",
                _ => "/",
            }),
            guard: *guard,
            answers: *letter == 'p',
            ..Matches::all()
        });
        Self { name, table: RouteTable::new(matches.collect()), routes: routes.to_vec() }
    }

    /// The route by which a path gets to the gateway; `None` if it does not get there.
    fn passes(&self, path: &str) -> Option<char> {
        let target = PathAndQuery::try_from(path).ok()?;
        let (letter, _) = self.routes[self.table.find("gw", target.path()).ok()?];
        (letter != 'p').then_some(letter)
    }

    /// Whether what a reader makes of a path has another guard than the route that the path took.
    fn is_elsewhere(&self, letter: char, own: char) -> bool {
        let guard = |letter| {
            self.routes.iter().find(|(known, _)| *known == letter).or(self.routes.last()).map(|(_, guard)| *guard)
        };
        let (other, own) = (guard(letter).flatten(), guard(own).flatten());
        other.is_some() && other != own
    }
}

fn prefix(path: &str) -> Option<PathPrefix> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("frontgate.yaml");
    fs::write(&file, format!("routes: [{{ path: {path} }}]")).expect("a file");
    let loaded = config::load(ConfigLocation::File(file), [], &Overrides::default());
    loaded.unwrap_or_else(|problems| panic!("{problems}")).config.routes.remove(0).path
}

/// A xorshift generator: the same paths for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).expect("it is below a usize")
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// Half of them are made of pieces, half are a path with something thrown in.
    fn path(&mut self) -> String {
        if self.below(2) == 0 {
            let pieces = (0..=self.below(8)).map(|_| self.one_of(PIECES)).collect::<Vec<_>>();
            return format!("/{}", pieces.concat());
        }
        let mut path = self.one_of(WHOLE).to_owned();
        for _ in 0..=self.below(3) {
            let at = 1 + self.below(path.len());
            path.insert_str(at, self.one_of(PIECES));
        }
        path
    }
}

const WHOLE: &[&str] = &[
    "/private",
    "/private/x",
    "/team",
    "/team/x",
    "/open",
    "/open/x",
    "/x/../private",
    "/open/../team",
    "//x/private",
    "/x;y/private",
    "/PRIVATE/x",
    "/private/../open/x",
];

const PIECES: &[&str] = &[
    "/",
    "/",
    "/",
    "//",
    "///",
    "\\",
    ".",
    "..",
    "/../",
    "/./",
    "/..",
    "%2e",
    "%2E",
    "%2e%2e",
    "%2f",
    "%2F",
    "%5c",
    "%252e",
    "%252f",
    "%255c",
    "%25",
    "%",
    "%zz",
    ";",
    ";x",
    ";x=/",
    "%3b",
    "%253b",
    "..;",
    "private",
    "private",
    "PRIVATE",
    "Private",
    "%70rivate",
    "%50rivate",
    "%2570rivate",
    "pri%76ate",
    "priv",
    "ate",
    "team",
    "TEAM",
    "te%61m",
    "open",
    "Open",
    "x",
    "y",
    "evil",
    "%09",
    "%0a",
    "%0d",
    "%00",
    "%20",
    "%3f",
    "%23",
    "?",
    "?/private",
    ":",
    "@",
    "localhost",
    "http:",
    "+",
    "*",
    "~",
    "%c3%a9",
    "%ef%bc%8f",
    "%e2%84%aa",
    "%c0%af",
    "a.b",
    "...",
    "&",
    "=",
    "|",
    "!",
    "[",
    "]",
];
