//! [`ClusterKeys`]: the names of a cluster's keys in Redis. Pure.

/// The names of a cluster's keys in Redis.
#[derive(Debug, Clone)]
pub(super) struct ClusterKeys(String);

impl ClusterKeys {
    /// The keys of the cluster of this name. In a Redis Cluster all of them are in one slot, so that one script may use
    /// several.
    pub(super) fn new(name: &str, in_one_slot: bool) -> Self {
        Self(if in_one_slot { format!("frontgate:{{{name}}}:") } else { format!("frontgate:{name}:") })
    }

    /// The key for this.
    pub(super) fn key(&self, what: &str) -> String {
        format!("{}{what}", self.0)
    }

    /// The key for this of one of many.
    pub(super) fn of(&self, what: &str, which: &str) -> String {
        format!("{}{what}:{which}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_name_of_the_cluster() {
        assert_eq!(ClusterKeys::new("prod", false).key("members"), "frontgate:prod:members");
        assert_eq!(ClusterKeys::new("prod", true).of("member", "a"), "frontgate:{prod}:member:a");
    }
}
