//! Files: the examples, and those that cannot be read.

use std::fs;
use std::path::Path;

use super::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");

#[test]
fn every_example_loads() {
    let mut names = Vec::new();
    for entry in fs::read_dir(EXAMPLES).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "yaml") {
            let loaded = load(Source::File(path.clone()), [], &Overrides::default());
            let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
            let printed = loaded.config.to_string();
            // What is masked cannot be read again.
            let masked = path.ends_with("with-auth.yaml");
            assert_eq!(printed.contains("***"), masked, "{printed}");
            assert!(masked || parse(&printed) == Ok(loaded.config.clone()), "{printed}");
            // `printed` expects the mask.
            let again = crate::config::printed(&printed).map(|config| config.to_string());
            assert_eq!(again, Some(printed), "{}", path.display());
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    let expected = [
        "behind-a-proxy.yaml",
        "client-certificates.yaml",
        "full.yaml",
        "https-gateway.yaml",
        "lan.yaml",
        "minimal.yaml",
        "several-gateways.yaml",
        "sidecar.yaml",
        "vps-files.yaml",
        "vps.yaml",
        "with-auth.yaml",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_full_example_has_every_key_at_its_default() {
    let text = fs::read_to_string(Path::new(EXAMPLES).join("full.yaml")).unwrap();
    let root = yaml::parse(&text, &mut Vec::new()).unwrap();
    for entry in entries().into_iter().filter(|entry| !is_in_many(entry)) {
        assert!(root.find(&entry.path).is_some(), "{} is missing", entry.path);
    }
    assert_eq!(parse(&text), Ok(Config::default()));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = load(Source::File("/nowhere/f.yaml".into()), [], &Overrides::default()).unwrap_err();
    let expected = "/nowhere/f.yaml: cannot be read: No such file or directory (os error 2)\n    hint: the name was given with -c or in FRONTGATE_CONFIG";
    assert_eq!(missing.to_string(), expected);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        load(Source::File(path), [], &Overrides::default()).unwrap_err().to_string()
    };
    assert!(file("latin1.yaml", b"log: { redact: [\xe4] }").ends_with("hint: save the file as UTF-8"));
    assert!(file("large.yaml", &vec![b'#'; (1 << 20) + 1]).ends_with("cannot be read: larger than 1 MiB"));
    assert!(file("deep.yaml", "[".repeat(500).as_bytes()).contains("recursion limit exceeded"));
    let many = (0..300).map(|number| format!("k{number}: 1")).collect::<Vec<_>>().join("\n");
    assert!(file("many.yaml", many.as_bytes()).contains("more than 256 keys"));
}
