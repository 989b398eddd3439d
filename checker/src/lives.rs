//! Lives of the server: what was given to one of them is done by its end, or never.

/// When the server was killed, or its power was cut, and when it served again; sorted.
#[derive(Debug)]
pub(crate) struct Lives {
    killed: Vec<u64>,
    served: Vec<u64>,
}

impl Lives {
    pub(crate) fn new(mut killed: Vec<u64>, mut served: Vec<u64>) -> Self {
        killed.sort_unstable();
        served.sort_unstable();
        Self { killed, served }
    }

    /// By when something has taken effect, if it ever does, that nobody gives to the server after `given_up`: the life
    /// that may hold it is over when the server serves again after a kill from then on. `u64::MAX` without one.
    pub(crate) fn over(&self, given_up: u64) -> u64 {
        let next = |times: &[u64], t: u64| times.get(times.partition_point(|&other| other <= t)).copied();
        next(&self.killed, given_up).and_then(|killed| next(&self.served, killed)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_over_when_the_next_one_serves() {
        let lives = Lives::new(vec![30, 10], vec![40, 12, 60]);
        assert_eq!([5, 9, 10, 29, 30, 50].map(|t| lives.over(t)), [12, 12, 40, 40, u64::MAX, u64::MAX]);
    }
}
