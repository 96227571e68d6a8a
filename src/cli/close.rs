//! `frontgate close`: ends one WebSocket.

use std::fmt::Write as _;

use http::Method;

use super::admin_client::{AdminClient, AdminTarget};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which WebSocket to end, and which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate close 7q2hkx0v9c4m --reason 'see you after the move'")]
pub(super) struct CloseArgs {
    /// The id that `frontgate connections` shows; the log and X-Request-Id have it, too
    #[arg(value_name = "ID")]
    id: String,
    /// What its client reads, up to 123 bytes
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    target: AdminTarget,
}

pub(super) fn run(args: CloseArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let path = format!("/connections/{}?reason={}", encoded(&args.id), encoded(&args.reason));
    print(runtime()?.block_on(client.ask(Method::DELETE, &path))?.done()?)
}

/// Percent-encodes a part of a path or query (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_mean_something_is_encoded() {
        assert_eq!(encoded("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(encoded("50% & /?#+ €"), "50%25%20%26%20%2F%3F%23%2B%20%E2%82%AC");
    }
}
