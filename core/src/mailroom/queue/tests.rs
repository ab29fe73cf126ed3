use super::*;
use alloc::vec;

fn id(n: u64) -> MessageId {
    MessageId::new(0, n, UnixMillis::new(1))
}

fn of(class: Class) -> Weight {
    Weight { class, messages: 1, recipients: 1, groups: Vec::new() }
}

fn to(class: Class, groups: &[&str]) -> Weight {
    Weight { class, messages: 1, recipients: 1, groups: groups.iter().map(|group| ((*group).into(), 1)).collect() }
}

fn pop(queue: &mut Queue, now: UnixMillis) -> Option<(Class, MessageId)> {
    let head = queue.head(now)?;
    queue.take(&head)?;
    Some((head.class, head.id))
}

#[test]
fn transactional_goes_first_and_bulk_still_proceeds() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    for n in 0..100 {
        queue.push(Entry::new(of(Class::Bulk), None), now, id(n));
        queue.push(Entry::new(of(Class::Transactional), None), now, id(1_000 + n));
    }
    let first_sixteen: Vec<Class> = (0..16).filter_map(|_| pop(&mut queue, now)).map(|(class, _)| class).collect();
    assert_eq!(first_sixteen.iter().filter(|class| **class == Class::Bulk).count(), 2);
    assert_eq!(first_sixteen[..7], [Class::Transactional; 7]);
    assert_eq!(first_sixteen[7], Class::Bulk);
}

#[test]
fn no_class_starves_behind_two_others() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    for n in 0..100 {
        queue.push(Entry::new(of(Class::Bulk), None), now, id(n));
        queue.push(Entry::new(of(Class::Transactional), None), now, id(1_000 + n));
    }
    queue.push(Entry::new(of(Class::Lifecycle), None), now, id(5_000));
    queue.push(Entry::new(of(Class::Drip), None), now, id(5_001));
    let picked: Vec<Class> = (0..24).filter_map(|_| pop(&mut queue, now)).map(|(class, _)| class).collect();
    for class in CLASSES {
        assert!(picked.contains(&class), "{class:?} had no turn in three");
    }
}

#[test]
fn a_message_expires_from_whichever_line_it_waits_in() {
    let mut queue = Queue::default();
    queue.push(Entry::new(of(Class::Bulk), Some(UnixMillis::new(500))), UnixMillis::new(900), id(1));
    queue.push(Entry::new(of(Class::Drip), Some(UnixMillis::new(600))), UnixMillis::new(100), id(2));
    assert_eq!(queue.next_at(), Some(UnixMillis::new(100)));
    assert_eq!(queue.pop_expired(UnixMillis::new(499)), None);
    assert_eq!(queue.pop_expired(UnixMillis::new(500)), Some((id(1), vec![])));
    assert_eq!(pop(&mut queue, UnixMillis::new(500)), Some((Class::Drip, id(2))));
    assert_eq!(queue.pop_expired(UnixMillis::new(700)), None, "it left in time");
    assert_eq!(queue.next_at(), None);
    assert!(queue.is_empty());
}

#[test]
fn nothing_leaves_before_it_is_due() {
    let mut queue = Queue::default();
    queue.push(Entry::new(of(Class::Transactional), None), UnixMillis::new(500), id(1));
    assert_eq!(queue.head(UnixMillis::new(499)), None);
    assert_eq!(queue.next_at(), Some(UnixMillis::new(500)));
    assert_eq!(pop(&mut queue, UnixMillis::new(500)), Some((Class::Transactional, id(1))));
    assert_eq!(queue.next_at(), None);
}

/// R086, R119: who waits for a full receiver is passed by, and only by those who go elsewhere.
#[test]
fn a_shut_lane_is_passed_by_and_nobody_overtakes_within_it() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(1), id(1));
    queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(2), id(2));
    queue.push(Entry::new(to(Class::Bulk, &["gmail", "microsoft"]), None), UnixMillis::new(3), id(3));
    queue.push(Entry::new(to(Class::Bulk, &["microsoft"]), None), UnixMillis::new(4), id(4));
    queue.push(Entry::new(to(Class::Bulk, &[]), None), UnixMillis::new(5), id(5));
    for (first, group, until) in [(1, 0, 5_000), (3, 1, 4_000)] {
        let head = queue.head(now).unwrap();
        assert_eq!(head.id, id(first));
        queue.shut_lane(&head, group, UnixMillis::new(until));
    }
    assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(4))));
    assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(5))));
    assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(4_000))));
    assert_eq!(pop(&mut queue, UnixMillis::new(4_000)), Some((Class::Bulk, id(3))));
    assert_eq!(queue.head(UnixMillis::new(4_999)), None);
    queue.reopen(&to(Class::Drip, &["gmail"]));
    assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(1))), "an answer from the receiver opens its lanes");
    assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
    assert!(queue.is_empty());
}

/// Who needs three units is not overtaken for ever by those who need one; who goes elsewhere passes.
#[test]
fn who_waits_longer_for_a_group_is_first_served() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    queue.push(Entry::new(to(Class::Bulk, &["gmail", "microsoft"]), None), UnixMillis::new(1), id(1));
    queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(2), id(2));
    queue.push(Entry::new(to(Class::Bulk, &["microsoft"]), None), UnixMillis::new(3), id(3));
    let first = queue.head(now).unwrap();
    assert!(!queue.step_back(&first, now));
    queue.shut_lane(&first, 0, UnixMillis::new(5_000));
    let second = queue.head(now).unwrap();
    assert_eq!(
        (second.id, queue.step_back(&second, now)),
        (id(2), true),
        "it would take the room that the first needs"
    );
    let third = queue.head(now).unwrap();
    assert_eq!((third.id, queue.step_back(&third, now)), (id(3), false), "the first waits for Gmail, not for this");
    assert!(queue.take(&third).is_some());
    assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(5_000))));
    assert_eq!(queue.head(UnixMillis::new(5_000)), Some(first.clone()));
    queue.shut_lane(&first, 1, UnixMillis::new(9_000));
    assert_eq!(pop(&mut queue, UnixMillis::new(5_000)), Some((Class::Bulk, id(2))), "it waits for another by now");
    assert!(queue.take(&first).is_some());
    assert!(queue.is_empty() && queue.lines.iter().all(|line| line.claims.is_empty() && line.several.is_empty()));
}

/// What may go through other providers stands in lines of its own; within a class the oldest is first, whichever line.
#[test]
fn routes_wait_apart_and_in_order() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    let second = || Entry { route: Route::only(1), ..Entry::new(of(Class::Bulk), None) };
    for n in [1, 3] {
        queue.push(Entry::new(of(Class::Bulk), None), UnixMillis::new(n), id(n));
    }
    assert!(!queue.has_several_routes());
    queue.push(second(), UnixMillis::new(2), id(2));
    assert!(queue.has_several_routes());
    queue.shut_route(Route::ANY, UnixMillis::new(5_000));
    assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
    assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(5_000))));
    queue.reopen(&of(Class::Drip));
    queue.push(second(), UnixMillis::new(2), id(2));
    let order: Vec<_> = (0..3).filter_map(|_| pop(&mut queue, now)).map(|(_, id)| id).collect();
    assert_eq!(order, [id(1), id(2), id(3)]);
}

#[test]
fn a_route_holds_its_providers() {
    let all = Route::ANY;
    assert!((0..32).all(|place| all.has(place)) && !all.has(32));
    let others = all.without(2);
    assert_eq!(
        (others.has(2), others.has(3), Route::only(2).has(2), Route::only(2).has(3)),
        (false, true, true, false)
    );
}

/// A lower class's turn is as long as its share of the messages that left since: 50 of a call make 50 / 7 of it.
#[test]
fn a_shared_turn_is_a_share_of_the_messages() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    for n in 0..700 {
        queue.push(Entry::new(of(Class::Transactional), None), now, id(n));
        queue.push(Entry::new(of(Class::Bulk), None), now, id(10_000 + n));
    }
    for _ in 0..7 {
        assert_eq!(queue.allowance(), usize::MAX);
        let head = queue.head(now).unwrap();
        assert_eq!(head.class, Class::Transactional);
        queue.take(&head);
        for _ in 0..49 {
            let next = queue.head_of(head.class, now).unwrap();
            queue.take_along(&next);
        }
    }
    assert_eq!((queue.head(now).unwrap().class, queue.allowance()), (Class::Bulk, 50));
    assert!(pop(&mut queue, now).is_some());
    assert_eq!((queue.head(now).unwrap().class, queue.allowance()), (Class::Transactional, usize::MAX));
}

/// R119: a class that is full does not stop another.
#[test]
fn a_shut_class_is_passed_by() {
    let mut queue = Queue::default();
    let now = UnixMillis::new(1_000);
    queue.push(Entry::new(of(Class::Transactional), None), now, id(1));
    queue.push(Entry::new(of(Class::Bulk), None), now, id(2));
    queue.shut_class(Class::Transactional, UnixMillis::new(1_500));
    assert_eq!(pop(&mut queue, now), Some((Class::Bulk, id(2))));
    assert_eq!((queue.head(now), queue.next_at()), (None, Some(UnixMillis::new(1_500))));
    assert_eq!(pop(&mut queue, UnixMillis::new(1_500)), Some((Class::Transactional, id(1))));
}

/// The lane was shut for the message that is gone.
#[test]
fn an_expired_head_opens_its_lane() {
    let mut queue = Queue::default();
    queue.push(Entry::new(to(Class::Bulk, &["gmail"]), Some(UnixMillis::new(50))), UnixMillis::new(1), id(1));
    queue.push(Entry::new(to(Class::Bulk, &["gmail"]), None), UnixMillis::new(2), id(2));
    let head = queue.head(UnixMillis::new(10)).unwrap();
    queue.shut_lane(&head, 0, UnixMillis::MAX);
    assert_eq!(queue.next_at(), Some(UnixMillis::new(50)), "its end is an instant to look at");
    assert_eq!(queue.pop_expired(UnixMillis::new(50)), Some((id(1), vec![])));
    assert_eq!(pop(&mut queue, UnixMillis::new(50)), Some((Class::Bulk, id(2))));
    assert_eq!(vec![queue.next_at()], [None]);
}

#[test]
fn every_class_has_its_number() {
    for (rank, class) in CLASSES.iter().enumerate() {
        assert_eq!(super::rank(*class), rank);
        assert_eq!(class_of(i64::try_from(rank).unwrap()), Some(*class));
    }
    assert_eq!(class_of(4), None);
    assert_eq!(class_of(-1), None);
}
