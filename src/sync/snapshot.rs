//! The snapshot: marks sealed so that only this server can read, and nobody can make one.
//!
//! ```text
//! byte 0      format (1)
//! byte 1      key id
//! bytes 2–17  synthetic IV of AES-SIV (RFC 5297); its first eight bytes are the base of the next page
//! then        sealed: level, run number (4), run id (4), kinds being told anew, number of kinds, a 48-bit mark per
//!             kind; and while kinds are told anew, the one at present and how far (7)
//! ```
//! Associated data: format, key id, store, user, device, context. Deterministic: the same marks give the same bytes,
//! so that nothing new leaves the snapshot as it is.

use aes_siv::{KeyInit, siv::Aes128Siv};

use super::{
    kinds::KINDS_MAX,
    marks::{Lifeline, Marks, NO_CURSOR, RunName},
};
use crate::model::{Kind, KindSet, LineageId, RunNumber, UserId, Version};

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 2;
const TAG_BYTES: usize = 16;

/// Bytes before the marks in what is sealed.
const FIXED_BYTES: usize = 11;
const MARK_BYTES: usize = 6;
const CURSOR_BYTES: usize = 1 + MARK_BYTES;

/// Longest snapshot. A longer one is not ours and is refused unread.
pub const SNAPSHOT_BYTES_MAX: usize =
    HEADER_BYTES + TAG_BYTES + FIXED_BYTES + MARK_BYTES * KINDS_MAX + CURSOR_BYTES;

/// Whose snapshot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The user.
    pub user: UserId,
    /// The lineage.
    pub lineage: LineageId,
}

/// The server's key for snapshots.
#[derive(Clone)]
pub struct SnapshotKey {
    id: u8,
    key: [u8; 32],
    store: [u8; 16],
}

/// What became of a snapshot that a client handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The client has none yet.
    Empty,
    /// It is ours, of this chain, and of a history that we have.
    Marks(Marks),
    /// Damaged, forged, of another user, lineage or server, or of a format that we do not know.
    Foreign,
    /// It speaks of a history that this store does not have.
    Future,
}

impl SnapshotKey {
    /// A key of a store.
    #[must_use]
    pub fn new(id: u8, key: [u8; 32], store: [u8; 16]) -> SnapshotKey {
        SnapshotKey { id, key, store }
    }

    /// Seals marks for a chain.
    #[must_use]
    pub fn seal(&self, chain: Chain, marks: &Marks) -> Vec<u8> {
        let mut plain = Vec::with_capacity(SNAPSHOT_BYTES_MAX);
        plain.push(marks.level);
        plain.extend_from_slice(&marks.run.number.0.to_be_bytes());
        plain.extend_from_slice(&marks.run.id.to_be_bytes());
        plain.push(marks.enumerating().bits());
        let used = marks.all().iter().rposition(|mark| *mark != Version(0)).map_or(0, |last| last + 1);
        plain.push(used as u8);
        for mark in &marks.all()[..used] {
            plain.extend_from_slice(&mark.0.to_be_bytes()[2..]);
        }
        if !marks.enumerating().is_empty() {
            let (kind, version) = marks.cursor();
            plain.push(kind.0);
            plain.extend_from_slice(&version.0.to_be_bytes()[2..]);
        }
        let associated = self.associated(chain);
        let sealed = self
            .cipher()
            .encrypt([associated.as_slice()], &plain)
            .expect("one header and a short text are within the limits of AES-SIV");
        [&[FORMAT, self.id], sealed.as_slice()].concat()
    }

    /// Opens what a client handed back.
    #[must_use]
    pub fn open(&self, chain: Chain, snapshot: &[u8], lifeline: &Lifeline) -> Opened {
        if snapshot.is_empty() {
            return Opened::Empty;
        }
        match self.unseal(chain, snapshot) {
            None => Opened::Foreign,
            Some(marks) if lifeline.continues(&marks) => Opened::Marks(marks),
            Some(_) => Opened::Future,
        }
    }

    fn unseal(&self, chain: Chain, snapshot: &[u8]) -> Option<Marks> {
        if snapshot.len() > SNAPSHOT_BYTES_MAX || snapshot.get(..HEADER_BYTES)? != [FORMAT, self.id] {
            return None;
        }
        let associated = self.associated(chain);
        let plain = self.cipher().decrypt([associated.as_slice()], &snapshot[HEADER_BYTES..]).ok()?;
        let (fixed, marks) = plain.split_first_chunk::<FIXED_BYTES>()?;
        let [level, n0, n1, n2, n3, i0, i1, i2, i3, enumerating, count] = *fixed;
        if usize::from(count) > KINDS_MAX {
            return None;
        }
        let (marks, cursor) = marks.split_at_checked(usize::from(count) * MARK_BYTES)?;
        let mut by_kind = [Version(0); KINDS_MAX];
        for (mark, bytes) in by_kind.iter_mut().zip(marks.chunks_exact(MARK_BYTES)) {
            *mark = mark_of(bytes);
        }
        let enumerating = KindSet::from_bits(enumerating);
        let cursor = match cursor {
            [] if enumerating.is_empty() => NO_CURSOR,
            [kind, version @ ..] if !enumerating.is_empty() && version.len() == MARK_BYTES => {
                (Kind(*kind), mark_of(version))
            }
            _ => return None,
        };
        let run = RunName {
            number: RunNumber(u32::from_be_bytes([n0, n1, n2, n3])),
            id: u32::from_be_bytes([i0, i1, i2, i3]),
        };
        Some(Marks::restored(level, run, (enumerating, cursor), by_kind))
    }

    fn cipher(&self) -> Aes128Siv {
        Aes128Siv::new(&self.key.into())
    }

    fn associated(&self, chain: Chain) -> [u8; 35] {
        let mut bytes = [0; 35];
        bytes[0] = FORMAT;
        bytes[1] = self.id;
        bytes[2..18].copy_from_slice(&self.store);
        bytes[18..26].copy_from_slice(&chain.user.0.to_be_bytes());
        bytes[26..34].copy_from_slice(&chain.lineage.device.0.to_be_bytes());
        bytes[34] = chain.lineage.context;
        bytes
    }
}

fn mark_of(bytes: &[u8]) -> Version {
    Version(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl std::fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{DeviceId, record::Run},
        sync::kinds::{CONTACTS, MESSAGES},
    };

    fn key() -> SnapshotKey {
        SnapshotKey::new(1, [7; 32], [99; 16])
    }

    fn chain(user: u64, device: u64, context: u8) -> Chain {
        Chain { user: UserId(user), lineage: LineageId { device: DeviceId(device), context } }
    }

    fn lifeline() -> Lifeline {
        let run = Run { number: RunNumber(1), id: 5, first: Version(1), found: Version(0), lossy: false };
        Lifeline::new(vec![run])
    }

    fn marks() -> Marks {
        let mut marks = Marks::fresh(1, lifeline().current(), Version(1 << 47));
        marks.raise(CONTACTS, Version(12));
        marks
    }

    #[test]
    fn what_was_sealed_opens_and_is_small() {
        let sealed = key().seal(chain(1, 2, 0), &marks());
        assert_eq!(key().open(chain(1, 2, 0), &sealed, &lifeline()), Opened::Marks(marks()));
        let mut longest = marks();
        longest.enumerate(KindSet::ALL);
        longest.given(CONTACTS, Version(77), false);
        let anew = key().seal(chain(1, 2, 0), &longest);
        assert_eq!(key().open(chain(1, 2, 0), &anew, &lifeline()), Opened::Marks(longest));
        assert!(sealed.len() <= anew.len() && anew.len() <= 72, "{} bytes", anew.len());
        assert_eq!(sealed, key().seal(chain(1, 2, 0), &marks()), "the same marks give the same bytes");
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_foreign() {
        let sealed = key().seal(chain(1, 2, 0), &marks());
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key().open(chain(1, 2, 0), &forged, &lifeline()), Opened::Foreign, "bit {bit}");
        }
        for length in 1..sealed.len() {
            assert_eq!(key().open(chain(1, 2, 0), &sealed[..length], &lifeline()), Opened::Foreign);
        }
    }

    #[test]
    fn nobody_elses_snapshot_opens() {
        let sealed = key().seal(chain(1, 2, 0), &marks());
        for other in [chain(3, 2, 0), chain(1, 3, 0), chain(1, 2, 1)] {
            assert_eq!(key().open(other, &sealed, &lifeline()), Opened::Foreign);
        }
        let other_store = SnapshotKey::new(1, [7; 32], [98; 16]);
        assert_eq!(other_store.open(chain(1, 2, 0), &sealed, &lifeline()), Opened::Foreign);
    }

    #[test]
    fn an_unknown_run_is_the_future() {
        let mut foreign_run = marks();
        foreign_run.run.id = 6;
        let sealed = key().seal(chain(1, 2, 0), &foreign_run);
        assert_eq!(key().open(chain(1, 2, 0), &sealed, &lifeline()), Opened::Future);
    }

    #[test]
    fn a_raised_mark_changes_the_base() {
        let mut raised = marks();
        raised.raise(MESSAGES, Version((1 << 47) + 1));
        let (one, other) = (key().seal(chain(1, 2, 0), &marks()), key().seal(chain(1, 2, 0), &raised));
        assert_ne!(highwater_wire::base_of(&one), highwater_wire::base_of(&other));
    }
}
