//! Where the settings stand in the gateway's configuration that frontgate writes.

/// The addresses of proxies that the gateway believes.
pub(crate) const TRUSTED_PROXIES: &[&str] = &["gateway", "trustedProxies"];
/// The origins of pages that may connect.
pub(crate) const ALLOWED_ORIGINS: &[&str] = &["gateway", "controlUi", "allowedOrigins"];
/// What links of the gateway's lead to.
pub(crate) const PUBLIC_ORIGIN: &[&str] = &["gateway", "publicOrigin"];
/// What join links and setup codes lead to: 2026.9.6 does not take that from `publicOrigin`.
pub(crate) const PAIRING_URL: &[&str] = &["plugins", "entries", "device-pair", "config", "publicUrl"];
/// The path below which the Control UI is.
pub(crate) const BASE_PATH: &[&str] = &["gateway", "controlUi", "basePath"];
/// The origin of MCP Apps.
pub(crate) const SANDBOX_ORIGIN: &[&str] = &["mcp", "apps", "sandboxOrigin"];
/// The name below which portals are.
pub(crate) const PORTALS_DOMAIN: &[&str] = &["gateway", "portals", "ingress", "domain"];
/// The port of portals' own listener.
pub(crate) const PORTALS_PORT: &[&str] = &["gateway", "portals", "ingress", "port"];
