//! Who is here and follows what, against a plain list in random orders.

use std::collections::{BTreeMap, BTreeSet};

use super::followed_here::{FollowedHere, Presence, RECENT_POSTS_MAX, Stay};
use crate::model::{ConversationId, UserId, Version};

const ANN: UserId = UserId(1);
const NEWS: ConversationId = ConversationId(7);
const SPORT: ConversationId = ConversationId(8);

fn followers(table: &mut FollowedHere, channel: ConversationId) -> Vec<UserId> {
    let mut found: Vec<UserId> = table.posted(channel).collect();
    found.sort();
    found
}

fn come(table: &mut FollowedHere, user: UserId) -> Stay {
    table.come(user, Presence::Actor).expect("it is not known what the user follows")
}

#[test]
fn what_is_posted_while_follows_are_read_is_told_when_they_are() {
    let mut table = FollowedHere::default();
    assert!(followers(&mut table, NEWS).is_empty());
    let stay = come(&mut table, ANN);
    assert!(followers(&mut table, SPORT).is_empty());
    assert!(!table.was_read(ANN, stay, [NEWS]), "what came before the stay is not told");
    assert_eq!(followers(&mut table, NEWS), [ANN]);
    table.go(ANN, Presence::Actor);
    let stay = come(&mut table, ANN);
    assert!(followers(&mut table, NEWS).is_empty());
    assert!(table.was_read(ANN, stay, [NEWS, SPORT]));
}

#[test]
fn what_changes_while_follows_are_read_counts_more() {
    let mut table = FollowedHere::default();
    let stay = come(&mut table, ANN);
    table.changed(ANN, NEWS, false, Version(3));
    table.changed(ANN, SPORT, true, Version(4));
    assert!(followers(&mut table, SPORT).is_empty());
    assert!(table.was_read(ANN, stay, [NEWS]), "it was followed before it was posted");
    assert_eq!((followers(&mut table, NEWS), followers(&mut table, SPORT)), (vec![], vec![ANN]));
}

#[test]
fn the_newest_change_of_a_stay_is_known_by_its_version() {
    let mut table = FollowedHere::default();
    table.changed(ANN, NEWS, true, Version(2));
    assert_eq!(table.changed_at(ANN), Version(0), "who is not here reads everything when he comes");
    let stay = come(&mut table, ANN);
    assert_eq!(table.changed_at(ANN), Version(0));
    table.changed(ANN, NEWS, false, Version(3));
    assert!(!table.was_read(ANN, stay, [NEWS]));
    assert_eq!(table.changed_at(ANN), Version(3), "a change while follows are read counts");
    table.changed(ANN, SPORT, true, Version(7));
    table.changed(UserId(2), SPORT, true, Version(8));
    assert_eq!(table.changed_at(ANN), Version(7));
    table.go(ANN, Presence::Actor);
    come(&mut table, ANN);
    assert_eq!(table.changed_at(ANN), Version(0), "another stay, another page");
}

#[test]
fn what_was_read_for_an_earlier_stay_counts_nothing() {
    let mut table = FollowedHere::default();
    let earlier = come(&mut table, ANN);
    table.go(ANN, Presence::Actor);
    let stay = come(&mut table, ANN);
    assert!(!table.was_read(ANN, earlier, [NEWS]));
    assert!(followers(&mut table, NEWS).is_empty());
    assert!(!table.was_read(ANN, stay, [SPORT]));
    assert!(followers(&mut table, NEWS).is_empty());
}

#[test]
fn a_user_is_here_while_one_way_is_left() {
    let mut table = FollowedHere::default();
    let stay = table.come(ANN, Presence::Poll).expect("it is to be read");
    assert_eq!(table.come(ANN, Presence::Actor), Some(stay), "whoever is first reads it");
    assert!(!table.was_read(ANN, stay, [NEWS]));
    assert_eq!(table.come(ANN, Presence::Poll), None, "it is known");
    table.actors_gone();
    table.go(ANN, Presence::Poll);
    assert_eq!(followers(&mut table, NEWS), [ANN]);
    table.go(ANN, Presence::Poll);
    assert!(followers(&mut table, NEWS).is_empty() && table.is_empty());
}

#[test]
fn more_posts_than_are_remembered_are_told_to_whoever_follows_anything() {
    for (follows, told) in [(vec![SPORT], true), (vec![], false)] {
        let mut table = FollowedHere::default();
        let stay = come(&mut table, ANN);
        for _ in 0..=RECENT_POSTS_MAX {
            assert!(followers(&mut table, NEWS).is_empty());
        }
        assert_eq!(table.was_read(ANN, stay, follows), told);
    }
}

/// Users and what they follow as the store has it; a read shows it at any time after it was asked for.
#[derive(Default)]
struct Plain {
    follows: BTreeSet<(UserId, ConversationId)>,
    /// Who is here, with the stay whose read is under way.
    here: BTreeMap<UserId, Option<Stay>>,
    /// Posts that a user who is here has to be told when the read is done.
    owed: BTreeSet<(UserId, ConversationId)>,
}

/// SplitMix64: the same numbers for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[test]
fn in_random_orders_nobody_misses_a_post_and_nobody_else_is_told() {
    let (mut told_at_once, mut told_later) = (0_u32, 0_u32);
    for seed in 1..=400 {
        let mut random = Numbers(seed);
        let (mut table, mut plain) = (FollowedHere::default(), Plain::default());
        for version in 1..=60 {
            let user = UserId(random.below(4));
            let channel = ConversationId(random.below(3));
            match random.below(6) {
                0 => {
                    let is_followed = plain.follows.insert((user, channel));
                    if !is_followed {
                        plain.follows.remove(&(user, channel));
                        // That it was left is news itself.
                        plain.owed.remove(&(user, channel));
                    }
                    table.changed(user, channel, is_followed, Version(version));
                }
                1 if !plain.here.contains_key(&user) => {
                    plain.here.insert(user, table.come(user, Presence::Actor));
                }
                1 => {
                    table.go(user, Presence::Actor);
                    plain.here.remove(&user);
                    plain.owed.retain(|(owed, _)| *owed != user);
                }
                2 => {
                    let Some(Some(stay)) = plain.here.get(&user).copied() else { continue };
                    let of_user = plain.follows.iter().filter(|(who, _)| *who == user);
                    let told = table.was_read(user, stay, of_user.map(|(_, channel)| *channel));
                    plain.here.insert(user, None);
                    let is_owed = plain.owed.iter().any(|(owed, _)| *owed == user);
                    assert!(told || !is_owed, "seed {seed}: {user} misses a post");
                    told_later += u32::from(told);
                    plain.owed.retain(|(owed, _)| *owed != user);
                }
                _ => {
                    let mut expected = Vec::new();
                    for (user, reading) in &plain.here {
                        if plain.follows.contains(&(*user, channel)) {
                            match reading {
                                None => expected.push(*user),
                                Some(_) => drop(plain.owed.insert((*user, channel))),
                            }
                        }
                    }
                    assert_eq!(followers(&mut table, channel), expected, "seed {seed}");
                    told_at_once += expected.len() as u32;
                }
            }
        }
    }
    assert!(told_at_once > 1000 && told_later > 100, "{told_at_once} {told_later}");
}
