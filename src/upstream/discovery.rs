//! Names that stand for several gateways, which come and go: what the DNS has for them, asked again and again.
//!
//! One task for each name asks ([`watch_name`]); what serves clients reads what that found last and never waits for it. While the
//! DNS does not answer, or says that there is no such name, the last answer counts: gateways that were there are likelier to be
//! there still than to have gone with all others.

mod dns_client;
pub mod dns_message;
mod dns_socket;
mod found;
mod hosts_file;
mod lookup;
mod name_watch;
mod pace;
mod roster;
mod search_list;
mod system_files;

pub(crate) use found::FoundGateway;
pub(crate) use lookup::NameLookup;
pub(crate) use name_watch::{NameState, NameWatch, watch_name};
pub(crate) use roster::Roster;
