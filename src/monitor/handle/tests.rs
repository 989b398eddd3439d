use super::*;
use crate::monitor::ids;
use crate::monitor::registry::LOST;
use highwater_wire::Refusal;

#[test]
fn an_operation_counts_call_error_band_sum_and_wait() {
    let monitor = Monitor::new();
    let send = monitor.operation(Op::Send);
    send.finished(Outcome::Ok, 900, 0);
    send.finished(Outcome::Ok, 10_000, 4_000);
    send.finished(Outcome::Overload, 3_000_000, 6_000);
    monitor.operation(Op::Sync).finished(Outcome::Refused, 1, 1);
    assert_eq!(monitor.value(Op::Send.calls()), 3);
    let errors = Outcome::ERRORS.map(|(outcome, _)| Op::Send.errors(outcome).map(|id| monitor.value(id)));
    assert_eq!(errors, [Some(0), Some(0), Some(0), Some(1), Some(0)]);
    let latency = Op::Send.latency();
    let bands: Vec<_> = latency.bands().map(|id| monitor.value(id)).collect();
    assert_eq!(bands, [1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    assert_eq!((monitor.value(latency.sum()), monitor.value(latency.max())), (3_010_900, 3_000_000));
    assert_eq!((monitor.value(Op::Send.wait_sum()), monitor.value(Op::Send.wait_max())), (10_000, 6_000));
    assert_eq!(monitor.value(Op::Sync.calls()), 1);
    assert_eq!(monitor.value(LOST), 0);
}

/// Every call that the handle makes for its callers fits the kind of the id.
#[test]
fn nothing_the_framework_reports_is_lost() {
    let monitor = Monitor::new();
    for op in Op::ALL {
        for (outcome, _) in Outcome::ERRORS {
            monitor.operation(*op).finished(outcome, u64::from(u32::MAX), 1);
        }
    }
    monitor.observe(ids::BATCH_SYNC, 700);
    monitor.observe(ids::BATCH_OPERATIONS, 256);
    assert_eq!(monitor.value(LOST), 0);
    assert_eq!(monitor.value(ids::BATCH_OPERATIONS_256), 1);
    assert_eq!(monitor.value(ids::BATCH_OPERATIONS_MAX), 256);
}

#[test]
fn a_clone_counts_in_the_same_place() {
    let monitor = Monitor::new();
    let other = monitor.clone();
    other.add(ids::MESSAGES_STORED, 2);
    monitor.tick(TimeMs(0));
    other.tick(TimeMs(60_000));
    assert_eq!(monitor.value(ids::MESSAGES_STORED), 2);
    assert_eq!(monitor.point(ids::MESSAGES_STORED, Minute(0)), Some(2));
}

#[test]
fn refusals_fall_into_classes() {
    let class = |refusal: Refusal| Outcome::from(refusal);
    assert_eq!(class(Refusal::MalformedFrame), Outcome::BadInput);
    assert_eq!(class(Refusal::TextTooLong), Outcome::BadInput);
    assert_eq!(class(Refusal::HelloFirst), Outcome::Auth);
    assert_eq!(class(Refusal::WrongCredentials), Outcome::Auth);
    assert_eq!(class(Refusal::RegistrationClosed), Outcome::Auth);
    assert_eq!(class(Refusal::NameTaken), Outcome::Refused);
    assert_eq!(class(Refusal::NoSuchUser), Outcome::Refused);
    assert_eq!(class(Refusal::Busy), Outcome::Overload);
    assert_eq!(class(Refusal::StorageFull), Outcome::Overload);
    assert_eq!(class(Refusal::TooManyAttempts), Outcome::Auth);
    assert_eq!(class(Refusal::Internal), Outcome::Fault);
    assert_eq!(class(Refusal::UnknownOutcome), Outcome::Fault);
    assert!(Refusal::ALL.iter().all(|refusal| class(*refusal) != Outcome::Ok));
}
