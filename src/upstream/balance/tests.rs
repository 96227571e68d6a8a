use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn state(name: &str, busy: usize) -> EndpointState {
    EndpointState {
        id: EndpointId::of(name),
        busy,
        share: 1000,
        tier: 0,
        ejected_until: None,
        is_out: false,
        is_draining: false,
    }
}

fn three(busy: [usize; 3]) -> [EndpointState; 3] {
    let [a, b, c] = busy;
    [state("a", a), state("b", b), state("c", c)]
}

#[test]
fn the_least_busy_is_first_and_those_left_alone_last() {
    let now = Instant::now();
    let until =
        |state: EndpointState, seconds: u32| EndpointState { ejected_until: Some(now + SECOND * seconds), ..state };
    let out = |state: EndpointState| EndpointState { is_out: true, ..state };
    let [a, b, c] = three([0, 9, 3]);
    for (turn, endpoint_states, expected) in [
        (0, three([0, 0, 0]), [0, 1, 2]),
        (1, three([0, 0, 0]), [1, 2, 0]),
        (usize::MAX, three([0, 0, 0]), [0, 1, 2]),
        (0, three([5, 2, 2]), [1, 2, 0]),
        (2, three([5, 2, 2]), [2, 1, 0]),
        (0, [until(a, 5), b, c], [2, 1, 0]),
        (0, [until(a, 5), until(b, 1), until(c, 3)], [1, 2, 0]),
        (0, [until(a, 0), b, c], [0, 2, 1]),
        (0, [out(a), b, until(c, 3)], [1, 2, 0]),
        (0, [out(a), out(b), out(c)], [0, 2, 1]),
    ] {
        let found = order(Preference::LeastBusy { turn }, None, &endpoint_states, now);
        assert_eq!(found, expected, "{turn} {endpoint_states:?}");
    }
}

#[test]
fn what_an_operator_has_taken_out_is_never_tried() {
    let now = Instant::now();
    let mut states = three([0, 1, 2]);
    states[0].is_draining = true;
    let was_at = Some(EndpointId::of("a"));
    for preference in [
        Preference::LeastBusy { turn: 0 },
        Preference::RandomTwo([0, 0]),
        Preference::Client(7),
        Preference::Turns(&Turns::default()),
    ] {
        let mut found = order(preference, was_at, &states, now);
        found.sort_unstable();
        assert_eq!(found, [1, 2], "{preference:?}");
    }
    let all_out = states.map(|state| EndpointState { is_draining: true, ..state });
    assert!(order(Preference::LeastBusy { turn: 3 }, was_at, &all_out, now).is_empty());
}

#[test]
fn a_tier_gets_work_when_none_of_a_lower_one_is_up() {
    let now = Instant::now();
    let [a, b, c] = three([9, 0, 0]);
    let tiers = [EndpointState { tier: 10, ..a }, EndpointState { tier: 20, ..b }, EndpointState { tier: 20, ..c }];
    let down = [EndpointState { ejected_until: Some(now + SECOND), ..tiers[0] }, tiers[1], tiers[2]];
    let numbers = [0, 0];
    for preference in [
        Preference::LeastBusy { turn: 1 },
        Preference::RandomTwo(numbers),
        Preference::Client(7),
        Preference::Turns(&Turns::default()),
    ] {
        // One that a client was at while the others were down lets go when they are up.
        for was_at in [None, Some(c.id)] {
            assert_eq!(order(preference, was_at, &tiers, now)[0], 0, "{preference:?}");
        }
        assert_eq!(order(preference, Some(c.id), &down, now)[0], 2, "{preference:?}");
        assert_eq!(order(preference, None, &down, now)[2], 0, "{preference:?}");
    }
    assert_eq!(usable_tier(&tiers, now), Some(10));
    assert_eq!(usable_tier(&down, now), Some(20));
    assert_eq!(usable_tier(&tiers.map(|state| EndpointState { is_draining: true, ..state }), now), None);
}

#[test]
fn turns_are_taken_as_weights_say_and_evenly() {
    let now = Instant::now();
    let taken = |shares: [u32; 3], up: [bool; 3], rounds: usize| {
        let mut turns = Turns::default();
        (0..rounds)
            .map(|_| {
                let mut states = three([0; 3]);
                for (state, (share, up)) in states.iter_mut().zip(shares.into_iter().zip(up)) {
                    (state.share, state.is_out) = (share, !up);
                }
                let first = order(Preference::Turns(&turns), None, &states, now)[0];
                let shares: Vec<u32> = states.iter().map(|state| if state.is_out { 0 } else { state.share }).collect();
                turns.take(first, &shares);
                first
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(taken([1000, 1000, 1000], [true; 3], 6), [0, 1, 2, 0, 1, 2]);
    assert_eq!(taken([2000, 1000, 1000], [true; 3], 8), [0, 1, 2, 0, 0, 1, 2, 0]);
    assert_eq!(taken([1000, 1000, 1000], [true, false, true], 4), [0, 2, 0, 2]);
    let many = taken([5000, 1000, 100], [true; 3], 610);
    let count = |index| many.iter().filter(|taken| **taken == index).count();
    assert_eq!([count(0), count(1), count(2)], [500, 100, 10]);
}

#[test]
fn load_is_compared_by_weight() {
    let now = Instant::now();
    for (busy, shares, first) in [
        ([0, 0], [1000, 2000], 1),
        ([1, 2], [1000, 2000], 1),
        ([1, 4], [1000, 2000], 0),
        ([0, 9], [1000, 100], 0),
        ([9, 0], [1000, 100], 0),
        ([10, 0], [1000, 100], 1),
    ] {
        let states: Vec<_> = ["a", "b"]
            .iter()
            .zip(busy.into_iter().zip(shares))
            .map(|(name, (busy, share))| EndpointState { share, ..state(name, busy) })
            .collect();
        let found = order(Preference::LeastBusy { turn: 0 }, None, &states, now);
        assert_eq!(found[0], first, "{busy:?} {shares:?}");
    }
}

#[test]
fn of_two_that_are_drawn_the_less_busy_is_first() {
    let now = Instant::now();
    let found = |numbers, busy| order(Preference::RandomTwo(numbers), None, &three(busy), now);
    // The numbers draw from the endpoints in order of their load, each with 1000 tickets.
    assert_eq!(found([0, 0], [5, 6, 7]), [0, 1, 2]);
    assert_eq!(found([1000, 1000], [5, 6, 7]), [1, 0, 2]);
    assert_eq!(found([2000, 1000], [5, 6, 7]), [1, 0, 2]);
    assert_eq!(found([2999, 999], [5, 6, 7]), [0, 1, 2]);
    let mut states = three([5, 0, 7]);
    states[1].is_out = true;
    assert_eq!(order(Preference::RandomTwo([1000, 0]), None, &states, now), [0, 2, 1]);
    let all_out = states.map(|state| EndpointState { is_out: true, ..state });
    assert_eq!(order(Preference::RandomTwo([1, 2]), None, &all_out, now), [1, 0, 2]);
    let mut counts = [0; 3];
    for round in 0..3000 {
        counts[found([mix(round), mix(round + 9999)], [0, 0, 0])[0]] += 1;
    }
    assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
}

#[test]
fn a_client_stays_where_it_is_when_others_come_and_go() {
    let now = Instant::now();
    let first =
        |states: &[EndpointState], key: u64| states[order(Preference::Client(mix(key)), None, states, now)[0]].id;
    let [a, b, c] = three([0; 3]);
    let (all, without_b) = ([a, b, c], [c, a]);
    let mut counts = std::collections::HashMap::new();
    for key in 0..9000 {
        let at = first(&all, key);
        *counts.entry(at).or_insert(0) += 1;
        if at != b.id {
            assert_eq!(first(&without_b, key), at, "only clients of the one that is gone move");
        }
    }
    assert!(counts.values().all(|count| (2800..3200).contains(count)), "{counts:?}");
    let heavy = [a, EndpointState { share: 2000, ..b }, c];
    let at_b = (0..9000).filter(|key| first(&heavy, *key) == b.id).count();
    assert!((4300..4700).contains(&at_b), "{at_b}");
    // One whose share grows takes clients over and gives none away.
    assert!((0..9000).all(|key| first(&all, key) != b.id || first(&heavy, key) == b.id));
}

#[test]
fn where_a_client_was_comes_first_while_it_is_up() {
    let now = Instant::now();
    let all = three([0, 5, 9]);
    let found = |was_at: &str, states: &[EndpointState]| {
        order(Preference::LeastBusy { turn: 0 }, Some(EndpointId::of(was_at)), states, now)
    };
    assert_eq!(found("c", &all), [2, 0, 1]);
    assert_eq!(found("a", &all), [0, 1, 2]);
    assert_eq!(found("gone", &all), [0, 1, 2]);
    let mut states = all;
    states[2].ejected_until = Some(now + SECOND);
    assert_eq!(found("c", &states), [0, 1, 2]);
    states[2] = EndpointState { is_out: true, ..all[2] };
    assert_eq!(found("c", &states), [0, 1, 2]);
}

#[test]
fn an_endpoint_that_fails_again_is_left_alone_for_longer_and_one_that_works_is_forgiven() {
    let began = Instant::now();
    let mut record = OutlierState::default();
    let mut now = began;
    for (pause, news) in [(2, true), (4, false), (8, false), (16, false), (30, false), (30, false)] {
        assert_eq!(record.failed(now), news);
        assert_eq!(record.ejected_until(), Some(now + SECOND * pause));
        // A failure of a request that was under way at that time says nothing more.
        record.failed(now + SECOND);
        assert_eq!(record.ejected_until(), Some(now + SECOND * pause));
        now += SECOND * pause;
    }
    assert!(record.worked() && !record.worked(), "said once");
    assert_eq!(record.ejected_until(), None);
    record.failed(now);
    assert_eq!(record.ejected_until(), Some(now + SECOND * 2));
}
