#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    actors::point_keeper::PointKeeper,
    model::{PointKind, PointUnit, Resolution, TimeMs},
    store::{files_faulty::FaultyDisk, points::PointRetention},
};

const ORDERS: u32 = 10_000;
const CARTS: u32 = 10_001;
const RETENTION: PointRetention = PointRetention { minute_days: 8, five_minute_days: 40, hour_days: 730 };

fn id(id: u32, name: &str, kind: PointKind) -> HostId {
    HostId { id, name: name.to_owned(), kind, unit: PointUnit::Count }
}

struct Process {
    disk: FaultyDisk,
    monitor: Monitor,
    ids: HostIds,
    keeper: PointKeeper,
}

impl Process {
    fn on(disk: FaultyDisk) -> Process {
        let (monitor, files) = (Monitor::new(), disk.directory("points"));
        let ids = HostIds::open(Arc::clone(&files), monitor.clone());
        let keeper = PointKeeper::open(files, RETENTION, monitor.clone());
        Process { disk, monitor, ids, keeper }
    }

    fn minute(&self, minute: i64) {
        self.keeper.tick(TimeMs(minute * 60_000));
        self.keeper.store();
    }

    fn points(&self, id: u32, resolution: Resolution) -> Vec<Option<i64>> {
        let rows = self.keeper.rows(resolution, 0..10, id..=id).unwrap();
        rows.iter().map(|row| row.value(id)).collect()
    }
}

#[test]
fn ids_and_their_points_outlive_a_kill() {
    let first = Process::on(FaultyDisk::new());
    first.minute(0);
    first.minute(1);
    first
        .ids
        .register(vec![id(ORDERS, "orders", PointKind::Sum), id(CARTS, "carts", PointKind::Gauge)])
        .unwrap();
    first.ids.report(&[(ORDERS, HostReport::Add(3)), (CARTS, HostReport::Set(7))]).unwrap();
    first.minute(2);
    let second = Process::on(first.disk.after_kill());
    assert_eq!(second.monitor.value(ids::HOST_IDS_REGISTERED), 2);
    assert_eq!(
        (second.monitor.value(ORDERS), second.monitor.value(CARTS)),
        (0, 7),
        "a gauge stands where it stood"
    );
    second.minute(2);
    second.ids.report(&[(ORDERS, HostReport::Add(4))]).unwrap();
    second.minute(3);
    assert_eq!(second.points(ORDERS, Resolution::Minute), [None, Some(3), Some(4)]);
    assert_eq!(second.points(CARTS, Resolution::Minute), [None, Some(7), Some(7)]);
    assert_eq!(second.points(ORDERS, Resolution::Hour), [Some(7)]);
}

#[test]
fn what_cannot_be_stored_is_not_registered() {
    let process = Process::on(FaultyDisk::new());
    process.ids.register(vec![id(ORDERS, "orders", PointKind::Sum)]).unwrap();
    process.disk.set_capacity(Some(process.disk.used_bytes()));
    let refused = process.ids.register(vec![id(CARTS, "carts", PointKind::Gauge)]);
    assert!(matches!(refused, Err(HostIdsFault::File(fault)) if fault.is_full()));
    assert_eq!(process.ids.report(&[(CARTS, HostReport::Set(1))]), Err(Unreported::Unknown(CARTS)));
    // What changes nothing needs no room.
    process.ids.register(vec![id(ORDERS, "orders", PointKind::Sum)]).unwrap();
    let counted = [ids::HOST_VALUES_TAKEN, ids::HOST_REPORTS_REFUSED, ids::HOST_IDS_REGISTERED];
    assert_eq!(counted.map(|id| process.monitor.value(id)), [0, 1, 1]);
    process.disk.set_capacity(None);
    process.ids.register(vec![id(CARTS, "carts", PointKind::Gauge)]).unwrap();
    process.ids.remove(&[ORDERS, 59_999]).unwrap();
    let after = Process::on(process.disk.after_kill());
    after.ids.report(&[(CARTS, HostReport::Set(1))]).unwrap();
    assert!(after.ids.report(&[(ORDERS, HostReport::Add(1))]).is_err());
}

#[test]
fn a_file_that_is_damaged_stops_nothing() {
    let process = Process::on(FaultyDisk::new());
    process.ids.register(vec![id(ORDERS, "orders", PointKind::Sum)]).unwrap();
    process.disk.tamper("points", "host-ids", |bytes| bytes.truncate(9));
    let after = Process::on(process.disk.after_kill());
    assert_eq!(after.monitor.value(ids::HOST_IDS_REGISTERED), 0);
    after.ids.register(vec![id(ORDERS, "orders", PointKind::Sum)]).unwrap();
    assert_eq!(Process::on(after.disk.after_kill()).monitor.value(ids::HOST_IDS_REGISTERED), 1);
}
