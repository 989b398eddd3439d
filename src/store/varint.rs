//! Integers of variable length: LEB128 for u64, zigzag before it for i64.
//!
//! One number has one form: a longer form of the same number is refused, so equal records have equal bytes.

/// Longest form of a u64: 64 bits in groups of 7.
pub const MAX_VARINT_BYTES: usize = 10;

/// Why bytes are not a varint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VarintError {
    /// The bytes end inside the number.
    #[error("the bytes end inside a number")]
    Truncated,
    /// The number is written with more bytes than it needs, or does not fit 64 bits.
    #[error("a number is written too long")]
    Overlong,
}

/// Appends `value`: 1 byte below 2^7, 2 below 2^14, … 10 at most.
pub fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends `value` zigzag-coded: numbers near 0 are short, whatever their sign.
pub fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// How many bytes [`put_u64`] appends.
pub fn u64_bytes(value: u64) -> usize {
    let bits = (u64::BITS - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

/// Takes a number from the front of `input` and moves `input` past it.
///
/// # Errors
///
/// [`VarintError`]; `input` stays where it was.
pub fn take_u64(input: &mut &[u8]) -> Result<u64, VarintError> {
    let mut value = 0u64;
    for (index, byte) in input.iter().copied().enumerate() {
        let group = u64::from(byte & 0x7f);
        let last = byte & 0x80 == 0;
        let too_large = index == MAX_VARINT_BYTES - 1 && (group > 1 || !last);
        let padded = last && group == 0 && index > 0;
        if too_large || padded {
            return Err(VarintError::Overlong);
        }
        value |= group << (7 * index);
        if last {
            *input = &input[index + 1..];
            return Ok(value);
        }
    }
    Err(VarintError::Truncated)
}

/// Takes a zigzag-coded number from the front of `input` and moves `input` past it.
///
/// # Errors
///
/// [`VarintError`]; `input` stays where it was.
pub fn take_i64(input: &mut &[u8]) -> Result<i64, VarintError> {
    let coded = take_u64(input)?;
    Ok((coded >> 1) as i64 ^ -((coded & 1) as i64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn form(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, value);
        out
    }

    #[test]
    fn the_forms_are_those_of_leb128() {
        assert_eq!(form(0), [0]);
        assert_eq!(form(127), [0x7f]);
        assert_eq!(form(128), [0x80, 0x01]);
        assert_eq!(form(624_485), [0xe5, 0x8e, 0x26]);
        assert_eq!(form(u64::MAX), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        for (value, coded) in
            [(0i64, 0u64), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)]
        {
            let mut out = Vec::new();
            put_i64(&mut out, value);
            assert_eq!(out, form(coded), "{value}");
        }
    }

    #[test]
    fn what_is_cut_off_or_written_too_long_is_refused() {
        let refused = [
            (&[][..], VarintError::Truncated),
            (&[0x80], VarintError::Truncated),
            (&[0xff; 9], VarintError::Truncated),
            (&[0x80, 0x00], VarintError::Overlong),
            (&[0xe5, 0x8e, 0xa6, 0x00], VarintError::Overlong),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], VarintError::Overlong),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81], VarintError::Overlong),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], VarintError::Overlong),
        ];
        for (bytes, error) in refused {
            let mut input = bytes;
            assert_eq!(take_u64(&mut input), Err(error), "{bytes:x?}");
            assert_eq!(input, bytes, "a refusal moved the input");
        }
    }

    proptest! {
        #[test]
        fn a_number_comes_back_and_what_follows_it_stays(value: u64, shift in 0u32..64, rest: Vec<u8>) {
            let value = value >> shift;
            let mut bytes = form(value);
            prop_assert_eq!(bytes.len(), u64_bytes(value));
            bytes.extend_from_slice(&rest);
            let mut input = &bytes[..];
            prop_assert_eq!(take_u64(&mut input), Ok(value));
            prop_assert_eq!(input, &rest[..]);
        }

        #[test]
        fn a_signed_number_comes_back(value: i64, shift in 0u32..64) {
            let value = value >> shift;
            let mut bytes = Vec::new();
            put_i64(&mut bytes, value);
            let mut input = &bytes[..];
            prop_assert_eq!(take_i64(&mut input), Ok(value));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn whatever_is_accepted_is_the_one_form(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut input = &bytes[..];
            if let Ok(value) = take_u64(&mut input) {
                prop_assert_eq!(form(value), &bytes[..bytes.len() - input.len()]);
            }
        }
    }
}
