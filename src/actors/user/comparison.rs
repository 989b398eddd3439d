//! Sync without snapshots: what a client says that it has, compared with what its user has. Reads only; no mark moves.

use highwater_wire::proto;
use proto::server_frame::Body;

use crate::{
    model::{ConversationId, Kind, Seq, UserId, Version, limits::PAGE_ENTRIES_MAX, record::Item},
    store::view::{ReadFault, UserView, View},
    sync::{Held, Kinds, PageLimits, Rendering, compare, render},
};

/// The difference between what a client has and what its user has.
///
/// # Errors
/// When the store cannot be read.
pub fn difference(
    view: &View,
    (user, rendering): (UserId, Rendering),
    kinds: &Kinds,
    wanted: proto::Compare,
    bytes_max: usize,
) -> Result<Body, ReadFault> {
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let entries = if limit == 0 { PAGE_ENTRIES_MAX } else { limit.min(PAGE_ENTRIES_MAX) };
    let limits = PageLimits { entries, bytes: bytes_max };
    let shows = |item: &Item| render::item(rendering, item).is_some_and(|item| !item.deleted);
    let found = compare(held(wanted), kinds, limits, shows, &UserView { view, user })?;
    let items = found.items.iter();
    let entries = found.entries.iter();
    Ok(Body::Difference(proto::Difference {
        items: items
            .filter_map(|item| {
                let told = render::item(rendering, item)?;
                Some(proto::VersionedItem { version: item.version.0, item: Some(told) })
            })
            .collect(),
        deletes: found
            .deletes
            .into_iter()
            .map(|(kind, key)| proto::HeldItem { kind: u32::from(kind.0), key, version: 0 })
            .collect(),
        entries: entries
            .map(|entry| proto::VersionedEntry {
                version: entry.version.0,
                entry: Some(render::entry(user, rendering, &entry.message)),
            })
            .collect(),
        more: found.more,
    }))
}

fn held(wanted: proto::Compare) -> Held {
    let items = wanted.items.into_iter().filter_map(|item| {
        // A kind of a number that no kind has is none of ours: there is nothing to say about it.
        let kind = Kind(u8::try_from(item.kind).ok()?);
        Some(((kind, item.key), Version(item.version)))
    });
    let entries = wanted
        .entries
        .into_iter()
        .map(|entry| ((ConversationId(entry.conversation_id), Seq(entry.seq)), Version(entry.version)));
    Held { items: items.collect(), entries: entries.collect() }
}
