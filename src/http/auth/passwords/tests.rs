use argon2::password_hash::CustomizedPasswordHasher;
use tokio::task::JoinSet;

use crate::http::auth::passwords::*;

/// The user `ann` with the password `hush`, and `bob` with `quiet`.
fn basic() -> BasicAuth {
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let hash = Argon2::default().hash_password_customized(b"hush", b"some salt", None, None, params);
    let bcrypt = bcrypt::hash_with_salt("quiet", 4, [7; 16]).unwrap().to_string();
    let users = vec![
        ("ann".to_owned(), PasswordHash::Argon2(hash.unwrap().to_string())),
        ("bob".to_owned(), PasswordHash::Bcrypt(bcrypt)),
    ];
    BasicAuth { users }
}

async fn asked(passwords: &Passwords, user: &str, password: &str, from: &str) -> Result<bool, TooManyAttempts> {
    let credentials = Credentials { user: user.to_owned(), password: password.as_bytes().to_vec() };
    passwords.check(&basic(), credentials, from.parse().ok()).await
}

#[tokio::test]
async fn a_user_gets_in_with_the_right_password_and_no_other() {
    let passwords = Passwords::new(None).unwrap();
    for (user, password, expected) in [
        ("ann", "hush", true),
        ("bob", "quiet", true),
        ("ann", "quiet", false),
        ("ann", "", false),
        ("ann", "hush ", false),
        ("Ann", "hush", false),
        ("eve", "hush", false),
        ("eve", "quiet", false),
        ("", "", false),
    ] {
        for _ in 0..2 {
            assert_eq!(asked(&passwords, user, password, "192.0.2.1").await, Ok(expected), "{user} {password}");
        }
    }
    let state = passwords.state();
    assert_eq!(state.right.len(), 2, "only what is right is remembered");
    let client = Some(Network::of("192.0.2.1".parse().unwrap()));
    assert_eq!(state.failures.of(client, Instant::now()), 7, "the same password again is no other attempt");
    assert!(state.begin.is_empty());
}

#[tokio::test]
async fn a_client_that_guesses_has_to_wait_and_others_do_not() {
    let passwords = Passwords::new(None).unwrap();
    assert_eq!(asked(&passwords, "bob", "quiet", "192.0.2.1").await, Ok(true));
    for (attacker, user) in [("192.0.2.1", "ann"), ("2001:db8::1", "eve"), ("no address", "ann")] {
        let mut wrong = 0;
        let paused = loop {
            match asked(&passwords, user, &wrong.to_string(), attacker).await {
                Ok(true) => panic!("it is wrong"),
                Ok(false) => wrong += 1,
                Err(paused) => break paused,
            }
        };
        assert_eq!(wrong, 10, "{attacker}");
        assert!(paused.retry_after <= Duration::from_secs(6), "{attacker}");
        // Not even the right password is looked at, unless it was found to be right before.
        assert!(asked(&passwords, "ann", "hush", attacker).await.is_err(), "{attacker}");
        assert_eq!(asked(&passwords, "bob", "quiet", attacker).await, Ok(true), "{attacker}");
    }
    assert!(asked(&passwords, "ann", "hush", "2001:db8::ffff").await.is_err(), "it is in the same network");
    for other in ["192.0.2.2", "2001:db8:0:1::1"] {
        assert_eq!(asked(&passwords, "ann", "wrong", other).await, Ok(false), "{other}");
        assert_eq!(asked(&passwords, "ann", "hush", other).await, Ok(true), "{other}");
    }
}

#[tokio::test]
async fn what_a_page_asks_at_once_is_computed_once() {
    let passwords = Passwords::new(None).unwrap();
    let client = Some(Network::of("192.0.2.1".parse().unwrap()));
    for (password, expected) in [("hush", true), ("stale", false)] {
        let mut page = JoinSet::new();
        for _ in 0..60 {
            let passwords = passwords.clone();
            page.spawn(async move { asked(&passwords, "ann", password, "192.0.2.1").await });
        }
        assert!(page.join_all().await.into_iter().all(|answer| answer == Ok(expected)), "{password}");
    }
    assert_eq!(passwords.state().failures.of(client, Instant::now()), 1);
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_turn_back_and_its_attempt_counts() {
    let passwords = Passwords::new(None).unwrap();
    let client = Some(Network::of("192.0.2.1".parse().unwrap()));
    // More than there are turns, so that some are dropped in line and some within their turn.
    for number in 0..8 {
        let asking = asked(&passwords, "ann", if number % 2 == 0 { "one" } else { "two" }, "192.0.2.1");
        let _ = timeout(Duration::ZERO, asking).await;
    }
    while !passwords.state().turns.is_idle() {
        tokio::task::yield_now().await;
    }
    assert!(passwords.state().begin.is_empty());
    assert!(passwords.state().failures.of(client, Instant::now()) > 0);
    assert_eq!(asked(&passwords, "ann", "hush", "192.0.2.1").await, Ok(true));
}

#[tokio::test]
async fn a_line_that_is_full_says_when_to_come_back() {
    let passwords = Passwords::new(None).unwrap();
    let question = |number: u8| PasswordQuestion { client: None, tag: [number; 32], known: true };
    let mut turns = Vec::new();
    let refused = loop {
        match passwords.line_up(&question(1)) {
            Ok(turn) => turns.push(turn),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Err(TooManyAttempts { retry_after: LONGEST_WAIT }));
    assert!(turns.len() > 60 && asked(&passwords, "ann", "hush", "192.0.2.1").await == Ok(true));
    turns.clear();
    assert!(passwords.state().turns.is_idle() && passwords.state().begin.is_empty());
}
