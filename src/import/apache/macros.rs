//! [`Macro`]: directives with parameters, of `mod_macro`.

use super::syntax::{Directive, Word};

/// A `<Macro>`.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    pub(super) parameters: Vec<String>,
    pub(super) body: Vec<Directive>,
}

impl Macro {
    /// Its directives with these values for its parameters.
    pub(super) fn filled(&self, values: &[String]) -> Vec<Directive> {
        let names = self.parameters.iter().map(String::as_str);
        let mut pairs: Vec<(&str, &str)> = names.zip(values.iter().map(String::as_str)).collect();
        // `$hostname` is not `$host` and `name`.
        pairs.sort_by_key(|(parameter, _)| std::cmp::Reverse(parameter.len()));
        self.body.iter().map(|directive| filled(directive, &pairs)).collect()
    }
}

/// A directive of a macro with the values of its parameters.
fn filled(directive: &Directive, pairs: &[(&str, &str)]) -> Directive {
    let fill = |word: &Word| Word {
        text: pairs.iter().fold(word.text.clone(), |text, (parameter, value)| text.replace(parameter, value)),
        place: word.place.clone(),
    };
    Directive {
        name: directive.name.clone(),
        args: directive.args.iter().map(fill).collect(),
        body: directive.body.as_ref().map(|body| body.iter().map(|inner| filled(inner, pairs)).collect()),
    }
}
