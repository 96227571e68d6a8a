//! Fills in the templates of the pages that frontgate serves itself.

/// `template` with every `{{name}}` replaced by what `value` writes for it; by nothing when it writes nothing. Values
/// are not looked at again, so that one can never be taken for a placeholder.
pub(in crate::http) fn fill(template: &str, mut value: impl FnMut(&str, &mut String)) -> String {
    let mut out = String::with_capacity(template.len() + 512);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        out.push_str(before);
        value(name, &mut out);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Writes `text` so that HTML shows it as it is.
pub(in crate::http) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}
