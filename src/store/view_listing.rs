//! Users and groups in order, page by page, as the tail and the index have them: for operators.
//!
//! A page has ids alone. What they stand for is read row by row: what became of one meanwhile is seen then.

use std::{collections::BTreeSet, ops::ControlFlow};

use super::{
    engine::prefix_end,
    field::Malformed,
    keys::{self, Key},
    view::View,
    view_fault::ReadFault,
};
use crate::model::{ConversationId, UserId, record::name_key};

impl View {
    /// Users behind one of them, in the order of ids, those who were erased too, at most `max`: none at the end alone.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn listed_users(&self, after: Option<UserId>, max: usize) -> Result<Vec<UserId>, ReadFault> {
        // The tail first: what leaves it meanwhile is in the index, but not the other way round.
        let mut found = self.pin.users_after(after, max);
        for prefix in [keys::ACCOUNT, keys::ERASURE] {
            let ids = self.ids_after(prefix, after.map(|user| user.0), max)?;
            found.extend(ids.into_iter().map(UserId));
        }
        Ok(found.into_iter().take(max).collect())
    }

    /// Groups and channels behind one of them, in the order of ids, those that have ended too, at most `max`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn listed_groups(
        &self,
        after: Option<ConversationId>,
        max: usize,
    ) -> Result<Vec<ConversationId>, ReadFault> {
        let mut found = self.pin.groups_after(after, max);
        let ids = self.ids_after(keys::GROUP, after.map(|group| group.0), max)?;
        found.extend(ids.into_iter().map(ConversationId));
        Ok(found.into_iter().take(max).collect())
    }

    /// Name keys that begin like a name, in the order of their bytes, behind one of them, at most `max`; also such as are
    /// kept back, or were given up a moment ago.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn listed_names(
        &self,
        prefix: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<String>, ReadFault> {
        let (first, to) = range_of(prefix);
        let behind = after.map(|after| [after.as_bytes(), &[0]].concat()).unwrap_or_default();
        let from = first.max(behind);
        if from >= to {
            return Ok(Vec::new());
        }
        let mut found = self.pin.names_within(&from, &to, max);
        let of_key = |name: &[u8]| Key::of(keys::NAME).bytes(name).done();
        let mut of_index = BTreeSet::new();
        self.visit(&of_key(&from), &of_key(&to), |key, _| {
            let name = key.get(1..).and_then(|name| std::str::from_utf8(name).ok());
            of_index.insert(name.ok_or(Malformed::Truncated("name key"))?.to_owned());
            Ok(if of_index.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        found.extend(of_index);
        Ok(found.into_iter().take(max).collect())
    }

    /// Ids behind one of them that a prefix has rows of, in order, at most `max`.
    fn ids_after(&self, prefix: u8, after: Option<u64>, max: usize) -> Result<Vec<u64>, ReadFault> {
        let mut found = Vec::new();
        let Some(first) = after.map_or(Some(0), |id| id.checked_add(1)) else {
            return Ok(found);
        };
        let to = prefix_end(&[prefix]).unwrap_or_default();
        self.visit(&Key::of(prefix).u64(first).done(), &to, |key, _| {
            let id = key.get(1..).and_then(|id| id.try_into().ok());
            found.push(u64::from_be_bytes(id.ok_or(Malformed::Truncated("key of an id"))?));
            Ok(if found.len() == max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }
}

/// Between which bytes the keys of names lie that begin like this, the end excluded. A sigma has another key at the end of
/// a word than within one; the two are neighbours.
fn range_of(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let at_the_end = name_key(prefix);
    let mut within = name_key(&format!("{prefix}a"));
    within.pop();
    let (first, last) = if at_the_end < within { (at_the_end, within) } else { (within, at_the_end) };
    let to = prefix_end(last.as_bytes()).unwrap_or_else(|| vec![u8::MAX]);
    (first.into_bytes(), to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        model::{Effect, Erasure, Group, GroupEffect, Profile, TimeMs, Version, record::Account},
        store::record_samples::Samples,
    };

    fn account(user: u64, name: &str) -> Effect {
        Effect::Account(Account {
            user: UserId(user),
            name: name.to_owned(),
            password: None,
            created: TimeMs(1),
            devices: Vec::new(),
            suspended: false,
            bot: false,
            made_by: None,
            profile: Profile::default(),
            strangers: None,
        })
    }

    /// Every page, one after the other.
    fn paged<T: Clone>(mut page: impl FnMut(Option<T>) -> Vec<T>) -> Vec<T> {
        let mut found = Vec::new();
        loop {
            let next = page(found.last().cloned());
            if next.is_empty() {
                return found;
            }
            found.extend(next);
        }
    }

    #[test]
    fn every_user_is_listed_once_in_order_wherever_the_row_is() {
        let mut store = Samples::new();
        let user = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for n in 1..=40 {
            store.publish(vec![account(user(n), &format!("u{n}"))]);
            if n == 25 {
                store.index_all();
            }
        }
        // One of the index and one of the tail are erased: they stay in the list.
        for n in [3, 30] {
            let begun = Version(store.tail.durable().0 + 1);
            let gone = Effect::AccountGone { user: UserId(user(n)), name: None };
            store.publish(vec![gone, Effect::Erasure(Erasure::begun(UserId(user(n)), TimeMs(5), begun))]);
        }
        let mut expected: Vec<UserId> = (1..=40).map(|n| UserId(user(n))).collect();
        expected.sort_unstable();
        let listed = |store: &Samples, max| paged(|after| store.view().listed_users(after, max).unwrap());
        for max in [1, 7, 40, 100] {
            assert_eq!(listed(&store, max), expected, "by {max}");
        }
        store.index_all();
        assert_eq!(listed(&store, 7), expected, "of the index alone");
        assert!(store.view().listed_users(Some(UserId(u64::MAX)), 7).unwrap().is_empty());
    }

    #[test]
    fn every_group_is_listed_once_in_order() {
        let mut store = Samples::new();
        for group in [9, u64::MAX, 5, 7, 1 << 63] {
            let row = Group::new(ConversationId(group), "tea", UserId(1), TimeMs(1));
            store.publish(vec![Effect::Group(GroupEffect::Row(row))]);
            if group == 5 {
                store.index_all();
            }
        }
        let found = paged(|after| store.view().listed_groups(after, 2).unwrap());
        assert_eq!(found, [5, 7, 9, 1 << 63, u64::MAX].map(ConversationId));
    }

    #[test]
    fn names_are_found_by_how_they_begin() {
        let mut store = Samples::new();
        let names =
            ["Anna", "ann", "ANN-2", "anz", "bob", "ΟΔΟΣ", "Οδοσήμων", "Straße", "strasse-2", "\u{10ffff}"];
        for (n, name) in (1..).zip(names) {
            store.publish(vec![account(n, name)]);
            if n == 4 {
                store.index_all();
            }
        }
        for (prefix, expected) in [
            ("ann", vec!["ann", "ann-2", "anna"]),
            ("AN", vec!["ann", "ann-2", "anna", "anz"]),
            ("οδοσ", vec!["οδος", "οδοσήμων"]),
            ("STRASS", vec!["strasse", "strasse-2"]),
            ("straß", vec!["strasse", "strasse-2"]),
            ("\u{10ffff}", vec!["\u{10ffff}"]),
            ("c", vec![]),
        ] {
            for max in [1, 2, 99] {
                let names = paged(|after: Option<String>| {
                    store.view().listed_names(prefix, after.as_deref(), max).unwrap()
                });
                assert_eq!(names, expected, "{prefix} by {max}");
            }
        }
        assert_eq!(
            paged(|after: Option<String>| store.view().listed_names("", after.as_deref(), 3).unwrap()).len(),
            10
        );
        assert!(store.view().listed_names("ann", Some("b"), 9).unwrap().is_empty());
    }
}
