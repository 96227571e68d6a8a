//! The settings that a reload leaves as they are.

use crate::config::Config;

/// `wanted`, with the settings of `before` where only a restart can change them.
pub(super) fn carried_over(before: &Config, mut wanted: Config) -> Config {
    let mut said = Vec::new();
    if wanted.admin != before.admin {
        wanted.admin.clone_from(&before.admin);
        said.push("admin");
    }
    if wanted.state_dir != before.state_dir {
        wanted.state_dir.clone_from(&before.state_dir);
        said.push("state_dir");
    }
    if wanted.cluster != before.cluster {
        wanted.cluster.clone_from(&before.cluster);
        said.push("cluster");
    }
    if wanted.telemetry != before.telemetry {
        wanted.telemetry.clone_from(&before.telemetry);
        said.push("telemetry");
    }
    if wanted.log.format != before.log.format {
        wanted.log.format = before.log.format;
        said.push("log.format");
    }
    for setting in said {
        tracing::warn!(setting, "this setting changes with the next start only");
    }
    wanted
}
