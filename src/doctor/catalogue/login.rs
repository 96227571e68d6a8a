//! What can be wrong with the logins of `auth`: at an issuer, at a login service, in a browser.

use super::super::finding::Finding;
use super::broken;

/// A login service says of no request whether it may pass.
pub(in crate::doctor) fn service_silent(url: &str, why: &str) -> Finding {
    broken(
        "login_service_silent",
        format!("The login service at {url} does not say who may pass"),
        format!("Asked about a request as frontgate asks it (auth.forward): {why}. Users get an error page instead of their login."),
        vec![
            "Start it, or correct `auth.forward.url`: its address, and the path that it has for such questions".to_owned(),
            "A certificate of your own CA: auth.forward.tls.ca. deploy/LOGIN-SERVICES.md has the URLs of the known services"
                .to_owned(),
        ],
    )
}

/// A login service lets in a request that shows no login.
pub(in crate::doctor) fn service_open(url: &str, status: u16) -> Finding {
    broken(
        "login_service_open",
        format!("The login service at {url} lets everybody in"),
        format!(
            "Asked about a request for the front page that shows no login (auth.forward), it answered {status}, which means that it may pass. \
             So everybody reaches the gateway, and as no user."
        ),
        vec![
            "Correct `auth.forward.url`: the path must be the one for such questions, not the service's own page".to_owned(),
            "Look into the service's rules: none may let this host in without a login. deploy/LOGIN-SERVICES.md has those of the known services"
                .to_owned(),
        ],
    )
}

/// The issuer does not take frontgate for its client.
pub(in crate::doctor) fn client_refused(issuer: &str, client: &str, has_secret: bool, said: &str) -> Finding {
    let (what, fix) = if has_secret {
        ("the secret is wrong", "Copy the client's secret from the issuer into the file of `auth.oidc.client_secret`")
    } else {
        (
            "it wants a secret, and frontgate has none",
            "Write the client's secret into `auth.oidc: { client_secret: { file: FILE } }`",
        )
    };
    broken(
        "issuer_refuses_client",
        format!("The issuer {issuer} does not take frontgate for its client `{client}`"),
        format!(
            "Given a code that it never made, it says {said} instead of invalid_grant: {what}, or it knows no such client. Each login ends with the page login_invalid."
        ),
        vec![
            format!("{fix}; one line, then: frontgate reload"),
            format!(
                "At the issuer the client `{client}` must be a confidential one, for client_secret_basic or client_secret_post"
            ),
        ],
    )
}

/// Browsers keep no cookie of a login.
pub(in crate::doctor) fn cookies_blocked(route: &str, address: &str) -> Finding {
    broken(
        "login_cookies_blocked",
        format!("Browsers keep no login for {route}"),
        format!(
            "Its login at an issuer is kept in cookies for https (`__Host-`, Secure), and it is reached only by {address}, in plain http and by no proxy that \
             frontgate trusts: each login ends with the page login_unfinished."
        ),
        vec![
            "Let browsers come by https, in frontgate's config:".to_owned(),
            "  listen: { https: [\":8443\"] }".to_owned(),
            "Or, where another proxy ends TLS, with that proxy's address:".to_owned(),
            "  forwarded: { trusted_proxies: [10.0.0.9] }".to_owned(),
        ],
    )
}

/// Connections to a gateway are to come from an address that is another machine's.
pub(in crate::doctor) fn source_elsewhere(key: &str, address: &str) -> Finding {
    broken(
        "source_not_here",
        format!("This machine has no address {address}, from which `{key}` lets frontgate connect"),
        "A connection can only come from an address of the machine's own: those from this one fail, and requests get 502 pages. `ip address` \
         lists the addresses that there are.",
        format!("Take {address} out of `{key}`, or give it to this machine: ip address add {address} dev DEVICE"),
    )
}
