//! How much memory the process may use: its own control group's limit, and those of the groups around it, else the
//! machine's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::platform::machine;

/// How much memory the process may use, in bytes. Reads files: to be called at a start, not for a request.
pub(crate) fn find() -> u64 {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let permits = permits(&text("/proc/self/cgroup"), &text("/proc/self/mountinfo"));
    let machine = machine::memory();
    least(&permits, |path| fs::read_to_string(path).ok()).map_or(machine, |limit| limit.min(machine))
}

/// The lowest limit in any of `permits`. `max`, or a number that no machine has, is no limit.
fn least(permits: &[PathBuf], read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    permits.iter().filter_map(|path| read(path)?.trim().parse().ok()).filter(|limit| *limit > 0).min()
}

/// The files that may limit a process with this `/proc/self/cgroup` and `/proc/self/mountinfo`: of its group in either
/// version of control groups (cgroups(7)), and of each group around that, as far as they can be seen.
fn permits(groups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for mount in mounts.lines().filter_map(Mount::parse) {
        let group = groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let is_its =
                if mount.is_v2 { controllers.is_empty() } else { controllers.split(',').any(|it| it == "memory") };
            is_its.then_some(path)
        });
        let Some(group) = group else { continue };
        // In a container without a namespace for groups, the group's path is the host's and the mount begins at the
        // group.
        let inside = Path::new(group).strip_prefix(mount.root).unwrap_or(Path::new(""));
        let inside = if inside.components().any(|part| part.as_os_str() == "..") { Path::new("") } else { inside };
        let file = if mount.is_v2 { "memory.max" } else { "memory.limit_in_bytes" };
        let at = Path::new(mount.point).join(inside);
        files.extend(at.ancestors().take_while(|at| at.starts_with(mount.point)).map(|at| at.join(file)));
    }
    files
}

/// A place where control groups that limit memory are mounted.
struct Mount<'a> {
    is_v2: bool,
    /// The group that is mounted there.
    root: &'a str,
    point: &'a str,
}

impl<'a> Mount<'a> {
    /// Parses a line of `/proc/self/mountinfo` (proc(5)).
    fn parse(line: &'a str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let is_v2 = match filesystem.next()? {
            "cgroup2" => true,
            "cgroup" if filesystem.nth(1)?.split(',').any(|option| option == "memory") => false,
            _ => return None,
        };
        Some(Self { is_v2, root, point })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_limits_of_a_group_and_of_those_around_it_are_found() {
        let rows: &[(&str, &str, &[&str])] = &[
            // systemd, cgroups v2.
            (
                "0::/system.slice/frontgate.service\n",
                V2,
                &[
                    "/sys/fs/cgroup/system.slice/frontgate.service/memory.max",
                    "/sys/fs/cgroup/system.slice/memory.max",
                    "/sys/fs/cgroup/memory.max",
                ],
            ),
            // A container with a namespace of its own.
            ("0::/\n", V2, &["/sys/fs/cgroup/memory.max"]),
            // Entered from outside: what is above cannot be seen.
            ("0::/../other\n", V2, &["/sys/fs/cgroup/memory.max"]),
            // v1, beside a v2 without controllers.
            (
                "4:memory:/docker/1\n1:cpu:/x\n0::/\n",
                V1,
                &[
                    "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes",
                    "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                    "/sys/fs/cgroup/unified/memory.max",
                ],
            ),
            // A v1 container that sees the host's path, and its own group at the mount.
            (
                "4:cpu,memory:/docker/1\n",
                "9 8 0:3 /docker/1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,cpu,memory\n",
                &["/sys/fs/cgroup/memory/memory.limit_in_bytes"],
            ),
            ("", V2, &[]),
            ("0::/x\n", "", &[]),
            ("nonsense\n", "nonsense\n", &[]),
        ];
        for (groups, mounts, expected) in rows {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(permits(groups, mounts), expected, "{groups}");
        }
    }

    #[test]
    fn the_lowest_limit_counts_and_max_is_none() {
        let permits: Vec<PathBuf> = ["a", "b", "c", "d"].iter().map(PathBuf::from).collect();
        let rows: &[(&[&str], Option<u64>)] = &[
            (&["max\n", "67108864\n", "134217728\n"], Some(67_108_864)),
            (&["max\n"], None),
            (&["9223372036854771712\n", "1000\n"], Some(1000)),
            (&["", "rubbish", "0\n", "-5\n"], None),
            (&[], None),
        ];
        for (contents, expected) in rows {
            let read = |path: &Path| {
                let index = permits.iter().position(|place| place == path)?;
                contents.get(index).map(|text| (*text).to_owned())
            };
            assert_eq!(least(&permits, read), *expected, "{contents:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_may_use_some_memory_and_no_more_than_there_can_be() {
        assert!((1 << 20..1 << 50).contains(&find()), "{}", find());
    }
}
