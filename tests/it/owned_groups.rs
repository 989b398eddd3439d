//! How many groups one user owns: bounded, counted over restarts, and given back by what ends.

use std::collections::BTreeSet;

use highwater_wire::{Refusal, proto};
use proto::Role;

use super::{
    contacts::done,
    groups::{create, created, give, leave},
};
use crate::support::{Home, Wire, requests};

#[tokio::test(flavor = "multi_thread")]
async fn one_user_owns_so_many_groups_and_a_restart_forgets_none() {
    let home = Home::new("[server]\nworkers = 2\n[groups]\nowned_max = 2\n", &["--dev"]);
    let server = home.start();
    let [ann, bob] = server.people(1).await;
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    let first = created(&mut anns, create(1, "a", &[bob.user_id])).await;
    let second = created(&mut anns, create(2, "b", &[bob.user_id])).await;
    requests::refused(&mut anns, create(3, "c", &[]), Refusal::TooManyGroups).await;
    assert_eq!(created(&mut anns, create(2, "b", &[bob.user_id])).await, second, "sent again it is no more");
    let bobs_own = created(&mut bobs, create(4, "d", &[ann.user_id])).await;
    requests::refused(&mut bobs, give(bobs_own, ann.user_id, Role::Owner), Refusal::TooManyGroups).await;
    server.kill();

    let server = home.start();
    let mut anns = Wire::greeted(&server, ann.token()).await;
    let mut bobs = Wire::greeted(&server, bob.token()).await;
    requests::refused(&mut anns, create(3, "c", &[]), Refusal::TooManyGroups).await;
    // What is handed on makes room; what is inherited counts, and is not refused.
    done(&mut anns, give(first, bob.user_id, Role::Owner)).await;
    done(&mut anns, leave(second)).await;
    requests::refused(&mut bobs, create(5, "e", &[]), Refusal::TooManyGroups).await;
    let made = [created(&mut anns, create(6, "f", &[])).await, created(&mut anns, create(7, "g", &[])).await];
    assert_eq!(BTreeSet::from(made).len(), 2);
    let asked = serde_json::json!({ "user": bob.name }).to_string();
    let told = server.operate("POST", "/v1/explain/user", &asked).await;
    let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(told["groups_owned"], 3, "one that was made, one handed on, one inherited");
    requests::refused(&mut anns, create(8, "h", &[]), Refusal::TooManyGroups).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_groups_made_at_once_so_many_are_there() {
    let home = Home::new("[server]\nworkers = 2\n[groups]\nowned_max = 3\n", &["--dev"]);
    let server = home.start();
    let [ann] = server.people(8).await;
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for device in &ann.devices {
        wires.push(Wire::greeted(&server, &device.token).await);
    }
    for (place, wire) in wires.iter_mut().enumerate() {
        asked.push(wire.post(create(10 + place as u8, "g", &[])).await);
    }
    let mut taken = 0;
    for (wire, request) in wires.iter_mut().zip(asked) {
        match wire.answer(request).await {
            proto::server_frame::Body::Error(error) => assert_eq!(error.code, Refusal::TooManyGroups.code()),
            _ => taken += 1,
        }
    }
    assert_eq!(taken, 3);
}
