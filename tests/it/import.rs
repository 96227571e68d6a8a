//! `frontgate import` of the configurations in `tests/import`: each folder there has one, and what is expected of it.
//!
//! Written anew by `UPDATE_EXPECTED=1 cargo test --test it import`; read the difference before you believe it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use frontgate::config::{self, ConfigLocation, Overrides};
use frontgate::import::{Disk, ImportFormat, ImportReader, Original, import};
use tempfile::TempDir;

use super::cli::frontgate_in;

/// The folder of a fixture, in the place of the folder where the program has its configuration.
struct Moved {
    from: PathBuf,
    to: PathBuf,
}

impl ImportReader for Moved {
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let inner = path.strip_prefix(&self.from).map_err(|_| io::ErrorKind::NotFound)?;
        Disk.read(&self.to.join(inner), most)
    }

    fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        let Ok(inner) = Path::new(pattern).strip_prefix(&self.from) else { return Vec::new() };
        let found = Disk.matching(&self.to.join(inner).to_string_lossy());
        found.into_iter().map(|path| self.from.join(path.strip_prefix(&self.to).unwrap())).collect()
    }
}

/// A program whose configurations are imported.
struct Program {
    format: ImportFormat,
    /// The main file of each fixture.
    main: &'static str,
    /// Where it is as a rule.
    folder: &'static str,
}

const NGINX: Program = Program { format: ImportFormat::Nginx, main: "nginx.conf", folder: "/etc/nginx" };
const APACHE: Program = Program { format: ImportFormat::Apache, main: "apache.conf", folder: "/etc/apache2" };
const CADDY: Program = Program { format: ImportFormat::Caddy, main: "Caddyfile", folder: "/etc/caddy" };

impl Program {
    /// The folders with its fixtures.
    fn fixtures(&self) -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(self.format.name());
        let mut folders: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.retain(|path| path.is_dir());
        folders.sort();
        assert!(folders.len() >= 12, "{} fixtures", folders.len());
        folders
    }

    fn original(&self, fixture: &Path) -> (Original, Moved) {
        let text = fs::read_to_string(fixture.join(self.main)).unwrap();
        let original = Original { name: self.main.to_owned(), folder: self.folder.into(), text };
        (original, Moved { from: self.folder.into(), to: fixture.to_owned() })
    }

    /// Every fixture becomes what is expected, and `frontgate check` accepts it.
    fn matches_what_is_expected(&self) {
        let update = env::var_os("UPDATE_EXPECTED").is_some();
        let mut different = Vec::new();
        for fixture in self.fixtures() {
            let (original, reader) = self.original(&fixture);
            let found = match import(self.format, &original, &reader) {
                Ok(imported) => {
                    let yaml = imported.yaml();
                    let source = ConfigLocation::Text { text: yaml.clone(), file: "/frontgate.yaml".into() };
                    if let Err(problems) = config::load(source, [], &Overrides::default()) {
                        different.push(format!("{}: not accepted:\n{problems}\n{yaml}", fixture.display()));
                    }
                    vec![("frontgate.yaml", yaml), ("report.txt", imported.report.to_string())]
                }
                Err(error) => vec![("error.txt", format!("{error}\n"))],
            };
            for (name, text) in found {
                let file = fixture.join(name);
                if update {
                    fs::write(&file, &text).unwrap();
                }
                let expected = fs::read_to_string(&file).unwrap_or_default();
                if expected != text {
                    different.push(format!("{}:\n{text}\ninstead of\n{expected}", file.display()));
                }
            }
        }
        assert!(different.is_empty(), "{}", different.join("\n"));
    }
}

#[test]
fn nginx_configs_become_what_is_expected() {
    NGINX.matches_what_is_expected();
}

#[test]
fn apache_configs_become_what_is_expected() {
    APACHE.matches_what_is_expected();
}

#[test]
fn caddyfiles_become_what_is_expected() {
    CADDY.matches_what_is_expected();
}

/// Other proxies take times that frontgate refuses: none at all, and more than a year or two.
#[test]
fn times_that_are_too_short_or_too_long_become_some_that_are_taken() {
    let nginx = |lines: &str| {
        format!(
            "http {{ server {{ listen 80; server_name a.example.com; location / {{ {lines} proxy_pass http://127.0.0.1:18789; }} }} }}"
        )
    };
    let apache = |lines: &str| {
        format!(
            "<VirtualHost *:80>\nServerName a.example.com\n{lines}\nProxyPass / http://127.0.0.1:18789/\n</VirtualHost>\n"
        )
    };
    let caddy = |lines: &str| format!("a.example.com {{\n{lines}\n}}\n");
    let rows = [
        (ImportFormat::Nginx, nginx("add_header Strict-Transport-Security max-age=315360000;"), "hsts: 17520h"),
        (ImportFormat::Nginx, nginx("proxy_read_timeout 10y; proxy_connect_timeout 0;"), "read: 8760h"),
        (ImportFormat::Nginx, nginx("keepalive_timeout 0; client_header_timeout 0; send_timeout 0;"), "listen:"),
        (
            ImportFormat::Apache,
            apache("Header always set Strict-Transport-Security \"max-age=315360000\""),
            "hsts: 17520h",
        ),
        (
            ImportFormat::Apache,
            apache("KeepAliveTimeout 0\nProxyTimeout 0\nTimeout 0\nRequestReadTimeout header=0"),
            "listen:",
        ),
        (ImportFormat::Apache, apache("ProxyTimeout 315360000\nKeepAliveTimeout 315360000"), "read: 8760h"),
        (ImportFormat::Apache, apache("ProxyPass /a http://127.0.0.1:1/ connectiontimeout=0 timeout=0"), "listen:"),
        (
            ImportFormat::Caddy,
            caddy("header Strict-Transport-Security max-age=315360000\nreverse_proxy 127.0.0.1:18789"),
            "hsts: 17520h",
        ),
        (
            ImportFormat::Caddy,
            caddy("reverse_proxy 127.0.0.1:18789 {\ntransport http {\ndial_timeout 0\nread_timeout 10000d\n}\n}"),
            "read: 8760h",
        ),
        (
            ImportFormat::Caddy,
            "{\nservers {\ntimeouts {\nidle 0\nread_header 0\n}\n}\n}\n".to_owned()
                + &caddy("reverse_proxy 127.0.0.1:18789"),
            "listen:",
        ),
    ];
    let mut wrong = Vec::new();
    for (format, text, expected) in rows {
        let original = Original { name: "original".to_owned(), folder: "/".into(), text: text.clone() };
        let yaml = import(format, &original, &Disk).unwrap().yaml();
        let source = ConfigLocation::Text { text: yaml.clone(), file: "/frontgate.yaml".into() };
        if let Err(problems) = config::load(source, [], &Overrides::default()) {
            wrong.push(format!("{text}\n{yaml}\n{problems}"));
        } else if !yaml.contains(expected) {
            wrong.push(format!("{text}\n{yaml}\nhas no {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines on which a directive of nginx begins, found without the parser.
fn lines_of_nginx(text: &str) -> BTreeSet<usize> {
    let (mut lines, mut inside, mut code) = (BTreeSet::new(), false, 0_usize);
    for (number, line) in text.lines().enumerate() {
        let bare = line.trim();
        if code > 0 {
            // Lua: as deep as its braces, those in the fixture's strings and comments aside.
            code += usize::from(bare.ends_with('{'));
            code -= usize::from(bare == "}");
            continue;
        }
        if bare.is_empty() || bare.starts_with('#') || bare.starts_with('}') && !inside {
            continue;
        }
        if !inside {
            lines.insert(number + 1);
        }
        let words = bare.split(" #").next().unwrap_or_default().trim_end();
        inside = !words.ends_with([';', '{', '}']);
        code = usize::from(words.ends_with("_by_lua_block {"));
    }
    lines
}

/// The lines on which a directive of Apache begins, found without the parser.
fn lines_of_apache(text: &str) -> BTreeSet<usize> {
    let (mut lines, mut continued) = (BTreeSet::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let bare = line.trim();
        if !continued && !bare.is_empty() && !bare.starts_with('#') && !bare.starts_with("</") {
            lines.insert(number);
        }
        continued = bare.ends_with('\\');
    }
    lines
}

/// The lines of a Caddyfile that say something, found without the parser.
fn lines_of_caddy(text: &str) -> BTreeSet<usize> {
    let (mut lines, mut continued, mut marker) = (BTreeSet::new(), false, None);
    for (number, line) in (1..).zip(text.lines()) {
        let bare = line.trim();
        if let Some(end) = marker {
            if bare.starts_with(end) {
                marker = None;
            }
            continue;
        }
        if !continued && !bare.is_empty() && !bare.starts_with('#') && bare != "}" {
            lines.insert(number);
        }
        continued = bare.ends_with([',', '\\']);
        marker = bare.split_once("<<").map(|(_, end)| end);
    }
    lines
}

impl Program {
    /// Nothing is dropped in silence: the report speaks of every line, of every file that is not a fixture's own. There
    /// are more than `bound`.
    fn speaks_of(&self, lines: fn(&str) -> BTreeSet<usize>, bound: usize) {
        let mut count = 0;
        for fixture in self.fixtures() {
            let (original, reader) = self.original(&fixture);
            let Ok(imported) = import(self.format, &original, &reader) else { continue };
            for (file, text) in Self::files(&fixture, &original) {
                let notes = imported.report.notes().iter().filter(|note| *note.place.file == *file);
                let said: BTreeSet<usize> = notes.map(|note| note.place.line).collect();
                let lines = lines(&text);
                let silent: Vec<_> = lines.difference(&said).collect();
                assert!(silent.is_empty(), "{}: nothing is said of {file}, lines {silent:?}", fixture.display());
                count += lines.len();
            }
        }
        assert!(count > bound, "{count} lines");
    }

    /// The files of a fixture that make up the configuration, by their names, with their texts.
    fn files(fixture: &Path, original: &Original) -> Vec<(String, String)> {
        // What `nginx -T` prints is several files in one.
        if fixture.ends_with("dump") {
            let (main, second) = original.text.split_once("# configuration file /etc/nginx/conf.d/gw.conf:\n").unwrap();
            let main = main.split_once("# configuration file /etc/nginx/nginx.conf:\n").unwrap().1;
            return vec![("nginx.conf".to_owned(), main.to_owned()), ("conf.d/gw.conf".to_owned(), second.to_owned())];
        }
        let mut files = Vec::new();
        let mut folders = vec![fixture.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(fixture).unwrap().display().to_string();
                let is_data = name.ends_with("htpasswd") || ["conf/trusted.txt", "openclaw.json"].contains(&&*name);
                if path.is_dir() {
                    folders.push(path);
                } else if !is_data && !["frontgate.yaml", "report.txt"].contains(&&*name) {
                    files.push((name, fs::read_to_string(&path).unwrap()));
                }
            }
        }
        files
    }

    /// Whatever a file lacks at its end, it is translated or refused: no panic.
    fn survives_every_beginning(&self) {
        for fixture in self.fixtures() {
            let (original, reader) = self.original(&fixture);
            for (end, _) in original.text.match_indices(char::is_whitespace) {
                let text = original.text[..end].to_owned();
                if let Ok(imported) = import(self.format, &Original { text, ..original.clone() }, &reader) {
                    assert!(!imported.report.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn every_directive_of_nginx_is_in_the_report() {
    NGINX.speaks_of(lines_of_nginx, 300);
}

#[test]
fn every_directive_of_apache_is_in_the_report() {
    APACHE.speaks_of(lines_of_apache, 200);
}

#[test]
fn every_line_of_a_caddyfile_is_in_the_report() {
    CADDY.speaks_of(lines_of_caddy, 200);
}

#[test]
fn half_a_config_is_translated_or_refused() {
    NGINX.survives_every_beginning();
    APACHE.survives_every_beginning();
    CADDY.survives_every_beginning();
}

#[test]
fn the_command_writes_a_config_and_never_over_another() {
    let folder = TempDir::new().unwrap();
    let text = "server { listen 8080; location / { proxy_pass http://127.0.0.1:18790; } }\n";
    fs::write(folder.path().join("site.conf"), text).unwrap();
    let run = |args: &[&str]| frontgate_in(folder.path(), args, &[]);
    let ran = run(&["import", "nginx", "site.conf", "-o", "out.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains("site.conf:1: proxy_pass"), "{ran:?}");
    assert!(ran.stderr.ends_with("`frontgate check` accepts this config\n"), "{ran:?}");
    let written = fs::read_to_string(folder.path().join("out.yaml")).unwrap();
    assert_eq!(run(&["check", "-c", "out.yaml"]).code, 0);
    let again = run(&["import", "nginx", "site.conf", "-o", "out.yaml"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("--force"), "{again:?}");
    assert_eq!(run(&["import", "nginx", "site.conf", "-o", "out.yaml", "--force"]).code, 0);
    let printed = run(&["import", "nginx", "site.conf", "--json"]);
    assert_eq!((printed.code, printed.stdout), (0, written));
    let report: serde_json::Value = serde_json::from_str(&printed.stderr).unwrap();
    assert_eq!(report["accepted"], true);
    assert!(report["notes"].as_array().is_some_and(|notes| notes.len() > 5), "{report}");
}

#[test]
fn bad_syntax_and_missing_files_are_exit_code_2() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("bad.conf"), "server {\n  listen 80\n}\n").unwrap();
    let run = |args: &[&str]| frontgate_in(folder.path(), args, &[]);
    let bad = run(&["import", "nginx", "bad.conf"]);
    let expected = "error: bad.conf:3:1: `}`; expected `;` or `{` behind `listen` of line 2\n";
    assert_eq!((bad.code, bad.stdout.as_str(), bad.stderr.as_str()), (2, "", expected));
    assert_eq!(run(&["import", "nginx", "missing.conf"]).code, 2);
    assert_eq!(run(&["import", "lighttpd", "bad.conf"]).code, 2);
}
