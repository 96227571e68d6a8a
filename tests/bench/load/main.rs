//! The load of `tests/bench/run`: the clients, the gateway behind the proxy, and the floor to compare with. One process
//! is one of the three, on one thread; the figures of a case are one line of JSON on standard output.
#![expect(clippy::disallowed_types, reason = "a benchmark measures the real clock")]
#![expect(clippy::disallowed_methods, reason = "clients of a benchmark dial themselves")]
#![expect(clippy::print_stdout, reason = "the figures are its output")]

mod backend;
mod client;
mod connections;
mod figures;
mod floor;
mod hold;
mod http2;
mod idle;
mod messages;
mod mixed;
mod pings;
mod process;
mod requests;
mod returning;
mod scrapes;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use client::{Client, Resumption};
use messages::Exchange;

#[derive(Parser)]
#[command(about = "The load of tests/bench/run")]
struct Cli {
    #[command(subcommand)]
    role: Role,
    /// What `cargo bench` adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Role {
    /// A gateway: 1 KiB for a request, an echo or pushed messages for a WebSocket.
    Backend { listen: SocketAddr },
    /// A bare TCP relay with the fewest system calls.
    Floor { listen: SocketAddr, to: SocketAddr },
    /// Memory of WebSockets that are open and silent.
    Idle(Load),
    /// Memory of WebSockets over HTTP/2 that are open and silent, a hundred on each connection.
    Idle2(Load),
    /// Memory after each of five times that so many WebSockets were opened and closed.
    Cycles(Load),
    /// Memory of WebSockets whose clients read nothing, while the gateway sends as much as is taken.
    Slow(Load),
    /// 256-byte messages that come back, one at a time on each WebSocket.
    Echo(Load),
    /// The same over HTTP/2, ten WebSockets on each connection.
    Echo2(Load),
    /// 200-byte messages that the gateway sends by itself, each a write of its own.
    Push(Load),
    /// The same to many WebSockets, to each of them rarely.
    Push2000(Load),
    /// 40-byte messages that the gateway sends by itself, twenty at once.
    Burst(Load),
    /// Messages that come back, of which each WebSocket sends one each 10 ms.
    Sparse(Load),
    /// The same once a second.
    Sparse2000(Load),
    /// The same each 10 ms, beside large messages, uploads, new connections, and a reload.
    Mixed(Load),
    /// 1 MiB messages that come back.
    Bulk(Load),
    /// 10-byte messages that the gateway sends by itself, while the client sends 1 MiB messages as fast as they are
    /// taken.
    Against(Load),
    /// New connections, each with a full TLS handshake, a WebSocket and one message.
    Connect(Load),
    /// New connections whose TLS session is resumed.
    Resume(Load),
    /// Clients that come back all together.
    Returning(Load),
    /// CPU of silent WebSockets to which the proxy sends pings.
    Pings(Load),
    /// Clients of tests/bench/scale, which stay.
    Hold(hold::Held),
    /// Scrapes of the metrics, while so many WebSockets over HTTP/2 are open.
    Scrape(Load),
    /// HTTPS requests on HTTP/1.1 connections that stay, one at a time on each.
    H1(Load),
    /// HTTPS requests on HTTP/2 connections that stay, ten at a time on each.
    H2(Load),
}

/// How much load, on what.
#[derive(Args, Clone)]
pub(crate) struct Load {
    /// Where the proxy listens.
    pub(crate) proxy: SocketAddr,
    /// The proxy's processes, whose CPU time and memory are counted.
    #[arg(long = "pid")]
    pub(crate) pids: Vec<u32>,
    /// The certificate authority to trust; without it the proxy speaks no TLS.
    #[arg(long)]
    pub(crate) ca: Option<PathBuf>,
    /// Where the proxy answers its operator.
    #[arg(long)]
    pub(crate) admin: Option<SocketAddr>,
    /// How many connections.
    #[arg(long, default_value_t = 50)]
    pub(crate) sockets: usize,
    /// Whether the first of the processes reads its configuration again when it gets SIGHUP.
    #[arg(long)]
    pub(crate) reload: bool,
    /// How long is measured.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long load runs before.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
}

impl Load {
    /// The same with so many connections.
    pub(crate) fn of(&self, sockets: usize) -> Self {
        Self { sockets, ..self.clone() }
    }

    pub(crate) fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }
}

fn main() -> anyhow::Result<()> {
    let role = Cli::parse().role;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        match role {
            Role::Backend { listen } => backend::run(listen).await,
            Role::Floor { listen, to } => floor::run(listen, to).await,
            Role::Idle(load) => idle::run(&load, &Client::new(&load, Resumption::Off)?).await,
            Role::Idle2(load) => idle::run(&load, &Client::sharing(&load, 100)?).await,
            Role::Cycles(load) => idle::cycles(&load, &Client::new(&load, Resumption::Off)?).await,
            Role::Slow(load) => idle::slow(&load, &Client::new(&load, Resumption::Off)?).await,
            Role::Echo(load) => messages::over_http1(&load, Exchange::ECHO).await,
            Role::Echo2(load) => messages::run(&load, &Client::sharing(&load, 10)?, Exchange::ECHO).await,
            Role::Push(load) => messages::over_http1(&load, Exchange::PUSH).await,
            Role::Push2000(load) => messages::over_http1(&load, Exchange::PUSH_RARELY).await,
            Role::Burst(load) => messages::over_http1(&load, Exchange::BURST).await,
            Role::Sparse(load) => messages::over_http1(&load, Exchange::SPARSE).await,
            Role::Sparse2000(load) => messages::over_http1(&load, Exchange::RARE).await,
            Role::Mixed(load) => mixed::run(&load, &Client::new(&load, Resumption::Off)?).await,
            Role::Bulk(load) => messages::over_http1(&load, Exchange::BULK).await,
            Role::Against(load) => messages::over_http1(&load, Exchange::AGAINST).await,
            Role::Connect(load) => connections::run(&load, Resumption::Off).await,
            Role::Resume(load) => connections::run(&load, Resumption::On).await,
            Role::Returning(load) => returning::run(&load).await,
            Role::Pings(load) => pings::run(&load, &Client::new(&load, Resumption::Off)?).await,
            Role::Hold(held) => hold::run(held).await,
            Role::Scrape(load) => scrapes::run(&load, &Client::sharing(&load, 100)?).await,
            Role::H1(load) => requests::h1(&load, &Client::new(&load, Resumption::Off)?).await,
            Role::H2(load) => requests::h2(&load, &Client::offering(&load, "h2", Resumption::Off)?).await,
        }
    })?;
    println!("{figures}");
    Ok(())
}
