//! A load balancer that asks `/readyz` learns of a stop before the listeners close.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{OK, says};
use crate::harness::{Binary, Wire, binary, dial, gateway};

#[tokio::test]
async fn readiness_goes_first_where_it_is_asked_for_and_clients_are_served_meanwhile() {
    let gateway = gateway().answering(OK).await;
    for asked in [true, false] {
        let builder = binary().upstream(&gateway).config("admin: 127.0.0.1:0").config("timeouts: { drain: 12s }");
        let mut proxy = builder.start().await;
        if asked {
            assert_eq!(ready(&proxy).await, 200);
        }
        let began = Instant::now();
        proxy.signal(Signal::TERM);
        proxy.line(|line| says(line, "stopping; a second signal stops at once")).await;
        if asked {
            // `/readyz` changes a moment after the line.
            while ready(&proxy).await != 503 {}
            let mut client = proxy.client().await;
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            assert_eq!(client.response().await.status(), 200);
        }
        proxy.line(|line| says(line, "closing the listeners")).await;
        // The notice takes a sixth of the drain.
        assert_eq!(began.elapsed() >= Duration::from_secs(2), asked, "{:?}", began.elapsed());
        assert_eq!(proxy.ended().await.code(), Some(0));
    }
}

async fn ready(proxy: &Binary) -> u16 {
    let mut admin = Wire::new(dial(proxy.admin.unwrap()).await);
    admin.send("GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").await;
    admin.response().await.status()
}
