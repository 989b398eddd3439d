//! What an operator has set, as all see it who do not decide: they screen by it, and tell it.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::model::Policy;

/// See the module. Cheap to clone; all clones are one. The committer has a copy of its own and is told first, so that nobody
/// lets pass here what is still refused there.
#[derive(Clone)]
pub struct PolicyInForce(Arc<RwLock<Policy>>);

impl PolicyInForce {
    /// Begins with this.
    #[must_use]
    pub fn new(policy: Policy) -> PolicyInForce {
        PolicyInForce(Arc::new(RwLock::new(policy)))
    }

    /// What is set now.
    #[must_use]
    pub fn now(&self) -> Policy {
        *self.0.read()
    }

    /// What is set from now on.
    pub fn set(&self, policy: Policy) {
        *self.0.write() = policy;
    }
}
