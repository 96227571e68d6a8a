//! [`SetupArgs`]: the flags of `frontgate openclaw setup`.

use std::path::PathBuf;

/// The domain, and what is not to be as usual.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate openclaw setup --domain gw.example.com --email ann@example.com --dns-hook /usr/local/bin/dns-hook\n  \
                  frontgate openclaw setup --domain gw.lan --certificate local\n\nWrites routes for the Control UI, MCP Apps (mcp-apps.DOMAIN) and \
                  portals (*.preview.DOMAIN), by what the gateway's openclaw.json says of ports, TLS and base path. Asked first, it writes there \
                  gateway.trustedProxies, controlUi.allowedOrigins, publicOrigin and portals.ingress, mcp.apps.sandboxOrigin, and the address of join \
                  links: those that the gateway's version knows, which its own program says. A copy is kept."
)]
pub(super) struct SetupArgs {
    /// The name that browsers open
    #[arg(long, value_name = "NAME")]
    pub(super) domain: String,
    /// The name of MCP Apps, which has nothing else [default: mcp-apps.DOMAIN]
    #[arg(long, value_name = "NAME", conflicts_with = "no_apps")]
    pub(super) apps: Option<String>,
    /// Without MCP Apps
    #[arg(long)]
    pub(super) no_apps: bool,
    /// The name below which portals are [default: the gateway's, else preview.DOMAIN]
    #[arg(long, value_name = "NAME", conflicts_with = "no_portals")]
    pub(super) portals: Option<String>,
    /// Without portals
    #[arg(long)]
    pub(super) no_portals: bool,
    /// A network whose clients may open portals; repeatable [default: private networks]
    #[arg(long, value_name = "NETWORK")]
    pub(super) portals_from: Vec<String>,
    /// The gateway [default: as its openclaw.json says, on this machine]
    #[arg(long, value_name = "URL")]
    pub(super) upstream: Option<String>,
    /// The SHA-256 of the gateway's own certificate, if it speaks TLS [default: that of the file it has on this machine]
    #[arg(long, value_name = "HEX")]
    pub(super) pin: Option<String>,
    /// The path below which the gateway has its pages [default: the gateway's]
    #[arg(long, value_name = "PATH")]
    pub(super) base_path: Option<String>,
    /// local, acme, or the files CERT,KEY for all names [default: acme for a public name]
    #[arg(long, value_name = "SOURCE")]
    pub(super) certificate: Option<String>,
    /// Where the certificate authority may write to
    #[arg(long, value_name = "MAIL")]
    pub(super) email: Option<String>,
    /// The program that makes DNS records for acme, as lego's exec calls one; a wildcard needs it
    #[arg(long, value_name = "PROGRAM")]
    pub(super) dns_hook: Option<String>,
    /// Where to listen for HTTPS
    #[arg(long, value_name = "ADDRESS", default_value = ":443")]
    pub(super) listen: String,
    /// The port that browsers open, where something leads it to that of --listen
    #[arg(long, value_name = "PORT")]
    pub(super) public_port: Option<u16>,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "frontgate.yaml")]
    pub(super) output: PathBuf,
    // A comment instead of a doc comment: clap would print the backquotes around names in the help text.
    #[arg(
        long,
        value_name = "FILE",
        help = "The gateway's own config [default: $OPENCLAW_CONFIG_PATH, else openclaw.json in $OPENCLAW_STATE_DIR or ~/.openclaw]"
    )]
    pub(super) gateway_config: Option<PathBuf>,
    /// The gateway's own program, which is asked about its config before that changes [default: openclaw on $PATH]
    #[arg(long, value_name = "PROGRAM")]
    pub(super) openclaw: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
}
