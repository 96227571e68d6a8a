//! Makes paths that programs understand in different ways, and looks whether one of them gets round a guard: `readings
//! paths COUNT SEED` and `readings judge PATHS READINGS…`. `tests/readings/run` lets other programs read them in
//! between.
#![expect(clippy::print_stdout, reason = "what it finds is its output")]

use std::fs;
use std::process::ExitCode;

use frontgate::config::{self, ConfigLocation, Overrides, RouteConfig};
use frontgate::http::route::matches::{Matches, RoutedRequest};
use frontgate::http::route::protected::{Login, ProtectedFields};
use frontgate::http::route::table::RouteTable;
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
    let tables = Scenario::all();
    let mut through = 0;
    for reader in readers {
        let read = fs::read_to_string(reader).expect("what a reader made of them");
        assert_eq!(read.lines().count(), paths.lines().count(), "{reader} has a line for each path");
        let (mut passed, mut guarded) = (0, 0);
        for (path, letters) in paths.lines().zip(read.lines()) {
            guarded += u32::from(letters.contains(['p', 't', 'q']));
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

/// Routes, and what the letters of readers mean for them: `p` below /private, `P` /private itself, `t` below /team, `o` below
/// /open, `-` for the rest; `q` where the query has `key=SECRET`, `n` where it has not.
struct Scenario {
    name: &'static str,
    table: RouteTable,
    /// The guard of each route, and whether it answers by itself.
    routes: Vec<(Option<usize>, bool)>,
    /// The guard of what a reader found; `None` where the letter says nothing about these routes.
    guard: fn(char) -> Option<Option<usize>>,
}

impl Scenario {
    fn all() -> Vec<Self> {
        let one_guard = |letter| match letter {
            'p' => Some(Some(1)),
            't' | 'o' | '-' => Some(None),
            _ => None,
        };
        let many_guards = |letter| match letter {
            'p' => Some(Some(1)),
            't' => Some(Some(2)),
            'o' => Some(None),
            '-' => Some(Some(3)),
            _ => None,
        };
        let exact = |letter| (letter == 'P').then_some(Some(1));
        let refused_by_query = |letter| (letter == 'q').then_some(Some(1));
        let opened_by_query = |letter| (letter == 'n').then_some(Some(2));
        let (refuses, asks, open) = ((Some(1), true), (Some(2), false), (None, false));
        vec![
            Self::new("one guard", "[{ path: /private }, {}]", &[refuses, open], one_guard),
            Self::new(
                "many guards",
                "[{ path: /private }, { path: /team }, { path: /open }, {}]",
                &[refuses, asks, open, (Some(3), false)],
                many_guards,
            ),
            Self::new("a regex", "[{ path: { regex: '^/private(/|$)' } }, {}]", &[refuses, open], one_guard),
            Self::new(
                "many regexes",
                "[{ path: { regex: '^/private(/|$)' } }, { path: { regex: '^/team(/|$)' } }, { path: { regex: '^/open(/|$)' } }, {}]",
                &[refuses, asks, open, (Some(3), false)],
                many_guards,
            ),
            Self::new("any case", "[{ path: /PriVate, ignore_case: true }, {}]", &[refuses, open], one_guard),
            Self::new("what it is not", "[{ not: { path: /private } }, {}]", &[open, refuses], one_guard),
            Self::new("an exact path", "[{ path: { exact: /private } }, {}]", &[refuses, open], exact),
            Self::new(
                "what is cut",
                "[{ path: /open/private }, { path: /open, strip_prefix: /open }, {}]",
                &[refuses, open, (Some(3), true)],
                |_| None,
            ),
            Self::new("refused by query", "[{ query: { key: SECRET } }, {}]", &[refuses, open], refused_by_query),
            Self::new("opened by query", "[{ query: { key: SECRET } }, {}]", &[open, asks], opened_by_query),
            Self::new("not by query", "[{ not: { query: { key: SECRET } } }, {}]", &[open, refuses], refused_by_query),
        ]
    }

    fn new(
        name: &'static str,
        yaml: &str,
        routes: &[(Option<usize>, bool)],
        guard: fn(char) -> Option<Option<usize>>,
    ) -> Self {
        let configured = configured(yaml);
        let matches = configured.iter().zip(routes).map(|(route, (guard, answers))| Matches {
            guard: *guard,
            answers: *answers,
            ..Matches::of(route)
        });
        let protected = ProtectedFields::new([].into_iter(), &[], Login::Elsewhere);
        Self { name, table: RouteTable::new(matches.collect(), &protected), routes: routes.to_vec(), guard }
    }

    /// The guard of the route by which a target gets to the gateway; `None` if it does not get there.
    #[expect(clippy::option_option, reason = "no answer, and an answer without a route, are two things")]
    fn passes(&self, target: &str) -> Option<Option<usize>> {
        let target = PathAndQuery::try_from(target).ok()?;
        let request = RoutedRequest { query: target.query(), ..RoutedRequest::get("gw", target.path()) };
        let (guard, answers) = self.routes[self.table.find(&request).ok()?];
        (!answers).then_some(guard)
    }

    /// Whether what a reader makes of a target has another guard than the route that the target took.
    fn is_elsewhere(&self, letter: char, own: Option<usize>) -> bool {
        (self.guard)(letter).is_some_and(|other| other.is_some() && other != own)
    }
}

fn configured(yaml: &str) -> Vec<RouteConfig> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("frontgate.yaml");
    fs::write(&file, format!("routes: {yaml}")).expect("a file");
    let loaded = config::load(ConfigLocation::File(file), [], &Overrides::default());
    loaded.unwrap_or_else(|problems| panic!("{problems}")).config.routes
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
    "?key=SECRET",
    "?key=SECRET",
    "?key=x&key=SECRET",
    "?a;key=SECRET",
    "?k%65y=SECRET",
    "?KEY=SECRET",
    "?key[]=SECRET",
    "?key%5b%5d=SECRET",
    "?a%26key=SECRET",
    "&key=SECRET",
    "&key=x",
    "key",
    "SECRET",
    "%3fkey=SECRET",
    "+",
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
