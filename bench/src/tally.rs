//! What all lanes together have done, readable while they run.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($( $(#[$doc:meta])* $name:ident; )*) => {
        /// Counted by one lane, or a reading of all.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Counts { $( $(#[$doc])* pub $name: u64, )* }

        /// Sums over all lanes; a lane adds what it counted once per look at its sockets.
        #[derive(Debug, Default)]
        pub struct Tally { $( $name: AtomicU64, )* }

        impl Tally {
            /// Adds what a lane counted, and empties it.
            pub fn add(&self, counts: &mut Counts) {
                $( if counts.$name != 0 { self.$name.fetch_add(counts.$name, Ordering::Relaxed); } )*
                *counts = Counts::default();
            }

            /// The sums now.
            pub fn read(&self) -> Counts {
                Counts { $( $name: self.$name.load(Ordering::Relaxed), )* }
            }
        }

        impl Counts {
            /// What came since an earlier reading.
            #[must_use]
            pub fn since(&self, earlier: &Counts) -> Counts {
                Counts { $( $name: self.$name - earlier.$name, )* }
            }
        }
    };
}

counts! {
    /// Clients that synced to the end for the first time.
    ready;
    /// Connections that ended without being asked to.
    ended;
    /// Messages sent, each once.
    sent;
    /// Messages acknowledged.
    acknowledged;
    /// Messages that reached the one they were written to.
    delivered;
    /// Own messages that came back by push or page.
    own_entries;
    /// Entries that were there already.
    repeated_entries;
    /// Seqs that were skipped.
    holes;
    /// Requests refused for now.
    refused;
    /// Nudges.
    nudges;
    /// Syncs asked for.
    syncs_asked;
    /// Syncs answered.
    syncs;
    /// Pages that did not continue what was stored.
    discarded_pages;
    /// Pages that told everything anew.
    rebuilds;
    /// Heartbeats sent.
    heartbeats;
    /// Bytes read.
    bytes_in;
}
