//! Sockets that are there before the program: systemd's.

use std::net::{SocketAddr, TcpListener};

use rustix::process::Signal;

use super::{OK, Successors, says, signal};
use crate::harness::{binary, gateway};

fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn sockets_of_systemd_serve_by_name_and_by_address_and_are_handed_on() {
    let gateway = gateway().answering(OK).await;
    let ((first, https), (second, plain)) = (bind(), bind());
    // `https` stands for all of listen.https; the other one is known by its address.
    let listen = format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"{plain}\"] }}");
    let builder = binary().upstream(&gateway).config(&listen);
    let mut proxy = builder.sockets("https:frontgate.socket", [first.into(), second.into()]).start().await;
    assert_eq!((proxy.https, proxy.plain), (Some(https), Some(plain)));
    let mut serving = proxy.pid();
    let mut successors = Successors::default();
    for _ in 0..2 {
        for mut client in [proxy.client().await, proxy.plain_client().await] {
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
            assert_eq!(client.response().await.status(), 200);
        }
        signal(serving, Signal::USR2);
        serving = successors.next(&mut proxy).await;
        proxy.line(|line| says(line, "stopped")).await;
    }
    signal(serving, Signal::TERM);
    let _ = proxy.ended().await;
}

#[tokio::test]
async fn a_socket_that_nothing_asks_for_is_closed_with_a_warning() {
    let gateway = gateway().answering(OK).await;
    let ((first, https), (second, other)) = (bind(), bind());
    let builder = binary().upstream(&gateway);
    let mut proxy = builder.sockets("https:other", [first.into(), second.into()]).start().await;
    assert_eq!(proxy.https, Some(https));
    assert!(std::net::TcpStream::connect(other).is_err(), "no process listens there");
    assert_eq!(proxy.terminate().await.code(), Some(0));
    let warning = proxy.printed.iter().find(|line| line.contains("closing an inherited socket")).unwrap();
    assert!(warning.contains(&other.to_string()), "{warning}");
}
