//! The snapshot: marks sealed so that only this server can read, and nobody can make one.
//!
//! ```text
//! byte 0       format (2; 3 while the list of what stays valid is told)
//! byte 1       key id
//! bytes 2–17   synthetic IV of AES-SIV (RFC 5297); its first eight bytes are the base of the next page
//! bytes 18–45  the run, readable whoever's snapshot it is: number, id, what it found (48 bits), id and found of its
//!              parent, id of its grandparent
//! bytes 46–49  checksum of store, format, key id and run: damage, or another server, is not taken for a run
//! then         sealed: level, kinds being told anew, number of kinds, a 48-bit mark per kind; while items are left out, by
//!              the highest bit of the number, through which version (6); while kinds are told anew,
//!              the one at present and how far (7); while the list is told, instead of that, its version and how far (12)
//! ```
//! Associated data: store, user, device, context, and everything in the clear but the synthetic IV. Deterministic: the same marks give the same bytes,
//! so that nothing new leaves the snapshot as it is.

use std::cell::RefCell;

use aes_siv::{KeyInit, siv::Aes128Siv};

use super::{
    kinds::KINDS_MAX,
    lost_future::Kept,
    marks::{Lifeline, Marks, NO_CURSOR, RunName, ValidList},
};
use crate::model::{Kind, KindSet, LineageId, RunNumber, UserId, Version};

const FORMAT: u8 = 2;
/// The client has not yet dropped what it must not keep, whatever run is named.
const FORMAT_TELLING_VALID: u8 = 3;
const HEADER_BYTES: usize = 2;
const TAG_BYTES: usize = 16;
const RUN_BYTES: usize = 28;
const CHECKSUM_BYTES: usize = 4;

/// Everything in the clear, and the synthetic IV.
const CLEAR_BYTES: usize = HEADER_BYTES + TAG_BYTES + RUN_BYTES + CHECKSUM_BYTES;

/// Bytes before the marks in what is sealed.
const FIXED_BYTES: usize = 3;
const MARK_BYTES: usize = 6;
const CURSOR_BYTES: usize = 1 + MARK_BYTES;
const VALID_LIST_BYTES: usize = 2 * MARK_BYTES;

/// In the number of kinds: a mark more follows, through which items are left out.
const OWED: u8 = 0x80;
const _: () = assert!(KINDS_MAX < OWED as usize);

/// Longest snapshot. A longer one is not ours and is refused unread.
pub const SNAPSHOT_BYTES_MAX: usize =
    CLEAR_BYTES + FIXED_BYTES + MARK_BYTES * (KINDS_MAX + 1) + VALID_LIST_BYTES;
const _: () = assert!(VALID_LIST_BYTES >= CURSOR_BYTES);

/// Whose snapshot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The user.
    pub user: UserId,
    /// The lineage.
    pub lineage: LineageId,
}

thread_local! {
    /// Of the key that this thread used last: a server has one.
    static CIPHER: RefCell<Option<([u8; 32], Aes128Siv)>> = const { RefCell::new(None) };
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
    /// It can be continued, but its client may hold messages above this version that were lost since, beside the chain.
    Lossy(Marks, Version),
    /// Damaged, forged, of another user, lineage or server, or of a format that we do not know.
    Foreign(Kept),
    /// It speaks of a history that this store does not have.
    Future(Kept),
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
        plain.push(marks.enumerating().bits());
        let used = marks.all().iter().rposition(|mark| *mark != Version(0)).map_or(0, |last| last + 1);
        let owed_through = (marks.owed_through() > Version(0)).then_some(marks.owed_through());
        plain.push(used as u8 | owed_through.map_or(0, |_| OWED));
        let put = |plain: &mut Vec<u8>, mark: Version| plain.extend_from_slice(&mark.0.to_be_bytes()[2..]);
        marks.all()[..used].iter().copied().chain(owed_through).for_each(|mark| put(&mut plain, mark));
        if let Some(list) = marks.valid() {
            // Nothing is told anew before the list is told, so there is no other cursor.
            put(&mut plain, list.through);
            put(&mut plain, list.after);
        } else if !marks.enumerating().is_empty() {
            let (kind, version) = marks.cursor();
            plain.push(kind.0);
            put(&mut plain, version);
        }
        let format = if marks.valid().is_some() { FORMAT_TELLING_VALID } else { FORMAT };
        let run = bytes_of(&marks.run);
        let associated = self.associated(chain, format, &run);
        let sealed = self
            .with_cipher(|cipher| cipher.encrypt([associated.as_slice()], &plain))
            .expect("one header and a short text are within the limits of AES-SIV");
        let (tag, sealed) = sealed.split_at(TAG_BYTES);
        let checksum = self.checksum([format, self.id], &run);
        [&[format, self.id], tag, &run, &checksum, sealed].concat()
    }

    /// Opens what a client handed back.
    #[must_use]
    pub fn open(&self, chain: Chain, snapshot: &[u8], lifeline: &Lifeline) -> Opened {
        if snapshot.is_empty() {
            return Opened::Empty;
        }
        let Some(marks) = self.unseal(chain, snapshot) else {
            return Opened::Foreign(self.kept_by_run_in_clear(snapshot, lifeline));
        };
        if !lifeline.continues(&marks) {
            let kept = match (lifeline.kept(marks.run), marks.valid()) {
                (Kept::Through(through), Some(list)) => Kept::Through(through.min(list.through)),
                (Kept::All, Some(list)) => Kept::Through(list.through),
                (kept, None) => kept,
            };
            return Opened::Future(kept);
        }
        match lifeline.lost_since(&marks) {
            Some(through) => Opened::Lossy(marks, through),
            None => Opened::Marks(marks),
        }
    }

    fn unseal(&self, chain: Chain, snapshot: &[u8]) -> Option<Marks> {
        if snapshot.len() > SNAPSHOT_BYTES_MAX || snapshot.get(1) != Some(&self.id) {
            return None;
        }
        let (format, run_bytes) = self.in_clear(snapshot)?;
        let (clear, sealed) = snapshot.split_at(CLEAR_BYTES);
        let sealed = [&clear[HEADER_BYTES..HEADER_BYTES + TAG_BYTES], sealed].concat();
        let associated = self.associated(chain, format, run_bytes);
        let plain = self.with_cipher(|cipher| cipher.decrypt([associated.as_slice()], &sealed)).ok()?;
        let (fixed, marks) = plain.split_first_chunk::<FIXED_BYTES>()?;
        let [level, enumerating, count] = *fixed;
        let (count, is_owing) = (count & !OWED, count & OWED != 0);
        if usize::from(count) > KINDS_MAX {
            return None;
        }
        let (marks, rest) = marks.split_at_checked(usize::from(count) * MARK_BYTES)?;
        let mut by_kind = [Version(0); KINDS_MAX];
        for (mark, bytes) in by_kind.iter_mut().zip(marks.chunks_exact(MARK_BYTES)) {
            *mark = mark_of(bytes);
        }
        let (owed_through, rest) = rest.split_at_checked(usize::from(is_owing) * MARK_BYTES)?;
        let enumerating = KindSet::from_bits(enumerating);
        let (cursor, valid) = match rest {
            [] if enumerating.is_empty() && format == FORMAT => (NO_CURSOR, None),
            list if format == FORMAT_TELLING_VALID && list.len() == VALID_LIST_BYTES => {
                let (through, after) = list.split_at(MARK_BYTES);
                (NO_CURSOR, Some(ValidList { through: mark_of(through), after: mark_of(after) }))
            }
            [kind, version @ ..] if !enumerating.is_empty() && version.len() == MARK_BYTES => {
                ((Kind(*kind), mark_of(version)), None)
            }
            _ => return None,
        };
        let (run, owed_through) = (run_of(run_bytes), mark_of(owed_through));
        Some(Marks::restored(level, run, (enumerating, cursor), valid, owed_through, by_kind))
    }

    /// The cipher keeps nothing of what it was used for, but making it from the key is dear for a push to each of many.
    fn with_cipher<R>(&self, use_it: impl FnOnce(&mut Aes128Siv) -> R) -> R {
        CIPHER.with_borrow_mut(|made| match made {
            Some((key, cipher)) if *key == self.key => use_it(cipher),
            made => {
                let (_, cipher) = made.insert((self.key, Aes128Siv::new(&self.key.into())));
                use_it(cipher)
            }
        })
    }

    fn associated(&self, chain: Chain, format: u8, run: &[u8]) -> Vec<u8> {
        let (user, device) = (chain.user.0.to_be_bytes(), chain.lineage.device.0.to_be_bytes());
        [&[format, self.id], &self.store[..], &user, &device, &[chain.lineage.context], run].concat()
    }

    /// Format and run of a snapshot of this store, whoever's it is. Nothing for what is damaged, or of another server.
    fn in_clear<'s>(&self, snapshot: &'s [u8]) -> Option<(u8, &'s [u8; RUN_BYTES])> {
        let header = *snapshot.first_chunk::<HEADER_BYTES>()?;
        let run = snapshot.get(HEADER_BYTES + TAG_BYTES..)?.first_chunk::<RUN_BYTES>()?;
        let checksum = snapshot.get(HEADER_BYTES + TAG_BYTES + RUN_BYTES..CLEAR_BYTES)?;
        let format = header[0];
        let is_ours = [FORMAT, FORMAT_TELLING_VALID].contains(&format);
        (is_ours && checksum == self.checksum(header, run)).then_some((format, run))
    }

    fn checksum(&self, header: [u8; HEADER_BYTES], run: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let hash = xxhash_rust::xxh3::xxh3_64(&[&self.store[..], &header, run].concat());
        (hash as u32).to_be_bytes()
    }

    /// What may be kept by a client whose snapshot cannot be read. Who changes these bytes on purpose harms itself alone: it
    /// reads again what it had. What is damaged, or of another server, says nothing about what was lost, so it costs nothing.
    fn kept_by_run_in_clear(&self, snapshot: &[u8], lifeline: &Lifeline) -> Kept {
        match self.in_clear(snapshot) {
            None => Kept::All,
            Some((FORMAT, run)) => lifeline.kept(run_of(run)),
            Some(_) => Kept::Through(Version(0)),
        }
    }
}

fn bytes_of(run: &RunName) -> [u8; RUN_BYTES] {
    let mut bytes = [0; RUN_BYTES];
    let id = |bytes: &mut [u8; RUN_BYTES], from: usize, id: u32| {
        bytes[from..from + 4].copy_from_slice(&id.to_be_bytes());
    };
    let found = |bytes: &mut [u8; RUN_BYTES], from: usize, found: Version| {
        bytes[from..from + MARK_BYTES].copy_from_slice(&found.0.to_be_bytes()[2..]);
    };
    id(&mut bytes, 0, run.number.0);
    id(&mut bytes, 4, run.id);
    found(&mut bytes, 8, run.found);
    id(&mut bytes, 14, run.parent);
    found(&mut bytes, 18, run.parent_found);
    id(&mut bytes, 24, run.grandparent);
    bytes
}

fn run_of(bytes: &[u8; RUN_BYTES]) -> RunName {
    let id = |from: usize| bytes[from..from + 4].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let found = |from: usize| mark_of(&bytes[from..from + MARK_BYTES]);
    RunName {
        number: RunNumber(id(0)),
        id: id(4),
        found: found(8),
        parent: id(14),
        parent_found: found(18),
        grandparent: id(24),
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
        let mut telling = marks();
        telling.tell_valid(Version(1 << 46), KindSet::ALL);
        telling.valid_told(Some(Version(1 << 45)));
        let told = key().seal(chain(1, 2, 0), &telling);
        assert_eq!(key().open(chain(1, 2, 0), &told, &lifeline()), Opened::Marks(telling));
        assert!(
            sealed.len() <= anew.len() && anew.len() <= told.len() && told.len() <= 92,
            "{} bytes",
            told.len()
        );
        telling.owe_through(Version(1 << 44));
        let owing = key().seal(chain(1, 2, 0), &telling);
        assert_eq!(key().open(chain(1, 2, 0), &owing, &lifeline()), Opened::Marks(telling));
        assert_eq!(owing.len(), told.len() + 6);
        assert_eq!(sealed, key().seal(chain(1, 2, 0), &marks()), "the same marks give the same bytes");
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_foreign_and_costs_nothing() {
        let sealed = key().seal(chain(1, 2, 0), &marks());
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let opened = key().open(chain(1, 2, 0), &forged, &lifeline());
            assert_eq!(opened, Opened::Foreign(Kept::All), "bit {bit}");
        }
        for length in 1..sealed.len() {
            let opened = key().open(chain(1, 2, 0), &sealed[..length], &lifeline());
            assert_eq!(opened, Opened::Foreign(Kept::All), "{length} bytes");
        }
    }

    #[test]
    fn nobody_elses_snapshot_opens() {
        let sealed = key().seal(chain(1, 2, 0), &marks());
        for other in [chain(3, 2, 0), chain(1, 3, 0), chain(1, 2, 1)] {
            assert_eq!(key().open(other, &sealed, &lifeline()), Opened::Foreign(Kept::All), "{other:?}");
        }
        let other_key = SnapshotKey::new(1, [8; 32], [99; 16]);
        assert_eq!(other_key.open(chain(1, 2, 0), &sealed, &lifeline()), Opened::Foreign(Kept::All));
        assert_eq!(
            key().open(chain(1, 2, 0), &sealed, &lifeline()),
            Opened::Marks(marks()),
            "keys take turns"
        );
        let other_store = SnapshotKey::new(1, [7; 32], [98; 16]);
        assert_eq!(other_store.open(chain(1, 2, 0), &sealed, &lifeline()), Opened::Foreign(Kept::All));
    }

    #[test]
    fn an_unknown_run_is_the_future() {
        let mut foreign_run = marks();
        foreign_run.run.id = 6;
        let sealed = key().seal(chain(1, 2, 0), &foreign_run);
        let opened = key().open(chain(1, 2, 0), &sealed, &lifeline());
        assert_eq!(opened, Opened::Future(Kept::Through(Version(0))));
    }

    #[test]
    fn a_raised_mark_changes_the_base() {
        let mut raised = marks();
        raised.raise(MESSAGES, Version((1 << 47) + 1));
        let (one, other) = (key().seal(chain(1, 2, 0), &marks()), key().seal(chain(1, 2, 0), &raised));
        assert_ne!(highwater_wire::base_of(&one), highwater_wire::base_of(&other));
    }
}
