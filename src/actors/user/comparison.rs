//! Sync without snapshots: what a client says that it has, compared with what its user has. Reads only; no mark moves.

use highwater_wire::proto;
use proto::server_frame::Body;

use super::{naming, page_limit::page_limit};
use crate::{
    model::{ConversationId, Kind, Seq, UserId, Version, limits::PAGE_ENTRIES_MAX, record::Item},
    store::view::{ReadFault, UserView, View},
    sync::{Held, Kinds, LEVELS, PageLimits, Rendering, compare, kinds::CONTACTS, render},
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
    let limits = PageLimits { entries: page_limit(wanted.limit, PAGE_ENTRIES_MAX), bytes: bytes_max };
    let shows = |item: &Item| render::item(rendering, item).is_some_and(|item| !item.deleted);
    let found = compare(held(wanted), kinds, limits, shows, &UserView { view, user })?;
    let messages = found.entries.iter().map(|entry| &entry.message);
    let entries = naming::entries(view, user, rendering, messages)?.into_iter();
    let deletes = found.deletes.into_iter();
    let deletes = deletes
        .map(|delete| Ok((is_group(view, (user, rendering), &delete)?, delete)))
        .collect::<Result<Vec<_>, ReadFault>>()?;
    Ok(Body::Difference(proto::Difference {
        items: found.items.iter().flat_map(|item| versioned(rendering, item)).collect(),
        deletes: deletes
            .into_iter()
            .filter(|(is_group, _)| !is_group)
            .map(|(_, (kind, key))| proto::HeldItem { kind: u32::from(kind.0), key, version: 0 })
            .collect(),
        entries: entries
            .zip(&found.entries)
            .map(|(told, entry)| proto::VersionedEntry { version: entry.version.0, entry: Some(told) })
            .collect(),
        more: found.more,
    }))
}

fn versioned(rendering: Rendering, item: &Item) -> impl Iterator<Item = proto::VersionedItem> {
    let version = item.version.0;
    let told = render::items(rendering, item).into_iter();
    told.map(move |item| proto::VersionedItem { version, item: Some(item) })
}

/// Whether what is held as a contact is a group or a channel of the user, and so is there though there is no such contact.
fn is_group(
    view: &View,
    (user, rendering): (UserId, Rendering),
    (kind, key): &(Kind, String),
) -> Result<bool, ReadFault> {
    let group = key.parse().map(ConversationId).ok();
    let Some(group) = group.filter(|_| *kind == CONTACTS && LEVELS.names_speakers(rendering.level)) else {
        return Ok(false);
    };
    view.belongs(group, user)
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
