//! How a view reads the index: one row, or a range of keys in either direction.

use std::ops::ControlFlow;

use super::{
    engine::{Direction, prefix_end},
    field::{Input, Malformed},
    keys::Key,
    view::View,
    view_fault::ReadFault,
};

impl View {
    pub(super) fn row<T>(
        &self,
        key: &[u8],
        decode: impl FnOnce(&mut Input<'_>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, ReadFault> {
        let Some(value) = self.engine.get(key)? else {
            return Ok(None);
        };
        Ok(Some(whole(&value, decode)?))
    }

    pub(super) fn visit(
        &self,
        from: &[u8],
        to: &[u8],
        each: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, ReadFault>,
    ) -> Result<(), ReadFault> {
        self.scan(from, to, Direction::Forward, each)
    }

    /// Rows of a prefix that is followed by an id alone, in the order of the ids, after this one, at most `max`.
    pub(super) fn rows_after<T>(
        &self,
        prefix: u8,
        after: Option<u64>,
        max: usize,
        decode: impl Fn(&mut Input<'_>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, ReadFault> {
        let mut found = Vec::new();
        let Some(first) = after.map_or(Some(0), |id| id.checked_add(1)) else {
            return Ok(found);
        };
        let from = Key::of(prefix).u64(first).done();
        let to = prefix_end(&[prefix]).unwrap_or_default();
        self.visit(&from, &to, |_, value| {
            if found.len() == max {
                return Ok(ControlFlow::Break(()));
            }
            found.push(whole(value, &decode)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    pub(super) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, ReadFault>,
    ) -> Result<(), ReadFault> {
        let mut fault = None;
        self.engine.scan(from, Some(to), direction, &mut |key, value| match each(key, value) {
            Ok(flow) => flow,
            Err(error) => {
                fault = Some(error);
                ControlFlow::Break(())
            }
        })?;
        fault.map_or(Ok(()), Err)
    }

    /// Visits the value of the last key of `prefix` and `id` whose number is at most `number`, if there is one.
    pub(super) fn backward(
        &self,
        prefix: u8,
        id: u64,
        number: u64,
        mut each: impl FnMut(&[u8]) -> Result<(), ReadFault>,
    ) -> Result<(), ReadFault> {
        let from = Key::of(prefix).u64(id).u64(0).done();
        let to = Key::of(prefix).u64(id).u64(number.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |_, value| {
            each(value)?;
            Ok(ControlFlow::Break(()))
        })
    }

    pub(super) fn backward_key(
        &self,
        prefix: u8,
        id: u64,
        number: u64,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), ReadFault> {
        let from = Key::of(prefix).u64(id).u64(0).done();
        let to = Key::of(prefix).u64(id).u64(number.saturating_add(1)).done();
        self.scan(&from, &to, Direction::Backward, |key, _| {
            each(key);
            Ok(ControlFlow::Break(()))
        })
    }
}

/// Decodes a value; bytes left behind it are a fault too.
pub(super) fn whole<T>(
    bytes: &[u8],
    decode: impl FnOnce(&mut Input<'_>) -> Result<T, Malformed>,
) -> Result<T, ReadFault> {
    let mut input = Input::new(bytes);
    let value = decode(&mut input)?;
    input.end("value")?;
    Ok(value)
}
