//! [`StartScreen`]: what a person at a terminal reads when frontgate has started: where to go, how things are, and the one
//! thing that is still to be done.

mod addresses;
mod qr;

use std::fmt::Write as _;

use crate::observe::{Colour, Paint};

pub(super) use addresses::{Addresses, addresses};

/// What is said at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StartScreen {
    /// The file of the configuration, if there is one.
    pub(super) config: Option<String>,
    pub(super) addresses: Addresses,
    /// The gateway's address, or those of several.
    pub(super) gateway: String,
    pub(super) state: GatewayState,
    /// The certificate that is shown, in words; `None` without TLS.
    pub(super) certificate: Option<String>,
    /// Whether frontgate's own CA signed it, which browsers must be told to trust.
    pub(super) is_local: bool,
}

/// What the gateway says to frontgate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GatewayState {
    /// It is there and lets clients in.
    Good,
    /// Clients cannot connect: what is wrong, and what to do.
    Broken { what: String, fix: String },
    /// It did not answer in time.
    Unknown,
}

impl StartScreen {
    /// The screen in the colours of `paint`, for a terminal of so many columns and rows.
    pub(super) fn text(&self, paint: Paint, (columns, rows): (u16, u16)) -> String {
        let mut out = format!(
            "\n  {}  {}\n\n",
            paint.text(Colour::Strong, concat!("frontgate ", env!("CARGO_PKG_VERSION"))),
            paint.text(Colour::Faint, self.config.as_deref().unwrap_or("without a config file")),
        );
        for (index, url) in self.addresses.urls.iter().enumerate() {
            let head = if index == 0 { "Open" } else { "" };
            line(&mut out, paint, head, &paint.text(Colour::Hint, url));
        }
        let (colour, said) = match &self.state {
            GatewayState::Good => (Colour::Good, "is there and lets frontgate in"),
            GatewayState::Broken { what, .. } => (Colour::Bad, what.as_str()),
            GatewayState::Unknown => (Colour::Warn, "has not answered yet"),
        };
        line(&mut out, paint, "Gateway", &format!("{}  {}", self.gateway, paint.text(colour, said)));
        if let Some(certificate) = &self.certificate {
            line(&mut out, paint, "TLS", certificate);
        }
        let to_do = match &self.state {
            GatewayState::Broken { fix, .. } => Some(fix.as_str()),
            GatewayState::Unknown => Some("frontgate doctor  says why the gateway does not answer"),
            GatewayState::Good if self.is_local => Some("frontgate trust  if your browser warns of the certificate"),
            GatewayState::Good => None,
        };
        if let Some(to_do) = to_do {
            line(&mut out, paint, "To do", &paint.text(Colour::Warn, to_do));
        }
        if let Some(code) = self.addresses.for_phone.as_deref().and_then(|url| qr::text(url, paint))
            && fits(&code, columns, rows, out.lines().count())
        {
            let _ = write!(out, "\n{code}");
        }
        out.push_str("\n  Ctrl-C ends it.\n\n");
        out
    }
}

fn line(out: &mut String, paint: Paint, head: &str, text: &str) {
    let head = format!("{head:<9}");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {}{text}", paint.text(Colour::Faint, &head));
}

/// Whether the code is seen whole with the `other` lines around it.
fn fits(code: &str, columns: u16, rows: u16, other: usize) -> bool {
    let height = code.lines().count() + other + LINES_BEHIND;
    height <= rows.into() && qr::width(code) < columns.into()
}

const LINES_BEHIND: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(state: GatewayState) -> StartScreen {
        StartScreen {
            config: Some("./frontgate.yaml".to_owned()),
            addresses: Addresses {
                urls: vec!["https://gw.lan:8443/".to_owned(), "https://192.168.1.7:8443/".to_owned()],
                for_phone: Some("https://gw.lan:8443/".to_owned()),
            },
            gateway: "http://127.0.0.1:18789".to_owned(),
            state,
            certificate: Some("frontgate's own CA".to_owned()),
            is_local: true,
        }
    }

    #[test]
    fn it_says_where_to_go_how_things_are_and_what_to_do() {
        let text = screen(GatewayState::Good).text(Paint::off(), (40, 10));
        let expected = concat!(
            "\n  frontgate ",
            env!("CARGO_PKG_VERSION"),
            "  ./frontgate.yaml\n\n",
            "  Open     https://gw.lan:8443/\n",
            "           https://192.168.1.7:8443/\n",
            "  Gateway  http://127.0.0.1:18789  is there and lets frontgate in\n",
            "  TLS      frontgate's own CA\n",
            "  To do    frontgate trust  if your browser warns of the certificate\n",
            "\n  Ctrl-C ends it.\n\n",
        );
        assert_eq!(text, expected);
        let broken = GatewayState::Broken { what: "is not running".to_owned(), fix: "openclaw gateway".to_owned() };
        let text = screen(broken).text(Paint::off(), (40, 10));
        assert!(
            text.contains("http://127.0.0.1:18789  is not running\n") && text.contains("To do    openclaw gateway\n")
        );
    }

    #[test]
    fn a_code_for_phones_is_shown_where_it_fits() {
        let lines = |size| screen(GatewayState::Good).text(Paint::off(), size).lines().count();
        assert!(lines((100, 60)) > lines((100, 20)) + 10);
        assert_eq!(lines((20, 60)), lines((100, 20)));
        assert!(
            screen(GatewayState::Good).text(Paint::on(), (100, 60)).contains("\x1b[36mhttps://gw.lan:8443/\x1b[0m")
        );
    }
}
