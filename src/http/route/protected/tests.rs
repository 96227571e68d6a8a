use crate::http::route::protected::*;

fn fields(login: Login) -> ProtectedFields {
    let user = HeaderName::from_static("x_team_user");
    let strip = [HeaderName::from_static("x-webhook-owner"), HeaderName::from_static("q")];
    ProtectedFields::new([&user].into_iter(), &strip, login)
}

/// A name, and whether it passes: from any client, from a trusted proxy, and from one where the route has a login of
/// its own.
const ROWS: &[(&str, [bool; 3])] = &[
    // Rule 3, in any spelling.
    ("forwarded", [false, false, false]),
    ("x-forwarded-for", [false, false, false]),
    ("x_forwarded_for", [false, false, false]),
    ("x-forwarded_for", [false, false, false]),
    ("x-forwarded-proto", [false, false, false]),
    ("x-forwarded-host", [false, false, false]),
    ("x-forwarded-port", [false, false, false]),
    ("x-real-ip", [false, false, false]),
    ("x_real_ip", [false, false, false]),
    ("x-forwarded", [false, true, true]),
    ("x_forwarded", [false, true, true]),
    ("x-forwarded-prefix", [false, true, true]),
    ("x-forwarded-fort", [false, true, true]),
    ("x-client-ip", [false, true, true]),
    ("client-ip", [false, true, true]),
    ("client_ip", [false, true, true]),
    ("x-cluster-client-ip", [false, true, true]),
    ("x_cluster_client_ip", [false, true, true]),
    ("true-client-ip", [false, true, true]),
    ("cf-connecting-ip", [false, true, true]),
    ("cf_connecting_ipv6", [false, true, true]),
    ("via", [false, true, true]),
    ("fastly-client-ip", [false, true, true]),
    ("x-azure-clientip", [false, true, true]),
    ("x-original-forwarded-for", [false, true, true]),
    ("forwarded-for", [false, true, true]),
    ("fly-client-ip", [false, true, true]),
    ("x-azure-socketip", [false, true, true]),
    ("x-appengine-user-ip", [false, true, true]),
    ("x-envoy-external-address", [false, true, true]),
    ("x-originating-ip", [false, true, true]),
    ("x-proxyuser-ip", [false, true, true]),
    ("x-remote-ip", [false, true, true]),
    ("x-remote-addr", [false, true, true]),
    ("remote-addr", [false, true, true]),
    ("wl-proxy-client-ip", [false, true, true]),
    ("http-client-ip", [false, true, true]),
    ("http-x-forwarded-for", [false, true, true]),
    ("x-real-port", [false, true, true]),
    // Rule 9: the fields that frontgate sets.
    ("x-client-cert-subject", [false, false, false]),
    ("x_client_cert_fingerprint", [false, false, false]),
    ("x-client-cert-verify", [false, false, false]),
    ("x_team_user", [false, false, false]),
    ("x-team-user", [false, false, false]),
    ("x-team_user", [false, false, false]),
    // Rule 9: the fields that login services set.
    ("x-openclaw-scopes", [false, true, false]),
    ("x_openclaw_scopes", [false, true, false]),
    ("x-auth-request-user", [false, true, false]),
    ("x_auth_request_email", [false, true, false]),
    ("x-auth-request-anything", [false, true, false]),
    ("remote-user", [false, true, false]),
    ("remote_groups", [false, true, false]),
    ("remote-email", [false, true, false]),
    ("remote-name", [false, true, false]),
    ("x-webauth-user", [false, true, false]),
    ("cf-access-jwt-assertion", [false, true, false]),
    ("cf_access_authenticated_user_email", [false, true, false]),
    ("x-forwarded-user", [false, true, false]),
    ("x-forwarded-email", [false, true, false]),
    ("x-forwarded-groups", [false, true, false]),
    ("x-forwarded-preferred-username", [false, true, false]),
    ("x-forwarded-access-token", [false, true, false]),
    ("x-authentik-username", [false, true, false]),
    ("tailscale-user-login", [false, true, false]),
    // forwarded.strip.
    ("x-webhook-owner", [false, true, false]),
    ("x_webhook_owner", [false, true, false]),
    ("q", [false, true, false]),
    // Everything else.
    ("x-request-id", [true, true, true]),
    ("x-webhook-owners", [true, true, true]),
    ("x-team-users", [true, true, true]),
    ("x-client-cert", [true, true, true]),
    ("authorization", [true, true, true]),
    ("cookie", [true, true, true]),
    ("remote-username", [true, true, true]),
    ("referer", [true, true, true]),
    ("viaduct", [true, true, true]),
    ("v", [true, true, true]),
    ("x", [true, true, true]),
    ("qu", [true, true, true]),
    ("te", [true, true, true]),
];

#[test]
fn a_protected_field_passes_only_from_a_sender_that_is_believed() {
    for (name, expected) in ROWS {
        let name = HeaderName::from_static(name);
        let found = [
            fields(Login::Elsewhere).pass(&name, RequestSender::Client),
            fields(Login::Elsewhere).pass(&name, RequestSender::TrustedProxy),
            fields(Login::Here).pass(&name, RequestSender::TrustedProxy),
        ];
        assert_eq!(found, *expected, "{name}");
        assert_eq!(fields(Login::Here).pass(&name, RequestSender::Client), expected[0], "{name}");
    }
}

#[test]
fn a_name_that_is_always_ours_stays_so_where_it_is_to_be_stripped_too() {
    let user = HeaderName::from_static("x-user");
    let fields = ProtectedFields::new([&user].into_iter(), &[HeaderName::from_static("x_user")], Login::Elsewhere);
    assert!(!fields.pass(&user, RequestSender::TrustedProxy));
}

#[test]
fn what_only_proxies_write_is_evidence_of_one() {
    for name in [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded-anything",
        "x-real-ip",
        "x_real_port",
        "x-client-ip",
        "client-ip",
        "true-client-ip",
        "x-cluster-client-ip",
        "x_cluster_client_ip",
        "cf-connecting-ip",
        "cf-ray",
        "cf_ipcountry",
        "x-original-url",
        "x-original-for",
        "x-envoy-internal",
        "tailscale-user-login",
        "tailscale-headers-info",
        "x-azure-clientip",
        "x-azure-ref",
        "fly-client-ip",
        "fly-region",
        "cdn-loop",
        "x-proxyuser-ip",
        "x-client-cert-subject",
        "x-auth-request-user",
        "remote-user",
        "x-webauth-user",
        "x-amzn-trace-id",
        "x-nginx-proxy",
        "x-proxied-by-proxy",
        "http_client_ip",
        "x-remote-addr",
        "x-appengine-country",
        "x-arr-ssl",
        "x-scheme",
        "x-host",
        "front-end-https",
        // A part of the name is enough.
        "x-was-forwarded",
        "x-edge-client-ip",
        "x-edge-clientip",
        "x-edge-remote-ip",
        "x-edge-remote-addr",
        "forwarded-proto",
        "http-forwarded",
        "wl-proxy-ssl",
    ] {
        assert!(is_evidence(&HeaderName::from_static(name)), "{name}");
    }
    for name in [
        "accept",
        "x-openclaw-scopes",
        "x_openclaw_scopes",
        "x-requested-with",
        "user-agent",
        "x-client",
        "cfx",
        "proxy-connection",
    ] {
        assert!(!is_evidence(&HeaderName::from_static(name)), "{name}");
    }
}
