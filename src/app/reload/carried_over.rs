//! The settings that a reload leaves as they are.

use crate::config::Config;

/// `wanted`, with the settings of `before` where only a restart can change them.
pub(super) fn carried_over(before: &Config, mut wanted: Config) -> Config {
    carry("admin", &before.admin, &mut wanted.admin);
    carry("state_dir", &before.state_dir, &mut wanted.state_dir);
    carry("cluster", &before.cluster, &mut wanted.cluster);
    carry("telemetry", &before.telemetry, &mut wanted.telemetry);
    carry("log.format", &before.log.format, &mut wanted.log.format);
    wanted
}

fn carry<T: Clone + PartialEq>(setting: &str, before: &T, wanted: &mut T) {
    if wanted != before {
        wanted.clone_from(before);
        tracing::warn!(setting, "this setting changes with the next start only");
    }
}
