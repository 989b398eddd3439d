//! Which ids host programs may register: a name that Prometheus takes, nothing twice, and never another meaning.

use std::collections::BTreeSet;

use crate::model::{
    HostId,
    host_id::{HOST_ID_NAME_BYTES_MAX, HOST_IDS, HOST_IDS_MAX},
};

/// Last words that a name may not have: `/metrics` appends them, so that two families would have one name.
const ENDINGS_TAKEN: [&str; 9] =
    ["total", "seconds", "bytes", "sum", "count", "bucket", "created", "info", "max"];

/// Why nothing was registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unregistered {
    /// It is not one of the host programs'.
    #[error("id {0} is not from {first} to {last}", first = HOST_IDS.start(), last = HOST_IDS.end())]
    OutOfRange(u32),
    /// The name cannot be one.
    #[error(
        "the name of id {0} is not words of small letters, digits and underscores, joined by dots, of at most \
         {HOST_ID_NAME_BYTES_MAX} bytes, or ends as `/metrics` ends a name by itself"
    )]
    Name(u32),
    /// Another id shows itself under the same name.
    #[error("the name of id {0} is that of id {1}, or cannot be told from it in `/metrics`")]
    NameTaken(u32, u32),
    /// It is registered, and counts something else.
    #[error(
        "id {0} is registered with another kind or unit: its points would be taken for those; take another id, or remove it"
    )]
    Changed(u32),
    /// Two are registered at once under one number: which of them is meant is not known.
    #[error("id {0} stands there twice")]
    Twice(u32),
    /// There are too many.
    #[error("there are at most {HOST_IDS_MAX} ids")]
    TooMany,
}

/// The ids that there are once these are registered, ascending. One that is registered so already stays; its name may change.
///
/// # Errors
/// [`Unregistered`], for the first that may not be; then nothing is.
pub fn register(known: &[HostId], new: Vec<HostId>) -> Result<Vec<HostId>, Unregistered> {
    let mut all = known.to_vec();
    let mut numbers = BTreeSet::new();
    for id in new {
        if !numbers.insert(id.id) {
            return Err(Unregistered::Twice(id.id));
        }
        if !HOST_IDS.contains(&id.id) {
            return Err(Unregistered::OutOfRange(id.id));
        }
        if !is_name(&id.name) {
            return Err(Unregistered::Name(id.id));
        }
        match all.binary_search_by_key(&id.id, |known| known.id) {
            Ok(place) if (all[place].kind, all[place].unit) != (id.kind, id.unit) => {
                return Err(Unregistered::Changed(id.id));
            }
            Ok(place) => all[place] = id,
            Err(_) if all.len() == HOST_IDS_MAX => return Err(Unregistered::TooMany),
            Err(place) => all.insert(place, id),
        }
    }
    // Judged at the end, so that two ids may swap their names.
    let shown: Vec<String> = all.iter().map(|id| id.name.replace('.', "_")).collect();
    for (place, name) in shown.iter().enumerate() {
        if let Some(other) = shown[..place].iter().position(|other| other == name) {
            return Err(Unregistered::NameTaken(all[place].id, all[other].id));
        }
    }
    Ok(all)
}

/// The ids that are left without these; one that is not there is none.
#[must_use]
pub fn remove(known: &[HostId], ids: &[u32]) -> Vec<HostId> {
    known.iter().filter(|known| !ids.contains(&known.id)).cloned().collect()
}

fn is_name(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && !word.ends_with('_')
    };
    let last = name.rsplit(['.', '_']).next().unwrap_or_default();
    name.len() <= HOST_ID_NAME_BYTES_MAX && name.split('.').all(is_word) && !ENDINGS_TAKEN.contains(&last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::{PointKind, PointUnit};

    fn id(id: u32, name: &str) -> HostId {
        HostId { id, name: name.to_owned(), kind: PointKind::Sum, unit: PointUnit::Count }
    }

    #[test]
    fn ids_are_added_in_order_and_registered_again_without_harm() {
        let all = register(&[], vec![id(20_000, "shop.orders"), id(10_000, "shop.carts")]).unwrap();
        assert_eq!(all.iter().map(|id| id.id).collect::<Vec<_>>(), [10_000, 20_000]);
        assert_eq!(register(&all, vec![id(20_000, "shop.orders")]).unwrap(), all);
        let renamed = register(&all, vec![id(10_000, "shop.orders"), id(20_000, "shop.carts")]).unwrap();
        assert_eq!(renamed[0].name, "shop.orders", "two may swap their names");
        assert_eq!(remove(&all, &[10_000, 10_001]), [id(20_000, "shop.orders")]);
    }

    #[test]
    fn an_id_never_gets_another_meaning_and_no_name_is_used_twice() {
        let all = register(&[], vec![id(10_000, "shop.orders")]).unwrap();
        let gauge = HostId { kind: PointKind::Gauge, ..id(10_000, "shop.orders") };
        let bytes = HostId { unit: PointUnit::Bytes, ..id(10_000, "shop.orders") };
        for changed in [gauge, bytes] {
            assert_eq!(register(&all, vec![changed]), Err(Unregistered::Changed(10_000)));
        }
        for same in ["shop.orders", "shop_orders"] {
            let taken = Err(Unregistered::NameTaken(10_001, 10_000));
            assert_eq!(register(&all, vec![id(10_001, same)]), taken, "{same}");
        }
        // Which of two is meant is not known, also where they say the same.
        assert_eq!(
            register(&all, vec![id(10_001, "a"), id(10_002, "b"), id(10_001, "c")]),
            Err(Unregistered::Twice(10_001))
        );
        for outside in [0, 1_010, 9_999, 60_000, u32::MAX] {
            assert_eq!(register(&all, vec![id(outside, "a")]), Err(Unregistered::OutOfRange(outside)));
        }
    }

    #[test]
    fn names_are_what_prometheus_takes() {
        for name in ["a", "shop.orders", "shop_2.open_orders_2", &"a".repeat(64)] {
            assert!(register(&[], vec![id(10_000, name)]).is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "A",
            "a b",
            "a-b",
            "2a",
            "a.2b",
            "_a",
            "a_",
            "a.b_",
            "größe",
            "a\"b",
            "a\n",
            "a{b",
            "orders.total",
            "orders_total",
            "total",
            "took.seconds",
            "a_sum",
            "a.bucket",
            &"a".repeat(65),
        ] {
            assert_eq!(register(&[], vec![id(10_000, name)]), Err(Unregistered::Name(10_000)), "{name}");
        }
    }

    #[test]
    fn there_are_no_more_than_fit() {
        let many = |count: u32| (0..count).map(|n| id(10_000 + n, &format!("n{n}"))).collect::<Vec<_>>();
        let full = register(&[], many(HOST_IDS_MAX as u32)).unwrap();
        assert_eq!(register(&full, vec![id(59_999, "more")]), Err(Unregistered::TooMany));
        assert!(
            register(&full, many(HOST_IDS_MAX as u32)).is_ok(),
            "those that are there do not count again"
        );
        assert!(register(&remove(&full, &[10_007]), vec![id(59_999, "more")]).is_ok());
    }
}
