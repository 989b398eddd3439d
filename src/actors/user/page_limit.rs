//! How many entries a page may have, by what its client asks for.

/// As many as are asked for, at most `most`; 0 asks for as many as there may be.
#[must_use]
pub(super) fn page_limit(wanted: u32, most: usize) -> usize {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    if wanted == 0 { most } else { wanted.min(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_more_than_there_may_be_and_0_gets_that() {
        let limits = [0, 1, 9, 10, 11, u32::MAX].map(|wanted| page_limit(wanted, 10));
        assert_eq!(limits, [10, 1, 9, 10, 10, 10]);
    }
}
