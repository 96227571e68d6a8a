//! What the service manager is told.

use rustix::process::Signal;
use tokio::net::UnixDatagram;

use super::{OK, Successors, signal};
use crate::harness::{binary, gateway, within};

#[tokio::test]
async fn the_manager_hears_which_process_serves_and_that_it_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let gateway = gateway().answering(OK).await;
    let builder = binary().upstream(&gateway).environment("NOTIFY_SOCKET", path.to_str().unwrap());
    let mut proxy = builder.environment("WATCHDOG_USEC", "200000").start().await;
    let mut successors = Successors::default();

    assert_eq!(next(&manager).await, "READY=1\n");
    for _ in 0..3 {
        assert_eq!(next(&manager).await, "WATCHDOG=1\n");
    }
    proxy.signal(Signal::USR2);
    let main = loop {
        match next(&manager).await {
            alive if alive == "WATCHDOG=1\n" => {}
            other => break other,
        }
    };
    let serving = successors.next(&mut proxy).await;
    assert_eq!(main, format!("MAINPID={serving}\n"));
    assert_eq!(next(&manager).await, "READY=1\n");
    assert_eq!(proxy.gone().await.code(), Some(0));
    for _ in 0..3 {
        assert_eq!(next(&manager).await, "WATCHDOG=1\n");
    }
    signal(serving, Signal::TERM);
    let _ = proxy.ended().await;
    let mut said = Vec::new();
    let mut datagram = [0; 256];
    while let Ok(length) = manager.try_recv(&mut datagram) {
        said.push(String::from_utf8_lossy(&datagram[..length]).into_owned());
    }
    said.retain(|text| text != "WATCHDOG=1\n");
    assert_eq!(said, ["STOPPING=1\n"]);
}

async fn next(manager: &UnixDatagram) -> String {
    let mut datagram = [0; 256];
    let length = within("a notification", manager.recv(&mut datagram)).await.unwrap();
    String::from_utf8_lossy(&datagram[..length]).into_owned()
}

/// Neither the start, nor a reload, nor the end depends on the manager.
#[tokio::test]
async fn a_manager_that_takes_no_message_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&path).unwrap();
    let other = UnixDatagram::unbound().unwrap();
    // The queue of the manager's socket is filled.
    while other.try_send_to(b"X=1", &path).is_ok() {}
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).environment("NOTIFY_SOCKET", path.to_str().unwrap()).start().await;
    let mut client = proxy.client().await;
    proxy.signal(Signal::HUP);
    proxy.line(|line| line["message"] == "configuration reloaded").await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.response().await.status(), 200);
    drop(client);
    assert!(proxy.terminate().await.success());
}
