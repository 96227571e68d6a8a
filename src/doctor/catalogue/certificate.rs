//! What can be wrong with the certificate that clients are shown.

use super::super::finding::Finding;
use super::{advice, broken};

/// The TLS handshake for `name` fails.
pub(in crate::doctor) fn none(name: &str, place: &str) -> Finding {
    broken(
        "tls_no_handshake",
        format!("{place} shows no certificate for {name}"),
        "The TLS handshake fails, so browsers show an error page of their own.",
        "Look into frontgate's log; does something else listen there?",
    )
}

/// The certificate's files cannot be read.
pub(in crate::doctor) fn unreadable(why: &str) -> Finding {
    broken(
        "tls_unreadable",
        "The certificate cannot be read",
        format!("{why}."),
        "frontgate check names the setting; correct the file or its mode",
    )
}

/// The certificate is for another name.
pub(in crate::doctor) fn name(name: &str, place: &str, has: &str, local: bool) -> Finding {
    let fix = if local {
        vec![
            format!("Is {name} in tls.names of the config that frontgate runs on? Then restart frontgate; its log says why a name is left out"),
            "A new name may need a new local CA: delete ca.key and ca.pem in the state folder, restart, frontgate trust".to_owned(),
        ]
    } else {
        vec![format!("Get a certificate that names {name}, or take it out of tls.names if no client uses it")]
    };
    let why = format!("Browsers refuse it with ERR_CERT_COMMON_NAME_INVALID. It is for: {has}.");
    broken("tls_name", format!("The certificate of {place} is not for {name}"), why, fix)
}

/// The certificate has expired.
pub(in crate::doctor) fn expired(place: &str, since: &str, renews: bool) -> Finding {
    let fix = if renews {
        "frontgate renews it by itself: its log says what keeps it from that; restart it if it does not run"
    } else {
        "Renew it and put the files where they are: frontgate takes them over by itself"
    };
    broken(
        "tls_expired",
        format!("The certificate of {place} expired on {since}"),
        "Browsers refuse it with ERR_CERT_DATE_INVALID.",
        fix,
    )
}

/// The certificate is not valid yet.
pub(in crate::doctor) fn not_yet(place: &str, from: &str) -> Finding {
    broken(
        "tls_not_yet",
        format!("The certificate of {place} is valid from {from} on, and this machine's clock is before that"),
        "Browsers refuse it with ERR_CERT_DATE_INVALID; or this machine's clock is wrong.",
        "Compare the clock (date -u) with a watch, and set it: timedatectl set-ntp true",
    )
}

/// The certificate expires soon.
pub(in crate::doctor) fn expires_soon(place: &str, days: i64, renews: bool) -> Finding {
    let (why, fix) = if renews {
        ("frontgate should have renewed it long since.", "Its log says what keeps it from that")
    } else {
        (
            "Nothing here renews it: it comes from files.",
            "Renew it and put the files where they are: frontgate takes them over by itself",
        )
    };
    let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    advice("tls_expires_soon", format!("The certificate of {place} has {days} left"), why, fix)
}

/// The server does not send an intermediate certificate.
pub(in crate::doctor) fn chain(place: &str, issuer: &str) -> Finding {
    broken(
        "tls_chain",
        format!("{place} does not show the whole chain of its certificate"),
        format!(
            "It was signed by {issuer}, whose certificate is not sent along. Some browsers find it by themselves; phones, apps and curl refuse."
        ),
        "Let tls.certificate.cert be the full chain (certbot: fullchain.pem): the server's certificate first, then its issuer's",
    )
}

/// The certificate is signed by itself, so no client trusts it without being told to.
pub(in crate::doctor) fn self_signed(place: &str) -> Finding {
    advice(
        "tls_self_signed",
        format!("The certificate of {place} is signed by itself"),
        "Every browser warns of it, and devices trust it only by hand. Apps that pin its fingerprint do not mind.",
        "Leave tls.certificate out: frontgate's own CA is trusted once (frontgate trust) and its certificates are renewed",
    )
}

/// This system does not accept the certificate.
pub(in crate::doctor) fn untrusted(place: &str, why: &str) -> Finding {
    advice(
        "tls_untrusted",
        format!("This machine does not trust the certificate of {place}"),
        format!("{why}. Clients that have its CA do."),
        "Nothing to do if your clients have the CA that signed it; to have it checked here, add that to this system's store",
    )
}

/// The public certificate has not been obtained yet.
pub(in crate::doctor) fn acme_waiting(place: &str) -> Finding {
    broken(
        "acme_waiting",
        format!("{place} has no public certificate yet"),
        "tls.certificate is acme, and what is shown is from frontgate's own CA until the public one has come. Browsers warn of it.",
        "frontgate's log says what keeps it: as a rule the name leads elsewhere (DNS), or ports 443 and 80 are not reached from outside",
    )
}
