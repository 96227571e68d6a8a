//! [`Flags`]: the settings of the command line that override the config.

use crate::config::Overrides;

use super::failure::CommandFailure;

/// What the command line lays over the config.
#[derive(Debug, Default, Clone, PartialEq, Eq, clap::Args)]
pub(super) struct Flags {
    #[arg(long, value_name = "URL", help = "The gateway: http://host:port, https://host:port or unix:/path")]
    upstream: Option<String>,
    /// An address for HTTPS, such as :8443 or 127.0.0.1:8443; repeatable
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// A DNS name or IP address the certificate is for; repeatable
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The address of /livez and /readyz, or off
    #[arg(long, value_name = "ADDR|off")]
    admin: Option<String>,
    /// Get a public certificate for the names, from Let's Encrypt unless the config says otherwise; listens on ports 443 and
    /// 80 of all addresses unless told otherwise
    #[arg(long)]
    acme: bool,
    /// Where the certificate authority may write to
    #[arg(long, value_name = "MAIL")]
    email: Option<String>,
}

impl Flags {
    /// These flags laid over those that came `before` the command's name.
    pub(super) fn after(self, before: Self) -> Result<Self, CommandFailure> {
        Ok(Self {
            upstream: one("--upstream", before.upstream, self.upstream)?,
            listen: [before.listen, self.listen].concat(),
            names: [before.names, self.names].concat(),
            admin: one("--admin", before.admin, self.admin)?,
            acme: before.acme || self.acme,
            email: one("--email", before.email, self.email)?,
        })
    }

    /// Whether they change what is served, and not only the address of the admin listener.
    pub(super) fn are_about_what_is_served(&self) -> bool {
        *self != Self { admin: self.admin.clone(), ..Self::default() }
    }
}

impl From<Flags> for Overrides {
    fn from(flags: Flags) -> Self {
        let Flags { upstream, listen, names, admin, acme, email } = flags;
        Self { upstream, listen, names, admin, acme, email }
    }
}

/// A flag that may be given once: before the command's name, or after.
pub(super) fn one<T>(flag: &str, before: Option<T>, after: Option<T>) -> Result<Option<T>, CommandFailure> {
    match (before, after) {
        (Some(_), Some(_)) => Err(CommandFailure::wrong(format!("{flag} is given twice"))),
        (before, after) => Ok(before.or(after)),
    }
}
