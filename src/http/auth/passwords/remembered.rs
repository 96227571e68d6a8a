//! [`RememberedPasswords`]: the passwords that were found to be right.

use std::collections::HashMap;

use super::PasswordTag;

/// The passwords that were found to be right, and when each was asked for last.
#[derive(Debug, Default)]
pub(super) struct RememberedPasswords {
    asked: HashMap<PasswordTag, u64>,
    now: u64,
}

impl RememberedPasswords {
    pub(super) fn knows(&mut self, tag: &PasswordTag) -> bool {
        self.now += 1;
        let asked = self.asked.get_mut(tag);
        asked.map(|asked| *asked = self.now).is_some()
    }

    pub(super) fn learn(&mut self, tag: PasswordTag) {
        if self.asked.len() >= MOST_KNOWN
            && let Some(oldest) = self.asked.iter().min_by_key(|(_, asked)| **asked).map(|(tag, _)| *tag)
        {
            self.asked.remove(&oldest);
        }
        self.now += 1;
        self.asked.insert(tag, self.now);
    }
}

#[cfg(test)]
impl RememberedPasswords {
    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }
}

/// The most passwords that are remembered, one for each user with a page open; 40 bytes each.
const MOST_KNOWN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut right = RememberedPasswords::default();
        let tag = |number: usize| -> PasswordTag {
            let mut tag = [0; 32];
            tag[..8].copy_from_slice(&number.to_be_bytes());
            tag
        };
        (0..MOST_KNOWN).for_each(|number| right.learn(tag(number)));
        assert!(right.knows(&tag(0)));
        right.learn(tag(MOST_KNOWN));
        assert!(right.knows(&tag(0)) && !right.knows(&tag(1)) && right.knows(&tag(2)));
        assert_eq!(right.len(), MOST_KNOWN);
    }
}
