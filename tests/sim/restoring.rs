//! An older copy of the store is put back: numbers are used again, and no client may keep what was lost.

use std::{ops::ControlFlow, sync::Arc};

use highwater::{
    actors::persistence::commit::Health,
    actors::user::{heads, range},
    model::limits::PAGE_BYTES_MAX,
    store::{
        engine::{Engine, IndexBatch},
        engine_faulty::{FaultPlan, FaultyEngine},
        engine_memory::MemoryEngine,
        files_faulty::FaultyDisk,
        watermark::WATERMARK_NAME,
    },
};
use highwater_wire::proto::{self, server_frame::Body};

use crate::{client::Client, oracle::Oracle, shell::DIRECTORY, world::World};

/// A copy of everything that the store has on disk, and what was true when it was taken.
pub struct Image {
    disk: FaultyDisk,
    engine: MemoryEngine,
    oracle: Oracle,
}

impl World {
    /// A copy is taken now and then; later it is put back, sometimes more than once.
    pub fn back_up_or_restore(&mut self) {
        let wants_newer = self.image.is_none() || self.random.one_in(3);
        if wants_newer && self.users.len() >= 2 && self.running().committer.health() == Health::Writable {
            self.back_up();
        } else if self.image.is_some() {
            self.restore();
        }
    }

    /// Taken while the server runs, as a snapshot of the file system would be.
    fn back_up(&mut self) {
        let disk = self.shell.disk.after_kill();
        disk.set_capacity(None);
        let engine = copy_of(&*self.shell.engine);
        self.image = Some(Image { disk, engine, oracle: self.oracle.clone() });
    }

    /// The whole directory comes back, and nothing says so; or all but the watermark, and an operator accepts the loss.
    fn restore(&mut self) {
        let image = self.image.take().expect("there is a copy");
        if image.oracle.is_in_mid_entry() {
            self.counts.saw("restore between group steps");
        }
        self.shell.running = None;
        self.after_the_end();
        let watermark = self.random.one_in(2).then(|| self.shell.content_of(WATERMARK_NAME));
        self.shell.disk = image.disk.after_kill();
        self.shell.engine = Arc::new(FaultyEngine::new(copy_of(&image.engine), FaultPlan::default()));
        if let Some(newer) = &watermark {
            self.shell.disk.tamper(DIRECTORY, WATERMARK_NAME, |bytes| bytes.clone_from(newer));
        }
        self.shell.accept_loss = watermark.is_some();
        self.shell.synced_reach = self.shell.reach();
        self.capacity = None;
        self.oracle = image.oracle.clone();
        self.restores += 1;
        self.counts.saw("restore");
        // Who tells versions alone cannot say of which history they are: such a client begins anew.
        self.wholes.clear();
        self.forget_what_was_lost();
        self.start();
        self.image = Some(image);
        let lossy = self.running().lifeline.runs().last().is_some_and(|run| run.lossy);
        if lossy {
            self.counts.saw("lossy run");
            self.oracle.told_lossy = self.restores;
        }
    }

    fn forget_what_was_lost(&mut self) {
        let oracle = &self.oracle;
        self.users.retain(|(user, _)| oracle.names.values().any(|known| known == user));
        // A context of a device that lives on begins anew at its next hello, as if it had never been.
        self.clients.retain(|client| {
            oracle.began.contains_key(&client.lineage) || !oracle.is_live(client.lineage.device)
        });
        for pending in &mut self.pending {
            pending.is_unknown = false;
            let is_held = oracle
                .receipts
                .get(&pending.key)
                .is_some_and(|held| pending.acked == Some((held.message.conversation, held.message.seq.0)));
            if pending.acked.is_some() && !is_held {
                // Its client has it no more in its outbox: it is lost with the store.
                (pending.acked, pending.is_over) = (None, true);
                self.counts.saw("send lost by a restore");
            }
        }
    }

    /// Some of those whose device is gone sign in again, and go on with what they have.
    pub fn sign_in_again(&mut self, place: usize) {
        let user = self.clients[place].user;
        let gone = |client: &Client| {
            client.user == user
                && !client.stored.entries.is_empty()
                && !self.oracle.is_live(client.lineage.device)
        };
        let Some(old) = self.clients.iter().position(gone) else {
            return;
        };
        self.counts.saw("sign in again");
        let before = self.clients[old].rendering;
        self.clients[place].stored = std::mem::take(&mut self.clients[old].stored);
        self.clients[place].told_for(before);
        // Its device may live again one day, when an older copy of the server's store is put back.
        self.clients[old].has_lost_its_store = true;
        self.clients[place].stored.is_adopted = true;
    }

    /// A client compares its conversations with their heads, and fetches what it lacks.
    pub fn repair(&mut self, place: usize) {
        let view = self.shell.view();
        let (user, rendering) = (self.clients[place].user, self.clients[place].rendering);
        let wanted = proto::Heads { after: 0, limit: 0 };
        let Body::Heads(list) = heads(&view, (user, crate::read_marks::NEWEST), &wanted).unwrap().unwrap()
        else {
            panic!("no heads")
        };
        for head in list.heads {
            let mut from_seq = head.oldest_seq;
            while from_seq <= head.seq {
                let wanted =
                    proto::Range { conversation_id: head.conversation_id, from_seq, to_seq: head.seq };
                let Body::Entries(found) =
                    range(&view, user, rendering, &wanted, PAGE_BYTES_MAX).unwrap().unwrap()
                else {
                    panic!("no entries")
                };
                // Of a group what is not for the user is passed over, and the head is for the user.
                assert!(!found.entries.is_empty(), "G7: nothing up to the head of {}", head.conversation_id);
                let client = &mut self.clients[place];
                for entry in found.entries {
                    from_seq = entry.seq + 1;
                    client.stored.take_beside_the_chain(&entry, self.restores);
                }
            }
        }
    }

    /// Every live client ends with exactly what the store has: nothing of another history, and nothing less.
    pub fn everybody_repairs(&mut self) {
        for place in 0..self.clients.len() {
            if self.oracle.is_live(self.clients[place].lineage.device) {
                self.repair(place);
                self.clients[place].check_same(&self.oracle);
            }
        }
    }

    /// The wall clock is set, forward or back; the monotonic one does not notice.
    pub fn set_clock(&mut self) {
        const HOUR_MS: i64 = 60 * 60 * 1000;
        let furthest_ms = [HOUR_MS, 20 * HOUR_MS, 10 * 24 * HOUR_MS][self.any(3)];
        let moved_ms = 1 + self.random.below(furthest_ms as u64) as i64;
        if self.random.one_in(2) {
            self.counts.saw("clock back");
            self.now.0 -= moved_ms;
        } else {
            self.counts.saw("clock forward");
            self.now.0 += moved_ms;
        }
    }
}

fn copy_of(engine: &dyn Engine) -> MemoryEngine {
    let copy = MemoryEngine::new();
    let mut batch = IndexBatch::new();
    engine
        .scan(&[0], None, highwater::store::engine::Direction::Forward, &mut |key, value| {
            if batch.room() == 0 {
                copy.apply(&std::mem::take(&mut batch)).unwrap();
            }
            batch.put(key, value.to_vec()).unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    copy.apply(&batch).unwrap();
    copy.sync().unwrap();
    copy
}
