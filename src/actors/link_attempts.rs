//! Codes of links that were wrong, by user: who tries too many waits.
//!
//! A code has 128 bits of chance, so this keeps nobody from guessing one; it keeps a guesser from costing more than others.

use std::collections::BTreeMap;

use highwater_wire::Refusal;
use parking_lot::Mutex;

use crate::model::{TimeMs, UserId};

/// Wrong codes of one user before further ones are refused, and the window in which they count, milliseconds.
/// Source: that of passwords, `actors::accounts`.
pub const WRONG_CODES_MAX: u32 = 10;
const WINDOW_MS: i64 = 10 * 60 * 1000;

/// Users who are remembered. When it is full the one whose window began first is forgotten.
const USERS_REMEMBERED_MAX: usize = 10_000;

/// See the module.
#[derive(Default)]
pub struct LinkAttempts {
    wrong: Mutex<BTreeMap<UserId, Wrong>>,
}

#[derive(Clone, Copy)]
struct Wrong {
    since: TimeMs,
    count: u32,
}

impl LinkAttempts {
    /// Whether the user may try a code now. What is tried at the same time is not waited for: it passes the limit by no
    /// more than a user may have in flight.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub fn admit(&self, user: UserId, now: TimeMs) -> Result<(), Refusal> {
        let wrong = self.wrong.lock();
        let counts = |noted: &&Wrong| now.0 - noted.since.0 < WINDOW_MS && noted.count >= WRONG_CODES_MAX;
        if wrong.get(&user).filter(counts).is_some() { Err(Refusal::TooManyAttempts) } else { Ok(()) }
    }

    /// Counts a code, if it was wrong.
    pub fn note<T>(&self, user: UserId, now: TimeMs, result: &Result<T, Refusal>) {
        if !matches!(result, Err(Refusal::NoSuchLink)) {
            return;
        }
        let mut wrong = self.wrong.lock();
        if wrong.len() >= USERS_REMEMBERED_MAX && !wrong.contains_key(&user) {
            let oldest = wrong.iter().min_by_key(|(_, noted)| noted.since).map(|(user, _)| *user);
            oldest.map(|oldest| wrong.remove(&oldest));
        }
        let noted = wrong.entry(user).or_insert(Wrong { since: now, count: 0 });
        if now.0 - noted.since.0 >= WINDOW_MS {
            *noted = Wrong { since: now, count: 0 };
        }
        noted.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_codes_are_judged_in_a_window_and_right_ones_cost_nothing() {
        let (attempts, ann, bob) = (LinkAttempts::default(), UserId(1), UserId(2));
        let wrong: Result<(), Refusal> = Err(Refusal::NoSuchLink);
        for one in 0..WRONG_CODES_MAX {
            assert_eq!(attempts.admit(ann, TimeMs(0)), Ok(()), "attempt {one}");
            attempts.note(ann, TimeMs(0), &Ok(()));
            attempts.note(ann, TimeMs(0), &Err::<(), _>(Refusal::GroupFull));
            attempts.note(ann, TimeMs(0), &wrong);
        }
        assert_eq!(attempts.admit(ann, TimeMs(WINDOW_MS - 1)), Err(Refusal::TooManyAttempts));
        assert_eq!(attempts.admit(bob, TimeMs(0)), Ok(()));
        assert_eq!(attempts.admit(ann, TimeMs(WINDOW_MS)), Ok(()));
        attempts.note(ann, TimeMs(WINDOW_MS), &wrong);
        assert_eq!(attempts.admit(ann, TimeMs(WINDOW_MS)), Ok(()));
    }

    #[test]
    fn so_many_users_are_remembered_and_no_more() {
        let attempts = LinkAttempts::default();
        for user in 0..=USERS_REMEMBERED_MAX as u64 {
            attempts.note(UserId(user), TimeMs(user as i64), &Err::<(), _>(Refusal::NoSuchLink));
        }
        let wrong = attempts.wrong.lock();
        assert_eq!((wrong.len(), wrong.contains_key(&UserId(0))), (USERS_REMEMBERED_MAX, false));
    }
}
