use super::*;
use crate::import::bounds::DEEPEST_INCLUDE;
use crate::import::node::tests::shape;
use crate::import::reader::Memory;

fn expanded(text: &str, memory: &Memory) -> (String, Vec<String>) {
    let original = Original { name: "Caddyfile".into(), folder: "/etc/caddy".into(), text: text.to_owned() };
    let mut report = ImportReport::default();
    let shape = match CaddyExpander::new(&original, &mut Files::new(memory), &mut report).all() {
        Ok(expanded) => shape(&expanded.nodes),
        Err(error) => error.to_string(),
    };
    (shape, report.notes().iter().map(|note| format!("{} {}", note.place, note.directive)).collect())
}

#[test]
fn sites_snippets_and_variables() {
    let cases = [
        ("a.b\nreverse_proxy :1", "a.b(){reverse_proxy(:1)}"),
        ("{\n debug\n}\na.b, c.d {\n x\n}", "(){debug()} a.b,(c.d){x()}"),
        ("(s) {\n h {args[0]} {args.1}\n}\na.b {\n import s 1 2\n}", "a.b(){h(1,2)}"),
        ("(s) {\n r {\n  h {args[:]}\n }\n}\na.b {\n import s 1 2\n}", "a.b(){r(){h(1,2)}}"),
        ("(s) {\n r {\n {block}\n }\n}\na.b {\n import s {\n  x y\n }\n}", "a.b(){r(){x(y)}}"),
        ("a.b {\n r {$G:1.2.3.4:5 6.7.8.9:1} \"{$H:a b}\" {$I}\n}", "a.b(){r(1.2.3.4:5,6.7.8.9:1,a b,{$I})}"),
    ];
    for (text, expected) in cases {
        assert_eq!(expanded(text, &Memory::default()).0, expected, "{text}");
    }
}

#[test]
fn files_are_imported_from_beside_the_file_that_names_them() {
    let memory =
        Memory::of([("/etc/caddy/sites/a.caddy", "a.b {\n import ../common\n}"), ("/etc/caddy/common", "encode gzip")]);
    let (shape, notes) = expanded("import sites/*.caddy\nimport none/*\nimport gone", &memory);
    // What is missing stays where it shuts what stands behind it.
    assert_eq!(shape, "a.b(){import(../common)}");
    assert!(notes.contains(&"Caddyfile:3 import gone".to_owned()), "{notes:?}");
    let memory = Memory::of([
        ("/etc/caddy/sites/a.caddy", "a.b {\n import common\n}"),
        ("/etc/caddy/sites/common", "encode gzip"),
    ]);
    assert_eq!(expanded("import sites/*.caddy\nx.y {\n}", &memory).0, "a.b(){encode(gzip)} x.y(){}");
}

#[test]
fn what_never_ends_is_refused() {
    let (error, _) = expanded("(s) {\n import s\n import s\n}\na.b {\n import s\n}", &Memory::default());
    assert_eq!(error, "Caddyfile: imported 16 deep: does something import itself?");
    let one = |level: usize| format!("({level}) {{\n import {} {}\n}}\n", level + 1, "{args[0]}".repeat(50));
    let snippets: String = (0..9).map(one).collect();
    let (error, _) = expanded(&format!("{snippets}a.b {{\n import 0 a\n}}"), &Memory::default());
    assert_eq!(error, "Caddyfile: more than 8 MiB of values in the place of their names");
    let (error, _) = expanded("(s) {\n import s\n}\nimport s", &Memory::default());
    assert_eq!(error, "Caddyfile: imported 16 deep: does something import itself?");
    let memory = Memory::of([("/etc/caddy/a", "import a")]);
    for text in ["import a", "a.b {\n import a\n}"] {
        assert_eq!(expanded(text, &memory).0, "a: imported 16 deep: does something import itself?", "{text}");
    }
}

#[test]
fn files_and_snippets_are_imported_as_deep_as_one_another() {
    let file = |depth: usize| (PathBuf::from(format!("/etc/caddy/{depth}")), format!("import {}", depth + 1));
    let snippet = |depth: usize| format!("({depth}) {{\n import {}\n}}\n", depth + 1);
    for (deepest, holds) in [(DEEPEST_INCLUDE, true), (DEEPEST_INCLUDE + 1, false)] {
        let mut memory = Memory((1..deepest).map(file).collect());
        memory.0.insert(format!("/etc/caddy/{deepest}").into(), "x".to_owned());
        let innermost = format!("({deepest}) {{\n x\n}}\n");
        let snippets: String = (1..deepest).map(snippet).chain([innermost]).collect();
        for begin in ["", snippets.as_str()] {
            for (text, shape) in [("a.b {\n import 1\n}", "a.b(){x()}"), ("import 1\na.b {\n}", "x(){} a.b(){}")] {
                let found = expanded(&format!("{begin}{text}"), &memory).0;
                let refused = found.ends_with(": imported 16 deep: does something import itself?");
                assert_eq!(if refused { None } else { Some(found.as_str()) }, holds.then_some(shape), "{text}");
            }
        }
    }
}

#[test]
fn secrets_are_not_shown() {
    let lines = parse("header_up Authorization \"Bearer x\"\nann $2a$14$abc", &"a".into()).expect("right");
    let shown: Vec<String> = lines.iter().map(|line| shown(&line.tokens)).collect();
    assert_eq!(shown, ["header_up Authorization …", "ann …"]);
}
