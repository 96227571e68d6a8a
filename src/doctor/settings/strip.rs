//! [`strip()`]: fields are named in `forwarded.strip` of frontgate's own configuration, and everything else stays as it
//! is written.

use std::path::Path;

use crate::config::{Config, ConfigLocation, Overrides, load};

/// The text with `names` in `forwarded.strip`. Comments, order and spaces stay. `None`: it is not written so that this
/// could be done without touching anything else.
pub(crate) fn strip(text: &str, file: &Path, names: &[String]) -> Option<String> {
    let read = |text: &str| {
        let source = ConfigLocation::Text { text: text.to_owned(), file: file.to_owned() };
        load(source, [], &Overrides::default()).ok().map(|loaded| loaded.config)
    };
    let before = read(text)?;
    let has = |config: &Config, name: &String| config.forwarded.strip.iter().any(|field| field.as_str() == name);
    let fresh: Vec<&str> = names.iter().filter(|name| !has(&before, name)).map(String::as_str).collect();
    if fresh.is_empty() {
        return Some(text.to_owned());
    }
    let edited = edit(text, &fresh)?;
    // What was written is read again: nothing but the list may have changed.
    let mut after = read(&edited)?;
    let complete = names.iter().all(|name| has(&after, name));
    after.forwarded.strip.clone_from(&before.forwarded.strip);
    (complete && after == before).then_some(edited)
}

/// Finds the list line by line, in the shapes that people use, and leaves everything else untouched.
fn edit(text: &str, names: &[&str]) -> Option<String> {
    let list = names.join(", ");
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let keyed = |line: &str| line.strip_prefix("forwarded:").map(str::to_owned);
    let Some(index) = lines.iter().position(|line| keyed(line).is_some()) else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{text}{gap}forwarded: {{ strip: [{list}] }}\n"));
    };
    let rest = keyed(&lines[index])?;
    let bare = rest.trim_start();
    if let Some(inner) = bare.strip_prefix('{') {
        let at = lines[index].len() - inner.len();
        let (head, tail) = lines[index].split_at(at);
        let edited = match flow(tail, &list) {
            Some(edited) => edited,
            None if tail.trim_start().starts_with('}') => format!(" strip: [{list}] {}", tail.trim_start()),
            None => format!(" strip: [{list}],{}{tail}", if tail.starts_with(' ') { "" } else { " " }),
        };
        lines[index] = format!("{head}{edited}");
        return Some(lines.concat());
    }
    // A YAML block follows, or nothing at all.
    if !(bare.trim_end().is_empty() || bare.starts_with('#')) {
        return None;
    }
    let below =
        |line: &String| line.starts_with([' ', '\t']) || line.trim().is_empty() || line.trim_start().starts_with('#');
    let end = index + 1 + lines[index + 1..].iter().take_while(|line| below(line)).count();
    let is_key =
        |line: &&String| line.starts_with(' ') && !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let first = lines[index + 1..end].iter().find(is_key);
    let indent = first.map_or(2, |line| line.len() - line.trim_start_matches(' ').len());
    let indent = " ".repeat(indent);
    let key = format!("{indent}strip:");
    match lines[index + 1..end].iter().position(|line| line.starts_with(&key)) {
        None => {
            if !lines[index].ends_with('\n') {
                lines[index].push('\n');
            }
            lines.insert(index + 1, format!("{indent}strip: [{list}]\n"));
        }
        Some(offset) => {
            let at = index + 1 + offset;
            let edited = flow(&lines[at], &list);
            if let Some(edited) = edited {
                lines[at] = edited;
            } else {
                let item = lines.get(at + 1).filter(|line| line.trim_start().starts_with("- "))?;
                let indent = " ".repeat(item.len() - item.trim_start_matches(' ').len());
                let items: Vec<String> = names.iter().map(|name| format!("{indent}- {name}\n")).collect();
                let rest = lines.split_off(at + 1);
                lines.extend(items.into_iter().chain(rest));
            }
        }
    }
    Some(lines.concat())
}

/// `strip: […]` in a line, with more in it.
fn flow(line: &str, list: &str) -> Option<String> {
    let key = line.find("strip:")?;
    let open = key + line[key..].find('[')?;
    // Nothing but space may stand in between.
    if !line[key + "strip:".len()..open].trim().is_empty() {
        return None;
    }
    let (head, tail) = line.split_at(open + 1);
    let comma = if tail.trim_start().starts_with(']') { "" } else { ", " };
    Some(format!("{head}{list}{comma}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str, names: &[&str]) -> Option<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        strip(text, Path::new("/f.yaml"), &names)
    }

    #[test]
    fn the_field_is_named_and_everything_else_stays_to_the_byte() {
        let rows = [
            ("", "forwarded: { strip: [x-user] }\n"),
            ("# mine\nhold: 3s", "# mine\nhold: 3s\nforwarded: { strip: [x-user] }\n"),
            ("hold: 3s # short\n", "hold: 3s # short\nforwarded: { strip: [x-user] }\n"),
            (
                "forwarded: { local_clients: forwarded } # one\n",
                "forwarded: { strip: [x-user], local_clients: forwarded } # one\n",
            ),
            ("forwarded: {headers: [x-forwarded]}\n", "forwarded: { strip: [x-user], headers: [x-forwarded]}\n"),
            ("forwarded: {}\n", "forwarded: { strip: [x-user] }\n"),
            ("forwarded: { strip: [x-b] }\n", "forwarded: { strip: [x-user, x-b] }\n"),
            ("forwarded: { strip: [] }\n", "forwarded: { strip: [x-user] }\n"),
            (
                "forwarded: # whom\n    # first\n    local_clients: forwarded\nhold: 3s\n",
                "forwarded: # whom\n    strip: [x-user]\n    # first\n    local_clients: forwarded\nhold: 3s\n",
            ),
            ("forwarded:\n  strip: [x-b] # b\nhold: 3s\n", "forwarded:\n  strip: [x-user, x-b] # b\nhold: 3s\n"),
            (
                "forwarded:\n  strip:\n    - x-b # b\n  local_clients: auto\n",
                "forwarded:\n  strip:\n    - x-user\n    - x-b # b\n  local_clients: auto\n",
            ),
            ("forwarded:\n  strip:\n  - x-b\n", "forwarded:\n  strip:\n  - x-user\n  - x-b\n"),
            ("forwarded:\n", "forwarded:\n  strip: [x-user]\n"),
        ];
        for (before, after) in rows {
            assert_eq!(stripped(before, &["x-user"]).as_deref(), Some(after), "{before}");
            assert_eq!(stripped(after, &["x-user"]).as_deref(), Some(after), "a second time changes nothing: {before}");
        }
        let two = stripped("forwarded:\n  strip:\n    - x-b\n", &["x-a", "x-c"]);
        assert_eq!(two.as_deref(), Some("forwarded:\n  strip:\n    - x-a\n    - x-c\n    - x-b\n"));
        assert_eq!(
            stripped("forwarded: { strip: [X-User] }\n", &["x-user"]).as_deref(),
            Some("forwarded: { strip: [X-User] }\n")
        );
    }

    #[test]
    fn what_is_not_safe_to_change_is_left_alone() {
        for text in [
            "{ hold: 3s }\n",
            "\"forwarded\": { local_clients: forwarded }\n",
            "forwarded:\n  { local_clients: forwarded }\n",
            "forwarded: {\n  local_clients: forwarded }\n...\n",
            "hold: 3s\n...\n",
            "hold: [\n",
            "forwarded: { strip: [\n  x-b ] # strip: [\n}\nunknown: 1\n",
        ] {
            if let Some(edited) = stripped(text, &["x-user"]) {
                // Where an edit is made, the text loads with the field in its list.
                let source = ConfigLocation::Text { text: edited.clone(), file: "/f.yaml".into() };
                let read = load(source, [], &Overrides::default()).unwrap().config;
                assert_eq!(read.forwarded.strip, ["x-user"], "{edited}");
            }
        }
        assert_eq!(stripped("{ hold: 3s }\n", &["x-user"]), None);
        assert_eq!(stripped("unknown: 1\n", &["x-user"]), None);
    }
}
