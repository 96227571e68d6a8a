use super::super::syntax::tests::node;
use super::*;

fn shown(text: &str) -> String {
    let node = node(&format!("<RequireAny>\n{text}\n</RequireAny>"));
    let all: Vec<Requirement> = node.inner().iter().filter_map(Requirement::of).collect();
    let groups = |name: &str| (name == "admins").then(|| vec!["ann".to_owned()]);
    match Requirement::cases(&all, &Facts::default(), &groups) {
        Err((origin, why)) => format!("{}: {why}", origin.shown),
        Ok(cases) => cases.iter().map(case).collect::<Vec<_>>().join("; "),
    }
}

fn case(case: &AccessCase) -> String {
    let one = |one: &DraftMatch| {
        let nets = |one: &DraftMatch| one.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let not: Vec<String> = one.not.iter().map(|set| format!("!{}", nets(set) + &set.methods.join(","))).collect();
        nets(one) + &one.methods.join(",") + &not.concat()
    };
    let when = case.when.alternatives().iter().map(one).collect::<Vec<_>>().join("|");
    let verdict = match &case.verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Refuse => "refuse".to_owned(),
        Verdict::Neutral => "neutral".to_owned(),
        Verdict::Users(None) => "users".to_owned(),
        Verdict::Users(Some(names)) => names.join("+"),
    };
    format!("{when}{}{verdict}", if when.is_empty() { "" } else { " " })
}

#[test]
fn requirements_are_cases_in_order() {
    let (ip, other) = ("Require ip 10.0.0.0/8", "Require ip 192.0.2.0/24");
    for (text, expected) in [
        ("Require all granted".to_owned(), "pass"),
        ("Require all denied".to_owned(), "refuse"),
        (ip.to_owned(), "10.0.0.0/8 pass; refuse"),
        (format!("{ip}\n{other}"), "10.0.0.0/8,192.0.2.0/24 pass; refuse"),
        (format!("Require valid-user\n{ip}"), "10.0.0.0/8 pass; users"),
        (format!("<RequireAll>\nRequire user a b\n{ip}\n</RequireAll>"), "10.0.0.0/8 a+b; refuse"),
        ("Require user a\nRequire group admins".to_owned(), "a+ann"),
        (
            format!("<RequireAll>\nRequire all granted\n{}\n</RequireAll>", "Require not ip 10"),
            "10.0.0.0/8 refuse; pass",
        ),
        (
            format!("<RequireAll>\nRequire all granted\n<RequireNone>\n{ip}\n</RequireNone>\n</RequireAll>"),
            "10.0.0.0/8 refuse; pass",
        ),
        ("Require method GET".to_owned(), "GET,HEAD pass; refuse"),
        ("Require group others".to_owned(), "Require group others: the members of the group are not known"),
        ("Require host example.com".to_owned(), "Require host example.com: frontgate cannot ask for this"),
        ("Require not local".to_owned(), "Require not local: frontgate cannot ask for this"),
    ] {
        assert_eq!(shown(&text), expected, "{text}");
    }
}
