//! Who may what on the operator's port, route by route.
#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use super::operators::{Access, Deed, Named, OperatorRoute};
use crate::model::OperatorRole::{self, Admin, Moderator, Viewer};

/// Who may ask what, written out: the least role of each route, none where anybody may.
const WHO_MAY: &[(&str, Option<OperatorRole>)] = &[
    ("GET /", None),
    ("GET /assets/{name}", None),
    ("GET /curves", None),
    ("GET /metrics", None),
    ("GET /v1/points", None),
    ("GET /v1/reports", Some(Viewer)),
    ("GET /v1/openapi.json", None),
    ("POST /v1/setup", None),
    ("POST /v1/provision", Some(Admin)),
    ("POST /v1/invites", Some(Moderator)),
    ("POST /v1/bots", Some(Admin)),
    ("POST /v1/send", Some(Moderator)),
    ("POST /v1/api-keys", Some(Admin)),
    ("POST /v1/api-keys/list", Some(Viewer)),
    ("POST /v1/api-keys/revoke", Some(Admin)),
    ("POST /v1/end-device", Some(Moderator)),
    ("POST /v1/export", Some(Admin)),
    ("POST /v1/suspend", Some(Moderator)),
    ("POST /v1/erase", Some(Admin)),
    ("POST /v1/turn", Some(Moderator)),
    ("POST /v1/broadcast", Some(Admin)),
    ("POST /v1/broadcast/list", Some(Viewer)),
    ("POST /v1/set-password", Some(Admin)),
    ("PUT /v1/documents", Some(Admin)),
    ("POST /v1/accept-time", Some(Admin)),
    ("GET /v1/alarms", Some(Viewer)),
    ("POST /v1/alarms/{name}/ack", Some(Moderator)),
    ("POST /v1/alarms/{name}/silence", Some(Moderator)),
    ("POST /v1/mail/test", Some(Admin)),
    ("POST /v1/explain/user", Some(Viewer)),
    ("POST /v1/explain/group", Some(Viewer)),
    ("POST /v1/explain/message", Some(Viewer)),
    ("POST /v1/explain/snapshot", Some(Viewer)),
    ("POST /v1/users/list", Some(Viewer)),
    ("POST /v1/users/get", Some(Viewer)),
    ("POST /v1/groups/list", Some(Viewer)),
    ("POST /v1/groups/get", Some(Viewer)),
    ("POST /v1/messages/get", Some(Viewer)),
    ("POST /v1/messages/reveal", Some(Admin)),
    ("GET /v1/live", Some(Viewer)),
    ("PUT /v1/ids", Some(Admin)),
    ("POST /v1/ids/list", Some(Viewer)),
    ("POST /v1/ids/remove", Some(Admin)),
    ("POST /v1/report", Some(Admin)),
    ("GET /v1/audit", Some(Viewer)),
    ("GET /v1/config", Some(Admin)),
    ("POST /v1/reload", Some(Admin)),
    ("PUT /v1/log-level", Some(Admin)),
    ("GET /v1/me", Some(Viewer)),
    ("POST /v1/operators", Some(Admin)),
    ("POST /v1/operators/list", Some(Viewer)),
    ("POST /v1/operators/revoke", Some(Admin)),
];

/// What a program may ask as well, by an API key with the scope for it.
const PROGRAMS: &[&str] = &["PUT /v1/ids", "POST /v1/ids/list", "POST /v1/report"];

#[test]
fn each_role_may_what_the_table_says_and_nothing_else() {
    assert_eq!(WHO_MAY.len(), OperatorRoute::ALL.len());
    for (route, (name, least)) in OperatorRoute::ALL.iter().zip(WHO_MAY) {
        let row = route.row();
        assert_eq!(row.name, *name);
        for role in [None, Some(Viewer), Some(Moderator), Some(Admin)] {
            // A stranger is below every role; a program that has shown a key is judged by the route.
            let is_program = role.is_none() && PROGRAMS.contains(name);
            assert_eq!(row.admits(role), is_program || role >= *least, "{name}: {role:?}");
        }
    }
}

#[test]
fn no_two_routes_are_one_and_paths_are_paths() {
    let names: BTreeSet<_> = OperatorRoute::ALL.iter().map(|route| route.row().name).collect();
    assert_eq!(names.len(), OperatorRoute::ALL.len());
    for route in OperatorRoute::ALL {
        let row = route.row();
        assert!(row.path().starts_with('/') && row.name.ends_with(row.path()), "{}", row.name);
        assert!(row.name.len() <= 64, "the audit log has room for it: {}", row.name);
    }
}

#[test]
fn what_changes_something_is_asked_by_an_operator_who_may_more_than_look() {
    for route in OperatorRoute::ALL {
        let row = route.row();
        if row.deed == Deed::Changes {
            assert!(
                matches!(row.access, Access::AtLeast(least) | Access::ProgramOr(least) if least > Viewer),
                "{}",
                row.name
            );
        }
        // What people wrote is an admin's alone to see, and only behind a record of it; a reason closes the record.
        if row.deed == Deed::Reveals {
            assert_eq!(row.access, Access::AtLeast(Admin), "{}", row.name);
        }
        let reasons = row.subjects.iter().rev().skip_while(|subject| subject.named == Named::Reason);
        assert!(reasons.clone().all(|subject| subject.named != Named::Reason), "{}", row.name);
        // A look at somebody's data is never one of those that are written down only when they are turned away.
        if row.deed == Deed::Polls {
            assert!(row.subjects.is_empty(), "{}", row.name);
        }
        for subject in row.subjects.iter().filter(|subject| subject.named == Named::User) {
            assert_ne!(subject.field, "name", "{}: names of users are in no log", row.name);
        }
    }
}

#[test]
fn roles_are_known_by_their_words() {
    for role in OperatorRole::ALL {
        assert_eq!(OperatorRole::of_name(role.name()), Some(role));
    }
    assert_eq!(OperatorRole::of_name("root"), None);
    assert!(Viewer < Moderator && Moderator < Admin);
}
