//! Values of ids that host programs registered. They come over HTTP, some hundred a second at most, so that a table which is
//! changed under a lock is enough; the wait-free one is the server's own.

use crate::model::{HostId, HostReport, PointKind, PointRow};

/// Ids of host programs with their values, ascending by id.
#[derive(Debug, Default)]
pub struct HostValues {
    values: Vec<HostValue>,
}

#[derive(Debug)]
struct HostValue {
    id: HostId,
    /// A sum since the start of the process, a gauge, or the highest of the running period.
    value: i64,
    /// Highest of the period before.
    ended: i64,
}

/// Why nothing of a report was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreported {
    /// Nobody registered the id.
    #[error("id {0} is not registered")]
    Unknown(u32),
    /// A sum is only added to, and nothing is taken from it; a maximum is only set, and never below 0.
    #[error("id {0} is a {1}, which does not take this")]
    DoesNotFit(u32, &'static str),
}

impl HostValues {
    /// Has these ids from now on, in ascending order. Values stay with ids that keep their kind.
    pub fn change(&mut self, ids: &[HostId]) {
        let mut before = std::mem::take(&mut self.values).into_iter().peekable();
        for id in ids {
            while before.next_if(|value| value.id.id < id.id).is_some() {}
            let same = before.next_if(|value| value.id.id == id.id).filter(|value| value.id.kind == id.kind);
            let (value, ended) = same.map_or((0, 0), |value| (value.value, value.ended));
            self.values.push(HostValue { id: id.clone(), value, ended });
        }
    }

    /// Lets gauges stand where an earlier process had them.
    pub fn load(&mut self, newest: &PointRow) {
        for value in self.values.iter_mut().filter(|value| value.id.kind == PointKind::Gauge) {
            value.value = newest.value(value.id.id).unwrap_or(0);
        }
    }

    /// Takes all of a report, or nothing of it.
    ///
    /// # Errors
    /// [`Unreported`], for the first that cannot be taken.
    pub fn report(&mut self, reports: &[(u32, HostReport)]) -> Result<(), Unreported> {
        for (id, report) in reports {
            let Some(known) = self.find(*id) else {
                return Err(Unreported::Unknown(*id));
            };
            let kind = self.values[known].id.kind;
            let fits = match (kind, report) {
                (PointKind::Gauge, _) => true,
                (PointKind::Sum, HostReport::Add(n)) | (PointKind::Max, HostReport::Set(n)) => *n >= 0,
                (PointKind::Sum, HostReport::Set(_)) | (PointKind::Max, HostReport::Add(_)) => false,
            };
            if !fits {
                return Err(Unreported::DoesNotFit(*id, kind.name()));
            }
        }
        for (id, report) in reports {
            let found = self.find(*id).expect("every id of the report was found above");
            let value = &mut self.values[found];
            value.value = match (value.id.kind, report) {
                (PointKind::Max, HostReport::Set(n) | HostReport::Add(n)) => value.value.max(*n),
                (_, HostReport::Set(n)) => *n,
                (_, HostReport::Add(n)) => value.value.saturating_add(*n),
            };
        }
        Ok(())
    }

    /// Every id with its value now, as [`HostValues::value`] says it, ascending.
    pub fn each(&self) -> impl Iterator<Item = (&HostId, i64)> {
        self.values.iter().map(|value| (&value.id, value.now()))
    }

    /// The value of an id now; 0 for one that is not registered. A maximum is the highest of the running period and the one
    /// before.
    #[must_use]
    pub fn value(&self, id: u32) -> i64 {
        self.find(id).map_or(0, |found| self.values[found].now())
    }

    /// Ends the running period of a maximum and returns its highest value.
    pub fn take_max(&mut self, id: u32) -> i64 {
        let Some(found) = self.find(id).filter(|found| self.values[*found].id.kind == PointKind::Max) else {
            return 0;
        };
        let value = &mut self.values[found];
        value.ended = std::mem::take(&mut value.value);
        value.ended
    }

    fn find(&self, id: u32) -> Option<usize> {
        self.values.binary_search_by_key(&id, |value| value.id.id).ok()
    }
}

impl HostValue {
    fn now(&self) -> i64 {
        if self.id.kind == PointKind::Max { self.value.max(self.ended) } else { self.value }
    }
}

#[cfg(test)]
mod tests;
