//! The list, with what happens to it in tables.

use super::*;

const HOLD: Duration = Duration::from_secs(12);

fn line_of(names: &[&'static str], now: Instant) -> (WaitList<&'static str>, Vec<WaitTicket>) {
    let mut line = WaitList::new();
    let tickets =
        names.iter().map(|name| line.join(None, WaitPurpose::Request, *name, HOLD, now).unwrap().ticket).collect();
    (line, tickets)
}

#[test]
fn one_dials_while_the_gateway_is_down_and_the_next_when_that_one_leaves() {
    let now = Instant::now();
    let (mut line, tickets) = line_of(&["a", "b", "c"], now);
    assert!(line.down(DownReason::Refused, now) && !line.down(DownReason::Refused, now), "said once");
    assert_eq!((line.due(), line.due()), (vec!["a"], vec![]));
    let turns = |line: &WaitList<_>| tickets.iter().map(|&ticket| line.turn(ticket, now)).collect::<Vec<_>>();
    assert_eq!(turns(&line), [WaitTurn::Look, WaitTurn::Wait, WaitTurn::Wait]);
    line.leave(tickets[0]);
    assert_eq!(line.due(), ["b"]);
    assert_eq!(turns(&line), [WaitTurn::Wait, WaitTurn::Look, WaitTurn::Wait]);
}

#[test]
fn a_few_dial_at_once_in_order_when_it_is_up() {
    let now = Instant::now();
    let mut line = WaitList::new();
    line.down(DownReason::Refused, now);
    let tickets: Vec<_> =
        (0..40).map(|name| line.join(None, WaitPurpose::Upgrade, name, HOLD, now).unwrap().ticket).collect();
    assert_eq!(line.due(), [0]);
    assert_eq!(line.up(now + HOLD), Some((HOLD, 40)));
    assert_eq!(line.up(now + HOLD), None, "said once");
    assert_eq!(line.outage(), None);
    assert_eq!(line.due(), (1..TOGETHER).collect::<Vec<_>>());
    line.leave(tickets[0]);
    line.leave(tickets[5]);
    assert_eq!(line.due(), [TOGETHER, TOGETHER + 1]);
    // Down again: all go back to waiting, in the order they had.
    line.down(DownReason::Refused, now);
    assert_eq!((line.turn(tickets[1], now), line.turn(tickets[2], now)), (WaitTurn::Look, WaitTurn::Wait));
    line.up(now);
    assert_eq!(line.due(), (2..TOGETHER + 2).filter(|name| *name != 5).collect::<Vec<_>>());
}

#[test]
fn a_request_that_comes_again_has_its_former_position() {
    let now = Instant::now();
    let (mut line, tickets) = line_of(&["a", "b"], now);
    line.down(DownReason::Cut, now);
    line.leave(tickets[0]);
    assert_eq!(line.due(), ["b"]);
    line.join(Some(tickets[0]), WaitPurpose::Request, "a", HOLD, now + HOLD * 2).unwrap();
    assert_eq!(line.due(), ["a"]);
    assert_eq!(line.turn(tickets[1], now), WaitTurn::Wait);
}

/// Whether a request that comes may look once only, or an error if it may not wait.
type Comes = Result<bool, LongDown>;

#[test]
fn requests_do_not_wait_for_a_gateway_that_has_been_down_for_long() {
    let began = Instant::now();
    let second = Duration::from_secs(1);
    let long = Err(LongDown);
    // When the gateway was seen down, when a request comes, and whether it may wait, or may look; alone, and behind
    // another.
    let rows: [(&[u32], u32, Comes, Comes); 5] = [
        (&[], 0, Ok(false), Ok(false)),
        (&[0], 12, Ok(false), Ok(false)),
        (&[0], 13, Ok(true), long),
        (&[0, 50, 100], 100, Ok(true), long),
        // No request looked for more than a minute: another outage.
        (&[0, 61], 61, Ok(false), Ok(false)),
    ];
    for (seen, comes, alone, behind) in rows {
        let mut line = WaitList::new();
        for &at in seen {
            line.down(DownReason::Refused, began + second * at);
        }
        let now = began + second * comes;
        let mut join = |asked| line.join(None, asked, (), HOLD, now).map(|joined| (joined.ticket, joined.one_look));
        let first = join(WaitPurpose::Request);
        assert_eq!(first.map(|(_, one_look)| one_look), alone, "{seen:?}, {comes}");
        assert_eq!(join(WaitPurpose::Upgrade).map(|(_, one_look)| one_look), Ok(false), "{seen:?}, {comes}");
        assert_eq!(join(WaitPurpose::Request).map(|(_, one_look)| one_look), behind, "{seen:?}, {comes}");
    }
}

#[test]
fn a_request_after_an_announced_restart_looks_first_and_no_outage_is_reported() {
    let now = Instant::now();
    let mut line = WaitList::new();
    assert!(line.is_clear());
    line.suspect(now);
    assert!(!line.is_clear());
    let later = now + HOLD * 3;
    let joined = line.join(None, WaitPurpose::Request, (), HOLD, later).unwrap();
    assert!(!joined.one_look, "it is not known how long it has been down, if it is");
    assert_eq!(line.turn(joined.ticket, later), WaitTurn::Look);
    assert_eq!(line.up(later), None, "it was never seen down");
    assert_eq!(line.turn(joined.ticket, later), WaitTurn::Go);
    line.suspect(later);
    assert!(line.down(DownReason::Starting, later), "this is news");
    assert_eq!(line.up(later + HOLD).map(|(down, _)| down), Some(HOLD));
}

#[test]
fn a_gateway_that_takes_connections_is_not_believed_for_ever_that_it_is_not_ready() {
    let began = Instant::now();
    let (mut line, tickets) = line_of(&["a", "b"], began);
    let turns = |line: &WaitList<_>, now| (line.turn(tickets[0], now), line.turn(tickets[1], now));
    let (looks, goes) = ((WaitTurn::Look, WaitTurn::Wait), (WaitTurn::Go, WaitTurn::Wait));
    line.down(DownReason::Refused, began);
    let taken = began + BELIEVED * 3;
    assert_eq!(turns(&line, taken), looks);
    line.down(DownReason::Starting, taken);
    line.down(DownReason::Cut, taken + BELIEVED / 2);
    assert_eq!(turns(&line, taken + BELIEVED / 2), looks);
    assert_eq!(turns(&line, taken + BELIEVED), goes);
    // Gone again: another beginning.
    line.down(DownReason::Refused, taken + BELIEVED);
    assert_eq!(turns(&line, taken + BELIEVED * 2), looks);
}
