//! Devices under a login policy, and contexts of one device: each a chain of its own.

use highwater::{
    logic::{Request, operation::NewDevice, operation::OpenLineage},
    model::{
        DeviceId, DevicePolicy, Effect, KindSet, Lineage, LineageId, Record, UserId, device_policy::ClassRule,
    },
    store::files_faulty::SeededRandom,
};

use crate::{operations::Ticket, world::World};

/// Lineages of one user before no further context is opened.
const LINEAGES: usize = 4;

/// Classes of devices: phones and desktop clients. The policy has a rule for phones.
const PHONE: u8 = 1;
const CLASSES: u64 = 2;

/// In half of the histories there is no rule.
pub fn any_policy(random: &mut SeededRandom) -> DevicePolicy {
    let phone = match random.below(4) {
        0 => ClassRule::Replace,
        1 => ClassRule::Refuse,
        _ => ClassRule::Many,
    };
    DevicePolicy { phone, ..DevicePolicy::default() }
}

impl World {
    /// A device that signs in; now and then it was another one before.
    pub fn signing_in(&mut self, device: NewDevice) -> NewDevice {
        let class = 1 + self.random.below(CLASSES) as u8;
        let older = self.oracle.devices.values().find(|older| older.user == device.user);
        let older = older.map(|older| older.device).filter(|_| self.random.one_in(4));
        NewDevice { class, in_place_of: older, ..device }
    }

    /// A second process on a device says hello, or says it again.
    pub fn open_context(&mut self, client: usize) {
        let by = self.clients[client].principal();
        let context = 1 + self.random.below(2) as u8;
        let lineage = LineageId { device: by.device, context };
        let held = self.oracle.lineages.get(&by.user);
        let is_new = held.is_none_or(|held| held.get(lineage).is_none());
        if is_new && held.is_some_and(|held| held.rows.len() >= LINEAGES) {
            return;
        }
        self.counts.saw(if is_new { "open context" } else { "open context again" });
        self.submit(Request::OpenLineage(OpenLineage { by, context, kinds: KindSet::ALL }), Ticket::Other);
    }

    /// A lineage was told to exist: a new one has nothing yet.
    pub fn context_opened(&mut self, user: UserId, opened: &Lineage) {
        let held = self.clients.iter().any(|client| client.lineage == opened.id);
        if !held && self.oracle.is_live(opened.id.device) {
            self.begin_client(user, opened.id);
        }
    }

    /// A record was published: the policy holds, and lineages of one device go their own ways.
    pub fn check_devices(&mut self, record: &Record) {
        for effect in &record.effects {
            match effect {
                Effect::Device(device) => self.check_policy(device.user, device.device),
                Effect::DeviceEnded { .. } if adds_a_device(record) => self.counts.saw("device replaced"),
                Effect::Lineages(lineages) => self.note_apart(&lineages.rows, lineages.floor),
                _ => {}
            }
        }
    }

    fn check_policy(&self, user: UserId, new: DeviceId) {
        if self.shell.policy.phone == ClassRule::Many || self.oracle.devices[&new].class != PHONE {
            return;
        }
        let phones = self.oracle.devices.values().filter(|other| other.user == user && other.class == PHONE);
        assert_eq!(phones.count(), 1, "two phones of {user} are live under {:?}", self.shell.policy.phone);
    }

    fn note_apart(&mut self, rows: &[Lineage], floor: highwater::model::Version) {
        for row in rows {
            let mut siblings = rows.iter().filter(|other| other.id.device == row.id.device);
            if row.acked_messages() < floor && siblings.clone().any(|other| other.acked_messages() >= floor) {
                self.counts.saw("context expired alone");
            }
            if siblings.any(|other| other.acked_messages() < row.acked_messages()) {
                self.counts.saw("contexts apart");
            }
        }
    }
}

fn adds_a_device(record: &Record) -> bool {
    record.effects.iter().any(|effect| matches!(effect, Effect::Device(_)))
}
