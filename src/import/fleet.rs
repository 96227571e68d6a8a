//! [`FleetConfig`]: what `openclaw fleet list --json` prints, as a configuration with a route for each tenant.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZero;

use serde::Deserialize;

/// The gateways of a fleet, and the names that lead to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetConfig {
    /// The port of each tenant's gateway on this machine.
    ports: BTreeMap<String, u16>,
    domain: String,
}

/// Why the list cannot be translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// It is not what `openclaw fleet list --json` prints.
    #[error("this is not what `openclaw fleet list --json` prints: {0}")]
    Shape(String),
    /// What it calls a tenant can be no part of a name.
    #[error("cells[{index}].tenant: {tenant:?} is no tenant of OpenClaw's: 1 to 40 of a-z, 0-9 and `-` inside")]
    Tenant {
        /// The place in the list, counted from 0.
        index: usize,
        /// The text in the list.
        tenant: String,
    },
    /// Two cells say the same.
    #[error("cells[{index}]: {what} is in the list twice")]
    Twice {
        /// The place of the second one.
        index: usize,
        /// What both say.
        what: String,
    },
    /// OpenClaw does not know whose container that is.
    #[error(
        "cells[{index}]: the state of {tenant} is unknown: Docker or Podman did not answer, or the container is not the one that OpenClaw made"
    )]
    Unknown {
        /// The place in the list, counted from 0.
        index: usize,
        /// The tenant.
        tenant: String,
    },
    /// Tenants cannot have names below that domain.
    #[error("{0:?} is no domain: write one such as teams.example.com")]
    Domain(String),
}

#[derive(Deserialize)]
struct List {
    cells: Vec<Cell>,
}

/// One tenant's gateway, as far as routes are about it.
#[derive(Deserialize)]
struct Cell {
    tenant: String,
    state: String,
    port: NonZero<u16>,
}

impl FleetConfig {
    /// Reads the list; each tenant gets its name below `domain`.
    ///
    /// # Errors
    /// The first thing that is not as it should be. Half a list is never translated.
    pub fn read(list: &str, domain: &str) -> Result<Self, FleetError> {
        let labels: Vec<&str> = domain.split('.').collect();
        if labels.len() < 2 || !labels.iter().all(|label| is_label(label, 63)) || domain.len() > LONGEST_DOMAIN {
            return Err(FleetError::Domain(domain.to_owned()));
        }
        let list: List = serde_json::from_str(list).map_err(|error| FleetError::Shape(error.to_string()))?;
        let mut ports = BTreeMap::new();
        for (index, Cell { tenant, state, port }) in list.cells.into_iter().enumerate() {
            if !is_label(&tenant, 40) {
                return Err(FleetError::Tenant { index, tenant });
            }
            if state == "unknown" {
                return Err(FleetError::Unknown { index, tenant });
            }
            if ports.values().any(|taken| *taken == port.get()) {
                return Err(FleetError::Twice { index, what: format!("port {port}") });
            }
            if ports.contains_key(&tenant) {
                return Err(FleetError::Twice { index, what: format!("tenant {tenant}") });
            }
            ports.insert(tenant, port.get());
        }
        Ok(Self { ports, domain: domain.to_owned() })
    }

    /// How many tenants there are.
    pub fn tenants(&self) -> usize {
        self.ports.len()
    }

    /// The configuration file: `base`, which has everything else, and the routes. Without a base the names of the
    /// certificate, too.
    pub fn yaml(&self, base: Option<&str>) -> String {
        let Self { ports, domain } = self;
        let mut text = format!("# Written by `frontgate import fleet`: changes here are lost.\n{}", base.unwrap_or(""));
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if base.is_none() {
            let names: Vec<_> = ports.keys().map(|tenant| format!("\"{tenant}.{domain}\"")).collect();
            let names = if names.is_empty() { format!("\"{domain}\"") } else { names.join(", ") };
            let _ = writeln!(text, "tls: {{ names: [{names}] }}");
        }
        text.push_str("routes:\n");
        for (tenant, port) in ports {
            let _ = writeln!(text, "  - {{ host: \"{tenant}.{domain}\", upstream: \"http://127.0.0.1:{port}\" }}");
        }
        // What no route takes is answered 404. Without any route all would go to the gateway at the default address.
        let _ = writeln!(text, "  - {{ host: \"{domain}\", respond: 404 }}");
        text
    }
}

/// Whether `text` is a label of a host name, in the letters that OpenClaw allows.
fn is_label(text: &str, longest: usize) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=longest).contains(&text.len()) && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// A name has 253 letters (RFC 1035 §2.3.4 without the outer bytes), of which a tenant and its dot may have 41.
const LONGEST_DOMAIN: usize = 212;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(cells: &[(&str, &str, &str)]) -> String {
        let cell = |(tenant, state, port): &(&str, &str, &str)| {
            format!(
                r#"{{"tenant":"{tenant}","state":"{state}","port":{port},"image":"ghcr.io/openclaw/openclaw:latest","created":"2026-11-30T10:00:00.000Z"}}"#
            )
        };
        format!(r#"{{"cells":[{}]}}"#, cells.iter().map(cell).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn every_tenant_has_its_name_and_its_port() {
        let text = list(&[("beta", "exited", "19101"), ("acme", "running", "19100")]);
        let fleet = FleetConfig::read(&text, "teams.example.com").unwrap();
        let routes = "\
routes:
  - { host: \"acme.teams.example.com\", upstream: \"http://127.0.0.1:19100\" }
  - { host: \"beta.teams.example.com\", upstream: \"http://127.0.0.1:19101\" }
  - { host: \"teams.example.com\", respond: 404 }
";
        let heading = "# Written by `frontgate import fleet`: changes here are lost.\n";
        let names = "tls: { names: [\"acme.teams.example.com\", \"beta.teams.example.com\"] }\n";
        assert_eq!(fleet.yaml(None), format!("{heading}{names}{routes}"));
        assert_eq!(fleet.yaml(Some("hold: 30s")), format!("{heading}hold: 30s\n{routes}"));
        assert_eq!(fleet.tenants(), 2);
    }

    #[test]
    fn a_fleet_without_tenants_lets_no_request_through() {
        let fleet = FleetConfig::read(r#"{"cells":[]}"#, "teams.example.com").unwrap();
        assert!(
            fleet.yaml(None).ends_with("routes:\n  - { host: \"teams.example.com\", respond: 404 }\n"),
            "{}",
            fleet.yaml(None)
        );
    }

    #[test]
    fn what_is_not_such_a_list_is_refused() {
        let shapes = ["", "[]", "{}", "null", "No fleet cells.\n", r#"{"cells":{}}"#, r#"{"cells":[{"tenant":"a"}]}"#];
        for text in shapes.map(str::to_owned).into_iter().chain([
            list(&[("acme", "running", "0")]),
            list(&[("acme", "running", "65536")]),
            list(&[("acme", "running", "\"19100\"")]),
            list(&[("acme", "running", "-1")]),
            format!("{}x", list(&[])),
        ]) {
            let found = FleetConfig::read(&text, "teams.example.com");
            assert!(matches!(found, Err(FleetError::Shape(_))), "{text}: {found:?}");
        }
        for tenant in ["", "Acme", "a.b", "a_b", "-a", "a-", "../acme", "*", &"a".repeat(41)] {
            let found = FleetConfig::read(&list(&[(tenant, "running", "1")]), "teams.example.com");
            assert!(matches!(found, Err(FleetError::Tenant { index: 0, .. })), "{tenant}: {found:?}");
        }
        let twice = [
            (("a", "running", "2"), "cells[1]: tenant a is in the list twice"),
            (("b", "running", "1"), "cells[1]: port 1 is in the list twice"),
        ];
        for (second, expected) in twice {
            let found = FleetConfig::read(&list(&[("a", "running", "1"), second]), "teams.example.com");
            assert_eq!(found.unwrap_err().to_string(), expected);
        }
        let found = FleetConfig::read(&list(&[("a", "unknown", "1")]), "teams.example.com");
        assert!(matches!(found, Err(FleetError::Unknown { index: 0, .. })), "{found:?}");
        for domain in ["", "localhost", "a..b", "Example.com", "*.example.com", "example.com:8443", "a.b\"]"] {
            assert_eq!(FleetConfig::read(&list(&[]), domain), Err(FleetError::Domain(domain.to_owned())));
        }
    }
}
