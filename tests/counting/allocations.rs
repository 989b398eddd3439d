//! A report allocates nothing: with an allocator that counts by thread.
#![allow(unsafe_code, reason = "an allocator that counts has to be an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use highwater::monitor::{Monitor, Op, Outcome, ids, registry::LOST};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, with a count of what the calling thread asked of it.
pub struct Counted;

fn count() {
    // A thread that ends may have lost its count already.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is the system's allocator's; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of this method, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

/// How often this thread asked the allocator for something, or gave something back.
fn allocations(what: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    what();
    ALLOCATIONS.get() - before
}

/// Every way of reporting.
fn report(monitor: &Monitor, n: u64) {
    monitor.add(ids::MESSAGES_STORED, n);
    monitor.add(ids::CONNECTIONS_OPEN, n);
    monitor.subtract(ids::CONNECTIONS_OPEN, n);
    monitor.set(ids::TAIL_BYTES, n);
    monitor.set(ids::BATCH_SYNC_MAX, n);
    monitor.observe(ids::BATCH_SYNC, n * 1_000);
    monitor.operation(Op::Send).finished(Outcome::Fault, n * 1_000, n);
    // An id that nobody registered.
    monitor.add(59_999, n);
}

#[test]
fn no_report_allocates_not_even_the_first_of_a_thread() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 2, "the count works");
    let monitor = Monitor::new();
    // In a thread of its own, so that its first report is among them.
    let counted = std::thread::scope(|scope| {
        scope.spawn(|| allocations(|| (0..10_000).for_each(|n| report(&monitor, n)))).join().unwrap()
    });
    assert_eq!(counted, 0);
    assert_eq!(monitor.value(LOST), 10_000);
    // Whereas reading makes a text.
    assert!(allocations(|| drop(monitor.metrics(highwater::monitor::Format::Classic))) > 0);
}
