//! Blocks: one device of each user blocks others and takes them back, one at a time, so that what is in force is known.

use std::{sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use super::{
    asking::{Outcome, ask},
    device::{Device, Order},
};

/// How many others a user blocks in turn. Few, so that each of them is blocked and taken back again and again.
const RIVALS: usize = 3;
/// How long a block lasts, milliseconds: long enough for the blocked to send meanwhile, and across a kill.
const BLOCK_MS: std::ops::RangeInclusive<u64> = 300..=2500;
/// How long nobody is blocked, milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 200..=1500;

/// Blocks and unblocks until told to stop. What an earlier life of this client blocked is taken back first.
pub(super) async fn block_and_unblock(device: Arc<Device>, mut order: watch::Receiver<Order>) {
    let mut rng = StdRng::seed_from_u64(device.seed ^ 0xb10c);
    let rivals = rivals(&device);
    let mut held: Vec<u64> = if device.again { rivals.clone() } else { Vec::new() };
    loop {
        while let Some(&rival) = held.last() {
            if !go_on(&mut order).await || device.has_ended() {
                return;
            }
            if unblock(&device, rival).await != Outcome::Unknown {
                held.pop();
            }
        }
        let Some(&rival) = rivals.get(rng.random_range(0..rivals.len().max(1))) else {
            return;
        };
        if !wait(&mut order, rng.random_range(PAUSE_MS)).await || device.has_ended() {
            return;
        }
        held.push(rival);
        if block(&device, rival).await == Outcome::Done(())
            && !wait(&mut order, rng.random_range(BLOCK_MS)).await
        {
            return;
        }
    }
}

async fn block(device: &Device, user: u64) -> Outcome<()> {
    let request = device.client.block_user(user);
    ask(device, "block", json!({ "other": user.to_string() }), request, |()| json!({})).await
}

async fn unblock(device: &Device, user: u64) -> Outcome<()> {
    let request = device.client.unblock_user(user);
    ask(device, "unblock", json!({ "other": user.to_string() }), request, |()| json!({})).await
}

/// Those who come after the user in the list, which is a circle.
fn rivals(device: &Device) -> Vec<u64> {
    let users = device.users.iter().copied();
    let begin = users.clone().position(|user| user == device.user_id).unwrap_or_default();
    let after = users.cycle().skip(begin + 1).take(RIVALS.min(device.users.len() - 1));
    after.collect()
}

/// Lets time pass, and then waits while nothing is to be done. False when there is nothing more to do.
pub(super) async fn wait(order: &mut watch::Receiver<Order>, pause_ms: u64) -> bool {
    let stopped = order.wait_for(|order| *order == Order::Stop);
    // Who is told to stop does not wait to the end.
    drop(timeout(Duration::from_millis(pause_ms), stopped).await);
    go_on(order).await
}

async fn go_on(order: &mut watch::Receiver<Order>) -> bool {
    let now = order.wait_for(|order| *order != Order::Wait).await;
    now.is_ok_and(|now| *now != Order::Stop)
}
