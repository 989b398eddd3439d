//! Chunks of points: their bytes, torn and damaged ones, and roll-ups against a recount.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{points_chunk::*, points_roll_up::roll_up};
use crate::model::{PointIds, PointKind, PointRow, Resolution};

const CHUNK: i64 = 19_676;
const FIRST: i64 = CHUNK * ROWS;

fn ids(of: &[(u32, PointKind)]) -> PointIds {
    of.into()
}

fn row(place: i64, ids: &PointIds, values: &[i64]) -> PointRow {
    PointRow { slot: FIRST + place, minutes: 1, ids: ids.clone(), values: values.into() }
}

fn bytes_of(rows: &[PointRow]) -> Vec<u8> {
    let mut writer = ChunkWriter::new(CHUNK);
    let mut out = header(Resolution::Minute, CHUNK).to_vec();
    for row in rows {
        writer.put_row(&mut out, row);
    }
    out
}

fn two_sets_of_ids() -> [PointIds; 2] {
    [
        ids(&[(1, PointKind::Sum), (1002, PointKind::Gauge), (1131, PointKind::Max)]),
        ids(&[(1, PointKind::Sum), (1003, PointKind::Sum), (1131, PointKind::Max), (1200, PointKind::Gauge)]),
    ]
}

#[test]
fn the_bytes_are_those_of_the_document() {
    let [three, _] = two_sets_of_ids();
    let mut bytes = bytes_of(&[row(7, &three, &[0, 300, -1]), row(8, &three, &[2, 300, 0])]);
    ChunkWriter::new(CHUNK).put_forget(&mut bytes, FIRST + 8);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = include_str!("points_chunk_golden.txt").split_whitespace().collect::<String>();
    assert_eq!(hex, expected);
    let read = read(&bytes, Resolution::Minute, CHUNK);
    assert_eq!((read.rows, read.whole_bytes), (vec![row(7, &three, &[0, 300, -1])], bytes.len()));
}

#[test]
fn a_quiet_minute_costs_eight_bytes() {
    let [three, _] = two_sets_of_ids();
    let one = bytes_of(&[row(0, &three, &[5, 6, 7])]).len();
    assert_eq!(bytes_of(&[row(0, &three, &[5, 6, 7]), row(1, &three, &[5, 6, 7])]).len(), one + 8);
}

#[test]
fn a_chunk_of_another_place_or_format_has_nothing() {
    let [three, _] = two_sets_of_ids();
    let bytes = bytes_of(&[row(0, &three, &[5, 6, 7])]);
    assert_eq!(read(&bytes, Resolution::Hour, CHUNK), Chunk::default());
    assert_eq!(read(&bytes, Resolution::Minute, CHUNK + 1), Chunk::default());
    let mut newer = bytes;
    newer[6] += 1;
    assert_eq!(read(&newer, Resolution::Minute, CHUNK), Chunk::default());
}

fn value() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 0..200i64, any::<i64>()]
}

/// Rows in the order in which they are written, some of a stretch that was written before.
fn written() -> impl Strategy<Value = Vec<PointRow>> {
    let one = (0..3i64, any::<bool>(), prop::collection::vec(value(), 4));
    prop::collection::vec(one, 0..40).prop_map(|steps| {
        let sets = two_sets_of_ids();
        let mut place = 0;
        let rows = steps.into_iter().map(|(step, which, values)| {
            place += step;
            let ids = &sets[usize::from(which)];
            row(place, ids, &values[..ids.len()])
        });
        rows.collect()
    })
}

/// The last row of each stretch.
fn newest(rows: &[PointRow]) -> Vec<PointRow> {
    let mut of_slot = std::collections::BTreeMap::new();
    for row in rows {
        of_slot.insert(row.slot, row.clone());
    }
    of_slot.into_values().collect()
}

proptest! {
    #[test]
    fn what_was_written_is_read(rows in written()) {
        let bytes = bytes_of(&rows);
        let chunk = read(&bytes, Resolution::Minute, CHUNK);
        prop_assert_eq!(chunk.rows, newest(&rows));
        prop_assert_eq!(chunk.whole_bytes, bytes.len());
    }

    /// However the end is torn: what is read is what stood before, and one can go on behind it.
    #[test]
    fn a_torn_end_costs_the_last_rows_alone(rows in written(), cut in any::<prop::sample::Index>(), more in written()) {
        let bytes = bytes_of(&rows);
        let torn = &bytes[..HEADER_BYTES + cut.index(bytes.len() - HEADER_BYTES + 1)];
        let chunk = read(torn, Resolution::Minute, CHUNK);
        let whole = (0..=rows.len()).rev().find(|n| bytes_of(&rows[..*n]).len() <= torn.len()).unwrap();
        prop_assert_eq!(&chunk.rows, &newest(&rows[..whole]));
        let mut healed = torn[..chunk.whole_bytes].to_vec();
        healed.extend_from_slice(&bytes_of(&more)[HEADER_BYTES..]);
        let all: Vec<PointRow> = rows[..whole].iter().chain(&more).cloned().collect();
        prop_assert_eq!(read(&healed, Resolution::Minute, CHUNK).rows, newest(&all));
    }

    #[test]
    fn any_bytes_are_read_without_a_fault(mut bytes in prop::collection::vec(any::<u8>(), 0..300), rows in written()) {
        read(&bytes, Resolution::Minute, CHUNK);
        let mut damaged = bytes_of(&rows);
        let place = bytes.pop().map_or(0, usize::from) * 7 % damaged.len();
        damaged[place] ^= 0x40;
        let chunk = read(&damaged, Resolution::Minute, CHUNK);
        prop_assert!(chunk.whole_bytes <= place, "damage is not read over");
    }

    /// A roll-up says what counting each stretch anew says.
    #[test]
    fn a_roll_up_equals_a_recount(rows in written()) {
        let minutes = newest(&rows);
        for resolution in [Resolution::FiveMinutes, Resolution::Hour] {
            let rolled = roll_up(&minutes, resolution);
            prop_assert!(rolled.is_sorted_by(|a, b| a.slot < b.slot));
            prop_assert_eq!(rolled.iter().map(|row| row.minutes as usize).sum::<usize>(), minutes.len());
            for row in &rolled {
                let of_it: Vec<_> =
                    minutes.iter().filter(|minute| resolution.slot_of(minute.slot) == row.slot).collect();
                for id in [1, 1002, 1003, 1131, 1200] {
                    let values: Vec<i64> = of_it.iter().filter_map(|minute| minute.value(id)).collect();
                    let expected = match id {
                        1 | 1003 => values.iter().copied().reduce(i64::wrapping_add),
                        1131 => values.iter().copied().max(),
                        _ => values.last().copied(),
                    };
                    prop_assert_eq!(row.value(id), expected, "id {} of {:?}", id, resolution);
                }
            }
        }
    }
}
