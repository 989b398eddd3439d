//! The works of the table, each as it is defined for every run.

pub mod catch_up;
pub mod channel;
pub mod counting;
pub mod crossover;
pub mod group;
pub mod idle;
pub mod idle_sync;
pub mod one_to_one;
pub mod stage;
pub mod whole_sync;

use hdrhistogram::Histogram;

use crate::report::grouped;

/// The middle and the worst hundredth of times in microseconds.
fn quantiles(histogram: &Histogram<u64>) -> String {
    let at = |quantile| grouped(histogram.value_at_quantile(quantile) as f64);
    format!("{} / {} µs", at(0.5), at(0.99))
}
