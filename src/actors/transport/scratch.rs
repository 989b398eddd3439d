//! The one buffer into which all sockets of a thread are read.
//!
//! A read buffer per connection would be most of an idle connection's memory; bytes stay here only until the guard has
//! looked at them, within the same call.

use std::cell::RefCell;

/// Most bytes that one read takes from a socket. A connection with more to say waits for its next turn.
pub(crate) const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// Lends the thread's buffer. Its contents are of no meaning before and after.
pub(crate) fn with_scratch<R>(use_it: impl FnOnce(&mut [u8]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| use_it(scratch))
}
