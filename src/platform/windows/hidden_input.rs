//! [`HiddenInput`]: a console that would not show what is typed; there is none.

use std::io;

/// Keeps the console from showing what is typed.
pub(crate) enum HiddenInput {}

impl HiddenInput {
    /// # Errors
    /// Always.
    pub(crate) fn begin() -> io::Result<Self> {
        let message =
            "on Windows what is typed would be shown: give it through a pipe, such as `Get-Content FILE | frontgate …`";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}
