//! [`Macro`]: directives with parameters, of `mod_macro`.

use super::syntax::{ApacheDirective, ApacheWord};
use crate::import::ImportError;
use crate::import::bounds::Bounds;

/// A `<Macro>`.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    pub(super) parameters: Vec<String>,
    pub(super) body: Vec<ApacheDirective>,
}

impl Macro {
    /// Its directives with these values for its parameters.
    ///
    /// # Errors
    /// A limit is exceeded.
    pub(super) fn filled(&self, values: &[String], bounds: &mut Bounds) -> Result<Vec<ApacheDirective>, ImportError> {
        let names = self.parameters.iter().map(String::as_str);
        let mut pairs: Vec<(&str, &str)> = names.zip(values.iter().map(String::as_str)).collect();
        // `$hostname` is not `$host` and `name`.
        pairs.sort_by_key(|(parameter, _)| std::cmp::Reverse(parameter.len()));
        self.body.iter().map(|directive| filled(directive, &pairs, bounds)).collect()
    }
}

/// A directive with the values of the parameters.
fn filled(
    directive: &ApacheDirective,
    pairs: &[(&str, &str)],
    bounds: &mut Bounds,
) -> Result<ApacheDirective, ImportError> {
    let mut args = Vec::with_capacity(directive.args.len());
    for word in &directive.args {
        let mut text = word.text.clone();
        for (parameter, value) in pairs {
            text = bounds.filled(&word.place, &text, parameter, value)?;
        }
        args.push(ApacheWord { text, place: word.place.clone() });
    }
    let body = directive.body.as_ref().map(|body| body.iter().map(|inner| filled(inner, pairs, bounds)).collect());
    Ok(ApacheDirective { name: directive.name.clone(), args, body: body.transpose()? })
}
