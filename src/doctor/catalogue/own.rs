//! What can be wrong with frontgate itself and the machine that it runs on.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;

use super::super::finding::Finding;
use super::super::probe::PortHolder;
use super::{advice, broken};

/// No program listens at the admin address.
pub(in crate::doctor) fn not_running(admin: &str) -> Finding {
    broken(
        "frontgate_not_running",
        "frontgate does not run",
        format!("No process listens at {admin}, where a frontgate with this config would answer its operator."),
        vec![
            "Start it: frontgate, or: systemctl start frontgate".to_owned(),
            "If one runs with another config, say which: frontgate doctor -c FILE".to_owned(),
        ],
    )
}

/// The program at the admin address does not answer as a frontgate would.
pub(in crate::doctor) fn admin_unclear(admin: &str, why: &str) -> Finding {
    advice(
        "admin_unclear",
        format!("The admin listener at {admin} does not answer"),
        format!("Asked for its status: {why}. So what a running frontgate could tell is not known."),
        "Run doctor as frontgate's user; if another program listens there, give frontgate another `admin` address",
    )
}

/// frontgate finishes what is under way and accepts no new client.
pub(in crate::doctor) fn draining() -> Finding {
    let why = "It was told to stop: it finishes what is under way and lets no new clients in.";
    broken(
        "frontgate_draining",
        "frontgate is stopping",
        why,
        "Wait for it to end, and start it again: frontgate, or: systemctl start frontgate",
    )
}

/// frontgate says that clients should not come.
pub(in crate::doctor) fn not_ready() -> Finding {
    let why = "Its /readyz answers 503, so load balancers and Kubernetes send it no clients.";
    broken("frontgate_not_ready", "frontgate is not ready", why, "Look into its log")
}

/// Users cannot log in.
pub(in crate::doctor) fn issuer_unreachable(issuer: &str, why: &str) -> Finding {
    broken(
        "issuer_unreachable",
        format!("The issuer {issuer} cannot be asked for logins"),
        format!("Asked for its settings and keys as frontgate asks it: {why}. Users who have no login yet get a 502 page."),
        vec![
            "Try it from this machine:".to_owned(),
            format!("  curl -v {}/.well-known/openid-configuration", issuer.trim_end_matches('/')),
            "`issuer` must be letter by letter what the answer calls itself; a certificate of your own CA: auth.oidc.tls.ca"
                .to_owned(),
        ],
    )
}

/// The issuer's clock differs from this machine's.
pub(in crate::doctor) fn issuer_clock(issuer: &str, ahead: i64) -> Finding {
    let (seconds, how) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
    broken(
        "issuer_clock",
        "The clocks of the issuer and of this machine are apart",
        format!(
            "{issuer} is {seconds} s {how} this machine; more than 120 s, and frontgate takes its tokens for over or not begun yet."
        ),
        "Set the clock of the one that is wrong: timedatectl; it should say that the clock is synchronized",
    )
}

/// The issuer does not show its login page.
pub(in crate::doctor) fn issuer_refuses(issuer: &str, client: &str, redirect: &str, status: u16) -> Finding {
    broken(
        "issuer_refuses",
        format!("The issuer {issuer} refuses logins that come from {redirect}"),
        format!(
            "Sent there as a browser is, it answered {status} instead of its login page: most likely the redirect URI is not registered, or the client `{client}` is not."
        ),
        vec![
            format!("Register with the client `{client}` at the issuer, letter by letter, as redirect URI:"),
            format!("  {redirect}"),
            "Open the login in a browser: the issuer's page says what it lacks".to_owned(),
        ],
    )
}

/// frontgate did not take its changed configuration.
pub(in crate::doctor) fn reload_refused(why: &str) -> Finding {
    advice(
        "reload_refused",
        "frontgate still runs on its earlier config",
        format!("The last reload was refused: {}", why.trim_end()),
        "frontgate check says what is wrong; then: frontgate reload",
    )
}

/// frontgate runs on another file than the one that doctor looked at.
pub(in crate::doctor) fn other_config(runs: &str, looked: &str) -> Finding {
    advice(
        "other_config",
        "The frontgate that runs has another config than the one looked at",
        format!(
            "It says that it runs on {runs}; doctor looked at {looked}. If it is no frontgate of yours, another user's program is at the admin address."
        ),
        format!("frontgate doctor -c {runs}"),
    )
}

/// Another process listens on frontgate's port.
pub(in crate::doctor) fn port_taken(key: &str, address: SocketAddr, holder: Option<&PortHolder>) -> Finding {
    let by = holder.map_or_else(
        || "another process (root sees which: ss -ltnp)".to_owned(),
        |holder| format!("{} (process {})", plain(&holder.name), holder.pid),
    );
    broken(
        "port_taken",
        format!("{address} is taken by {by}"),
        format!("`{key}` asks for it, and a port has one owner."),
        format!("Stop that process, or choose another port for `{key}`"),
    )
}

/// frontgate may not listen on a port below 1024.
pub(in crate::doctor) fn port_forbidden(key: &str, address: SocketAddr) -> Finding {
    advice(
        "port_forbidden",
        format!("This user may not listen on {address}"),
        format!(
            "`{key}` asks for a port below 1024; the kernel leaves those to root and to processes with CAP_NET_BIND_SERVICE."
        ),
        vec![
            "Under systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE, or a socket unit".to_owned(),
            "For the binary: setcap cap_net_bind_service=+ep on it".to_owned(),
            format!(
                "Or a port from 1024 up for `{key}`, such as 8443. If frontgate runs as another user, doctor may be wrong here"
            ),
        ],
    )
}

/// The address belongs to another machine.
pub(in crate::doctor) fn no_such_address(key: &str, address: SocketAddr) -> Finding {
    broken(
        "no_such_address",
        format!("This machine has no address {}", address.ip()),
        format!("`{key}` asks for it, so frontgate does not start. `ip address` lists those that there are."),
        format!("For every address write \":{}\" in `{key}`", address.port()),
    )
}

/// frontgate runs, and its listener cannot be reached.
pub(in crate::doctor) fn unreachable(address: &str, why: &str) -> Finding {
    broken(
        "listener_unreachable",
        format!("frontgate runs, and {address} cannot be reached from this machine"),
        format!("A connection as a client makes it failed: {why}."),
        "Look into frontgate's log; a firewall on this machine may drop it",
    )
}

/// No route takes a name that the certificate has.
pub(in crate::doctor) fn no_route(name: &str) -> Finding {
    broken(
        "no_route",
        format!("No route takes requests for {name}"),
        "`routes` has none for this name and none for every host, so it gets 404 from frontgate.",
        vec!["In frontgate's config, under `routes`:".to_owned(), format!("  - {{ host: \"{name}\" }}")],
    )
}

/// The gateway would open a WebSocket and frontgate does not.
pub(in crate::doctor) fn refuses(address: &str, status: StatusCode) -> Finding {
    let fix = match status.as_u16() {
        403 => "Compare websocket.allowed_origins with what browsers open; look into frontgate's log",
        404 => "No route leads to the gateway: look at `routes`",
        503 => "It is full (limits.connections), or stopping: frontgate status",
        502 | 504 => {
            "frontgate's log says why it cannot reach the gateway; does it run on this machine and as a user with the right to?"
        }
        _ => "Look into frontgate's log",
    };
    broken(
        "frontgate_refuses",
        format!("Through {address} no WebSocket opens: status {}", status.as_u16()),
        "The gateway itself opens one when it is asked directly, so it is frontgate or what is before it.",
        fix,
    )
}

/// A WebSocket opens through frontgate, and the gateway's first frame does not arrive.
pub(in crate::doctor) fn swallows(address: &str, saw: &str) -> Finding {
    broken(
        "frontgate_swallows",
        format!("Through {address} a WebSocket opens and connect.challenge does not come"),
        format!("{saw}; asked directly, the gateway sends it."),
        "Look into frontgate's log: it says which side ended the WebSocket, and why",
    )
}

/// The gateway's first frame is late through frontgate only.
pub(in crate::doctor) fn slow(address: &str, through: Duration, direct: Duration) -> Finding {
    let (through, direct) = (through.as_millis(), direct.as_millis());
    broken(
        "frontgate_slow",
        format!("Through {address} connect.challenge takes {through} ms, directly {direct} ms"),
        "The Control UI waits 750 ms for it and then loops on 1008.",
        "The machine is too busy (top), or the way between frontgate and the gateway is too long",
    )
}

/// frontgate's own list of origins refuses the pages that it serves.
pub(in crate::doctor) fn own_origins(origin: &str) -> Finding {
    broken(
        "own_allowed_origins",
        format!("frontgate itself refuses WebSockets of pages from {origin}"),
        "websocket.allowed_origins does not name it, so they get 403 before the gateway is asked.",
        vec!["In frontgate's config:".to_owned(), format!("  websocket: {{ allowed_origins: [\"{origin}\"] }}")],
    )
}

/// The only forwarding header that the gateway gets is one that it never parses.
pub(in crate::doctor) fn no_x_forwarded() -> Finding {
    broken(
        "no_x_forwarded",
        "The gateway is not told which client it serves",
        "forwarded.headers has no x-forwarded. OpenClaw reads X-Forwarded-For only, and refuses clients with nothing but \
         Forwarded: 403 proxy_attribution_required.",
        vec!["In frontgate's config:".to_owned(), "  forwarded: { headers: [x-forwarded] }".to_owned()],
    )
}

/// Only clients on this machine can reach the listener, and the gateway refuses them.
pub(in crate::doctor) fn local_clients_refused(address: &str) -> Finding {
    broken(
        "local_clients_refused",
        format!("Clients that come to {address} are refused by the gateway"),
        "Only this machine can reach it, and forwarded.local_clients is `forwarded`: the gateway answers 403 to \
         X-Forwarded-For: 127.0.0.1.",
        vec![
            "For browsers on this machine, in frontgate's config:".to_owned(),
            "  forwarded: { local_clients: auto }".to_owned(),
            "Behind another proxy on this machine:".to_owned(),
            "  forwarded: { trusted_proxies: [127.0.0.1, \"::1\"] }".to_owned(),
        ],
    )
}

/// The limit of open files allows few connections.
pub(in crate::doctor) fn few_files(files: u64, carried: usize, wanted: Option<usize>) -> Finding {
    let wants = wanted.map_or_else(String::new, |wanted| format!(", and limits.connections asks for {wanted}"));
    advice(
        "few_files",
        format!("The limit of open files carries {carried} clients{wants}"),
        format!(
            "frontgate may have {files} files open, and a client needs two sockets. Further clients wait, or are refused."
        ),
        "systemd: LimitNOFILE=524288; containers: --ulimit nofile=524288; else: ulimit -Hn",
    )
}

/// The local ports allow fewer connections to the gateway than the configuration asks for.
pub(in crate::doctor) fn few_ports(ports: usize, wanted: usize, each: usize, local: bool) -> Finding {
    let (source, which) = if local {
        ("[127.0.0.2, 127.0.0.3]", "on one machine every address of 127.0.0.0/8 will do")
    } else {
        ("[FIRST, SECOND]", "addresses of this machine by which the gateway can answer")
    };
    advice(
        "few_ports",
        format!("The ports carry {ports} WebSockets, and limits.connections asks for {wanted}"),
        format!(
            "From one address there are {each} ports to one endpoint (net.ipv4.ip_local_port_range). Further clients get 503, and \
             frontgate_upstream_connect_failures says no_ports."
        ),
        vec![
            format!(
                "Dial from several addresses: upstreams: {{ gw: {{ endpoints: [...], source: {source} }} }}; {which}"
            ),
            "Let the gateway trust each of them: gateway.trustedProxies must list the addresses of `source`".to_owned(),
        ],
    )
}

/// The machine's clock shows a year that cannot be right.
pub(in crate::doctor) fn clock_wrong(shows: &str) -> Finding {
    broken(
        "clock_wrong",
        format!("This machine's clock is wrong: it shows {shows}"),
        "Certificates are judged and made by the clock: browsers refuse those of another year, and ACME fails.",
        "timedatectl set-ntp true, or: date -s \"2026-11-20 12:00\"; then restart frontgate",
    )
}

/// The name of another process, fit for a terminal.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(40).collect()
}
