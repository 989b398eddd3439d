//! Randomness as it is handed down from `app.rs`: nothing else draws any.

use std::sync::Arc;

/// Where random bytes come from. Cheap to clone; tests hand down a seeded one.
#[derive(Clone)]
pub struct Random {
    fill: Arc<dyn Fn(&mut [u8]) + Send + Sync>,
}

impl Random {
    /// From a source fit for secrets.
    #[must_use]
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Random {
        Random { fill: Arc::new(fill) }
    }

    /// Random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.fill)(&mut bytes);
        bytes
    }

    /// A random id; never 0, which on the wire is "none".
    #[must_use]
    pub fn id(&self) -> u64 {
        u64::from_be_bytes(self.bytes()).max(1)
    }

    /// Fills a slice.
    pub fn fill(&self, bytes: &mut [u8]) {
        (self.fill)(bytes);
    }
}
