//! What the ring of minutes reads: the values of all ids, wherever they are kept.

use super::host_values::HostValues;
use super::slots::Slots;
use crate::model::host_id::HOST_IDS;

/// Values by id.
pub trait Values {
    /// The value of an id now; 0 for one that is not there.
    fn value(&self, id: u32) -> i64;

    /// Ends the running period of a maximum and answers its highest value.
    fn take_max(&mut self, id: u32) -> i64;
}

impl Values for &Slots {
    fn value(&self, id: u32) -> i64 {
        Slots::value(self, id)
    }

    fn take_max(&mut self, id: u32) -> i64 {
        Slots::take_max(self, id)
    }
}

/// Those of the server and those of host programs.
pub struct AllValues<'a> {
    /// The server's.
    pub slots: &'a Slots,
    /// Of host programs.
    pub host: &'a mut HostValues,
}

impl Values for AllValues<'_> {
    fn value(&self, id: u32) -> i64 {
        if HOST_IDS.contains(&id) { self.host.value(id) } else { self.slots.value(id) }
    }

    fn take_max(&mut self, id: u32) -> i64 {
        if HOST_IDS.contains(&id) { self.host.take_max(id) } else { self.slots.take_max(id) }
    }
}
