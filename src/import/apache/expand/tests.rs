use super::*;
use crate::import::node::tests::shape;
use crate::import::reader::Memory;

/// The nodes on one line, and what the report says.
fn expanded(text: &str, memory: &Memory) -> (String, Vec<String>) {
    let original = Original { name: "a.conf".into(), folder: "/etc/apache2/sites".into(), text: text.to_owned() };
    let mut report = ImportReport::default();
    let nodes = ApacheExpander::new(&original, &mut Files::new(memory), &mut report).all();
    let shape = match nodes {
        Ok((nodes, _)) => shape(&nodes),
        Err(error) => error.to_string(),
    };
    (shape, report.notes().iter().map(|note| format!("{} {}", note.place, note.directive)).collect())
}

#[test]
fn conditions_variables_and_macros_are_resolved() {
    let cases = [
        ("Define A b\nListen ${A}:${C} ${APACHE_LOG_DIR}", "listen(b:${C},${APACHE_LOG_DIR})"),
        ("<IfModule ssl>\nA\n</IfModule>\n<IfModule !ssl>\nB\n</IfModule>", "a()"),
        ("Define X\n<IfDefine X>\nA\n</IfDefine>\n<IfDefine !X>\nB\n</IfDefine>\n<IfDefine Y>\nC\n</IfDefine>", "a()"),
        ("<IfVersion >= 2.4>\nA\n</IfVersion>\n<IfVersion < 2.4>\nB\n</IfVersion>", "a()"),
        ("<Macro M $h $host>\nA $host $h\n<B>\n</B>\n</Macro>\nUse M 1 2\nUse N", "a(2,1) b(){} use(N)"),
        ("<VirtualHost *:80>\nA\n</VirtualHost>", "virtualhost(*:80){a()}"),
    ];
    for (text, expected) in cases {
        assert_eq!(expanded(text, &Memory::default()).0, expected, "{text}");
    }
}

#[test]
fn files_are_included_where_they_are_named_and_looked_for_around_the_first() {
    let memory = Memory::of([
        ("/etc/apache2/conf/b.conf", "B\nInclude sites/c.conf"),
        ("/etc/apache2/conf/a.conf", "A"),
        ("/etc/apache2/sites/c.conf", "C"),
    ]);
    let text = "Include conf/*.conf\nIncludeOptional none/*.conf\nInclude gone.conf\nInclude conf";
    let (shape, notes) = expanded(text, &memory);
    assert_eq!(shape, "a() b() c() include(gone.conf) a() b() c()");
    assert!(notes.contains(&"/etc/apache2/conf/b.conf:2 Include sites/c.conf".to_owned()), "{notes:?}");
}

#[test]
fn what_never_ends_is_refused() {
    let memory = Memory::of([("/etc/apache2/sites/a.conf", "Include a.conf")]);
    assert_eq!(expanded("Include a.conf", &memory).0, "a.conf: included 16 deep: does a file include itself?");
    let define = format!("Define X a\n{}", "Define X ${X}${X}\n".repeat(40));
    let error = "a.conf: more than 8 MiB of values in the place of their names";
    assert_eq!(expanded(&define, &Memory::default()).0, error);
    let one = |level: usize| format!("<Macro M{level} $a>\nUse M{} {}\n</Macro>\n", level + 1, "$a".repeat(50));
    let macros: String = (0..9).map(one).collect();
    assert_eq!(expanded(&format!("{macros}Use M0 a"), &Memory::default()).0, error);
    let doubling = "<Macro M>\nUse M\nUse M\n</Macro>\nUse M";
    assert_eq!(expanded(doubling, &Memory::default()).0, "a.conf: macros used 16 deep: does one use itself?");
}
