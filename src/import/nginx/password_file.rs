//! [`NginxPasswords`]: the users of a file of passwords.

/// The users of a file.
#[derive(Debug, Clone)]
pub(super) struct NginxPasswords {
    pub(super) users: Vec<(String, String)>,
    pub(super) lost: Vec<String>,
    pub(super) unread: Option<String>,
}
