//! [`Bounds`]: limits for the reading of a configuration in which a few lines stand for many.

use super::error::ImportError;
use super::place::ImportPlace;

/// How much was read so far, and how deep the includes are nested: with snippets, macros and files that include one
/// another, a few lines stand for any number of them.
pub(super) struct Bounds {
    /// The unit that is counted, such as "lines".
    unit: &'static str,
    count: usize,
    depth: usize,
    /// The bytes of all values that were put in the place of names.
    filled: usize,
}

impl Bounds {
    /// Bounds of which nothing is used yet.
    pub(super) fn of(unit: &'static str) -> Self {
        Self { unit, count: 0, depth: 0, filled: 0 }
    }

    /// Counts one more, at this place.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn count(&mut self, place: &ImportPlace) -> Result<(), ImportError> {
        self.count += 1;
        if self.count <= MOST {
            return Ok(());
        }
        let limit = format!("more than {MOST} {}", self.unit);
        Err(ImportError::TooMuch { file: place.file.to_string(), limit })
    }

    /// Goes one level deeper, at this place. `done` is the word for what was done there, such as "included"; `question`
    /// is what the error asks the operator when there are too many levels.
    ///
    /// # Errors
    /// There are too many levels.
    pub(super) fn enter(&mut self, place: &ImportPlace, done: &str, question: &str) -> Result<(), ImportError> {
        if self.depth == DEEPEST_INCLUDE {
            let limit = format!("{done} {DEEPEST_INCLUDE} deep: {question}");
            return Err(ImportError::TooMuch { file: place.file.to_string(), limit });
        }
        self.depth += 1;
        Ok(())
    }

    /// Counts `times` values of this length, at this place: values that are made of values double with each line.
    ///
    /// # Errors
    /// The values are too long together.
    pub(super) fn fill(&mut self, place: &ImportPlace, value: &str, times: usize) -> Result<(), ImportError> {
        // An empty word takes its room, too.
        let room = value.len() + size_of::<String>();
        self.filled = self.filled.saturating_add(room.saturating_mul(times));
        if self.filled <= MOST_FILLED {
            return Ok(());
        }
        let limit = format!("more than {} MiB of values in the place of their names", MOST_FILLED >> 20);
        Err(ImportError::TooMuch { file: place.file.to_string(), limit })
    }

    /// `text` with `value` for each `name` in it.
    ///
    /// # Errors
    /// What is put in is too long, see [`Bounds::fill`].
    pub(super) fn filled(
        &mut self,
        place: &ImportPlace,
        text: &str,
        name: &str,
        value: &str,
    ) -> Result<String, ImportError> {
        self.fill(place, value, text.matches(name).count())?;
        Ok(text.replace(name, value))
    }

    /// Goes back one level.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}

/// How deep files may include one another.
pub(super) const DEEPEST_INCLUDE: usize = 16;

/// How many directives or lines there may be; no configuration that people write has as many.
const MOST: usize = 50_000;

/// How many bytes the values may have together; those of a configuration that people write have fewer.
const MOST_FILLED: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_and_too_deep_are_refused() {
        let place = ImportPlace::start("f");
        let mut bounds = Bounds::of("lines");
        assert!((0..MOST).all(|_| bounds.count(&place).is_ok()));
        assert_eq!(bounds.count(&place).map_err(|error| error.to_string()), Err("f: more than 50000 lines".to_owned()));
        let mut enter = || bounds.enter(&place, "included", "why?").map_err(|error| error.to_string());
        assert!((0..DEEPEST_INCLUDE).all(|_| enter().is_ok()));
        assert_eq!(enter(), Err("f: included 16 deep: why?".to_owned()));
        bounds.leave();
        assert!(bounds.enter(&place, "included", "why?").is_ok());
    }

    #[test]
    fn too_much_is_not_made_of_little() {
        let place = ImportPlace::start("f");
        let mut bounds = Bounds::of("lines");
        let mut filled = |value: &str| bounds.filled(&place, "-a-a", "a", value).map_err(|error| error.to_string());
        assert_eq!(filled("b"), Ok("-b-b".to_owned()));
        let refused = filled(&"b".repeat(MOST_FILLED / 2));
        assert_eq!(refused, Err("f: more than 8 MiB of values in the place of their names".to_owned()));
    }
}
