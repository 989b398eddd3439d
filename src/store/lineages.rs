//! Lineages: the stored marks of every chain of snapshots of a user, and the floors under the inbox
//! and under the tombstones of each state kind.
//!
//! ```text
//! row     = user (8), floor, number of kinds, floor of a kind…, count, lineage…
//! lineage = device (8), context byte, from, kinds byte, heard, handed, number of marks, mark…
//! handed  = 0 for never, else 1 + milliseconds before heard
//! marks, floors: trailing zeros are left out
//! ```

use super::{
    field::{Input, Malformed, put_fixed64, put_number, put_time},
    keys::{self, Key},
};
use crate::model::{KindSet, Lineage, LineageId, Lineages, TimeMs, UserId, Version, limits::KINDS_MAX};

/// Key of a user's row.
#[must_use]
pub fn key(user: UserId) -> Vec<u8> {
    Key::of(keys::LINEAGES).u64(user.0).done()
}

/// Writes a row.
pub fn encode(out: &mut Vec<u8>, lineages: &Lineages) {
    put_fixed64(out, lineages.user.0);
    put_number(out, lineages.floor.0);
    put_versions(out, &lineages.tombstones);
    put_number(out, lineages.rows.len() as u64);
    for row in &lineages.rows {
        put_fixed64(out, row.id.device.0);
        out.push(row.id.context);
        put_number(out, row.from.0);
        out.push(row.kinds.bits());
        put_time(out, row.heard);
        put_number(
            out,
            row.handed.map_or(0, |handed| 1 + row.heard.0.saturating_sub(handed.0).max(0) as u64),
        );
        put_versions(out, &row.acked);
    }
}

/// A version for each kind; zeros at the end are left out.
fn put_versions(out: &mut Vec<u8>, versions: &[Version; KINDS_MAX]) {
    let used = versions.iter().rposition(|version| *version != Version(0)).map_or(0, |last| last + 1);
    out.push(used as u8);
    versions[..used].iter().for_each(|version| put_number(out, version.0));
}

fn versions(input: &mut Input<'_>, what: &'static str) -> Result<[Version; KINDS_MAX], Malformed> {
    let used = usize::from(input.byte(what)?);
    if used > KINDS_MAX {
        return Err(Malformed::Unknown { what, tag: used as u64 });
    }
    let mut read = [Version(0); KINDS_MAX];
    for version in &mut read[..used] {
        *version = input.version()?;
    }
    Ok(read)
}

/// Reads a row.
///
/// # Errors
/// When the bytes are not lineages.
pub fn decode(input: &mut Input<'_>) -> Result<Lineages, Malformed> {
    let (user, floor) = (input.user()?, input.version()?);
    let tombstones = versions(input, "number of floors")?;
    let count = input.number()?;
    let rows = (0..count).map(|_| decode_one(input)).collect::<Result<_, _>>()?;
    Ok(Lineages { user, floor, tombstones, rows })
}

fn decode_one(input: &mut Input<'_>) -> Result<Lineage, Malformed> {
    let id = LineageId { device: input.device()?, context: input.byte("context")? };
    let from = input.version()?;
    let kinds = KindSet::from_bits(input.byte("kinds")?);
    let heard = input.time()?;
    let handed = match input.number()? {
        0 => None,
        more => Some(TimeMs(heard.0.saturating_sub_unsigned(more - 1))),
    };
    let acked = versions(input, "number of marks")?;
    Ok(Lineage { id, from, kinds, acked, heard, handed })
}
