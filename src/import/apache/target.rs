//! [`ApacheTarget`]: where a proxied request goes.

/// What a proxy is told to forward to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApacheTarget {
    /// The request goes to one server.
    Server {
        /// The server as `upstream` has it.
        upstream: String,
        /// The path behind the server, which may be empty.
        path: String,
        /// Whether only WebSockets were meant: `ws://`.
        is_websocket: bool,
    },
    /// The request goes to a group of servers.
    Balancer {
        /// The name of the group.
        name: String,
        /// The path behind the group, which may be empty.
        path: String,
    },
}

impl ApacheTarget {
    /// Reads `http://host:port/path`, `ws://…`, `balancer://name/path` and `unix:/path|http://host/`.
    ///
    /// # Errors
    /// Why frontgate cannot forward there.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        if let Some((socket, behind)) = url.strip_prefix("unix:").and_then(|rest| rest.split_once('|')) {
            return match Self::of(behind)? {
                Self::Server { path, is_websocket, .. } if socket.starts_with('/') => {
                    Ok(Self::Server { upstream: format!("unix:{socket}"), path, is_websocket })
                }
                _ => Err("a socket needs an absolute path".to_owned()),
            };
        }
        let Some((scheme, rest)) = url.split_once("://") else { return Err("it is no URL".to_owned()) };
        // `http://host$1` and `http://host%{REQUEST_URI}` have a host and a path, too.
        let (authority, path) = rest.split_at(rest.find(['/', '$', '%']).unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let path = path.to_owned();
        if scheme.eq_ignore_ascii_case("balancer") {
            return Ok(Self::Balancer { name: authority.to_lowercase(), path });
        }
        if authority.is_empty() || authority.contains(['$', '%', '{', ' ']) {
            return Err("its host is made of the request, and frontgate forwards to fixed gateways only".to_owned());
        }
        if !authority.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c)) {
            return Err("it has no host".to_owned());
        }
        let (secure, is_websocket) = match scheme.to_ascii_lowercase().as_str() {
            "http" | "h2c" => (false, false),
            "https" | "h2" => (true, false),
            "ws" => (false, true),
            "wss" => (true, true),
            other => return Err(format!("frontgate forwards HTTP, not {other}")),
        };
        let scheme = if secure { "https" } else { "http" };
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()));
        let port = if secure { 443 } else { 80 };
        let upstream =
            if has_port { format!("{scheme}://{authority}") } else { format!("{scheme}://{authority}:{port}") };
        Ok(Self::Server { upstream, path, is_websocket })
    }

    /// The path behind the host.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Server { path, .. } | Self::Balancer { path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_upstreams_and_paths() {
        for (url, expected) in [
            ("http://127.0.0.1:18789/", Some(("http://127.0.0.1:18789", "/", false))),
            ("ws://[::1]:18789", Some(("http://[::1]:18789", "", true))),
            ("wss://gw/ws", Some(("https://gw:443", "/ws", true))),
            ("http://[::1]/", Some(("http://[::1]:80", "/", false))),
            ("unix:/run/g.sock|http://localhost/claw/", Some(("unix:/run/g.sock", "/claw/", false))),
            ("http://gw:1%{REQUEST_URI}", Some(("http://gw:1", "%{REQUEST_URI}", false))),
            ("http://%{HTTP_HOST}/", None),
            ("fcgi://127.0.0.1:9000/var/www", None),
            ("/elsewhere", None),
        ] {
            let expected = expected.map(|(upstream, path, is_websocket)| ApacheTarget::Server {
                upstream: upstream.into(),
                path: path.into(),
                is_websocket,
            });
            assert_eq!(ApacheTarget::of(url).ok(), expected, "{url}");
        }
        let balancer = ApacheTarget::Balancer { name: "team".into(), path: "/a".into() };
        assert_eq!(ApacheTarget::of("balancer://Team/a"), Ok(balancer));
    }
}
