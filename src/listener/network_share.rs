//! [`NetworkShare`]: something that there is only so much of, and how much of it each network has.

use std::hash::Hash;

use super::network::{Network, NetworkTally};

/// Something that there is only so much of: what is used in all, and by each network.
///
/// A network may have as much as is left for others: one alone gets half of everything, two get a third each, and each further
/// one still finds some.
#[derive(Debug)]
pub(crate) struct NetworkShare<K = Network> {
    all: usize,
    networks: NetworkTally<K>,
}

impl<K: Copy + Eq + Hash> NetworkShare<K> {
    /// Whether `network` may have `more` of `most`: it then holds no more than what stays free for others. What it asks for first
    /// only has to fit.
    pub(crate) fn grants(&self, network: K, more: usize, most: usize) -> bool {
        let (has, left) = (self.networks.of(network), most.saturating_sub(self.all));
        more <= left && (has == 0 || has + more <= left - more)
    }

    /// `network` has so much more.
    pub(crate) fn add(&mut self, network: K, more: usize) {
        self.all += more;
        self.networks.add(network, more);
    }

    /// `network` has so much less.
    pub(crate) fn sub(&mut self, network: K, less: usize) {
        self.all -= less;
        self.networks.sub(network, less);
    }

    /// What is used in all.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.all
    }

    /// Whether no network has anything.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.all == 0 && self.networks.is_empty()
    }
}

impl<K> Default for NetworkShare<K> {
    fn default() -> Self {
        Self { all: 0, networks: NetworkTally::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much `network` gets of 1,000, by pieces of `piece`.
    fn fill(share: &mut NetworkShare<u8>, network: u8, piece: usize) -> usize {
        let mut got = 0;
        while share.grants(network, piece, 1000) {
            share.add(network, piece);
            got += piece;
        }
        got
    }

    #[test]
    fn one_gets_half_two_get_a_third_and_the_next_one_still_finds_some() {
        let mut share = NetworkShare::default();
        let got: Vec<_> = (0..4).map(|network| fill(&mut share, network, 10)).collect();
        assert_eq!(got, [500, 250, 120, 60]);
        share.sub(0, 170);
        assert_eq!((fill(&mut share, 1, 10), fill(&mut share, 0, 10)), (0, 0), "they have more than is left");
        assert!(share.grants(9, 240, 1000), "the first");
        assert!(!share.grants(9, 241, 1000), "there is no more");
        for (network, all) in [(0, 330), (1, 250), (2, 120), (3, 60)] {
            share.sub(network, all);
        }
        assert!(share.is_empty());
    }
}
