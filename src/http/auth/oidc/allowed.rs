//! Which users of an issuer may pass: pure.

use crate::config::AllowedUsers;
use crate::http::auth::session::contents::Session;

/// Whether any of the lists has this user. The address of a session is one that the issuer has verified.
pub(crate) fn is_allowed(users: &AllowedUsers, session: &Session) -> bool {
    let AllowedUsers { emails, domains, groups, subjects } = users;
    let email = session.email.as_deref().map(str::to_ascii_lowercase);
    let by_email = email.as_deref().is_some_and(|email| {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain);
        emails.iter().any(|own| own == email) || domain.is_some_and(|domain| domains.iter().any(|own| own == domain))
    });
    by_email
        || groups.iter().any(|group| session.groups.contains(group))
        || subjects.iter().any(|subject| subject == ANY || *subject == session.subject)
}

/// Every user of the issuer.
const ANY: &str = "*";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn a_user_passes_that_any_list_has_whole() {
        let none = AllowedUsers::default();
        let emails = AllowedUsers { emails: list(&["ann@example.com"]), ..none.clone() };
        let domains = AllowedUsers { domains: list(&["example.com"]), ..none.clone() };
        let groups = AllowedUsers { groups: list(&["staff"]), ..none.clone() };
        let subjects = AllowedUsers { subjects: list(&["1"]), ..none.clone() };
        let all = AllowedUsers { subjects: list(&["*"]), ..none.clone() };
        for (email, member, subject, passes) in [
            (Some("ann@example.com"), "x", "0", [true, true, false, false]),
            (Some("ANN@Example.COM"), "x", "0", [true, true, false, false]),
            (Some("bob@example.com"), "staff", "0", [false, true, true, false]),
            (Some("ann@example.com.evil"), "Staff", "11", [false, false, false, false]),
            (Some("ann@evil.example.com"), "staff2", "", [false, false, false, false]),
            (Some("example.com"), "", "*", [false, false, false, false]),
            (None, "staff", "1", [false, false, true, true]),
        ] {
            let session = Session {
                id: String::new(),
                subject: subject.to_owned(),
                email: email.map(str::to_owned),
                groups: list(&[member]),
                sid: None,
                begun: 0,
                ends: 1,
                renewed: None,
                renewable: false,
            };
            let found = [&emails, &domains, &groups, &subjects].map(|users| is_allowed(users, &session));
            assert_eq!(found, passes, "{session:?}");
            assert!(is_allowed(&all, &session) && !is_allowed(&none, &session));
        }
    }
}
