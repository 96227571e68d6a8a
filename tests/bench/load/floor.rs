//! A bare TCP relay: what the kernel alone asks for. One read and one write for a chunk, no TLS, no frames, nothing
//! else.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Relays until it is killed.
pub(crate) async fn run(listen: SocketAddr, to: SocketAddr) -> anyhow::Result<serde_json::Value> {
    let listener = TcpListener::bind(listen).await?;
    let mut relays = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await?;
        while relays.try_join_next().is_some() {}
        // Clients end their connections whenever they like.
        relays.spawn(async move { relay(client, to).await.ok() });
    }
}

async fn relay(mut client: TcpStream, to: SocketAddr) -> io::Result<()> {
    let mut upstream = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        tokio::select! {
            ready = client.ready(Interest::READABLE) => { ready?; }
            ready = upstream.ready(Interest::READABLE) => { ready?; }
        }
        if !(pass(&client, &mut upstream, &mut buffer).await? && pass(&upstream, &mut client, &mut buffer).await?) {
            return Ok(());
        }
    }
}

/// Passes what is there, if anything is; `false` at the end.
async fn pass(from: &TcpStream, to: &mut TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
    match from.try_read(buffer) {
        Ok(0) => Ok(false),
        Ok(length) => to.write_all(&buffer[..length]).await.map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

const CHUNK: usize = 64 << 10;
