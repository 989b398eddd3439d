//! Gathers many users in one conversation: as members of a group, or as followers of a channel.

use std::{io, net::SocketAddr, thread};

use crate::{accounts::Account, blocking::BlockingSocket, frames};

/// Members that are added by one request. Source: the most that the server takes.
const ADDED_AT_ONCE: usize = 100;

/// Users who follow at a time. Source: enough that commits are shared, few enough that the load's cores are not.
const FOLLOWING_AT_A_TIME: usize = 16;

/// Everybody in one group of the first one.
///
/// # Errors
/// When it is refused.
pub fn group(server: SocketAddr, accounts: &[Account]) -> io::Result<u64> {
    let ids: Vec<u64> = accounts.iter().skip(1).map(|account| account.user_id).collect();
    let mut parts = ids.chunks(ADDED_AT_ONCE);
    let (mut socket, _) = BlockingSocket::greeted(server, &accounts[0].token)?;
    socket.send(&frames::create_group(2, parts.next().unwrap_or_default()))?;
    let group = created(&mut socket)?;
    for (request_id, part) in (3..).zip(parts) {
        socket.send(&frames::add_members(request_id, group, part))?;
        while !frames::is_done(&socket.receive()?, request_id)? {}
    }
    Ok(group)
}

/// Everybody follows one channel of the first one.
///
/// # Errors
/// When it is refused.
pub fn channel(server: SocketAddr, accounts: &[Account]) -> io::Result<u64> {
    let (mut socket, _) = BlockingSocket::greeted(server, &accounts[0].token)?;
    socket.send(&frames::create_channel(2))?;
    let channel = created(&mut socket)?;
    let share = accounts.len().div_ceil(FOLLOWING_AT_A_TIME).max(1);
    thread::scope(|scope| {
        let follow = |accounts: &'_ [Account]| {
            for account in accounts {
                let (mut socket, _) = BlockingSocket::greeted(server, &account.token)?;
                socket.send(&frames::follow(2, channel))?;
                while !frames::is_done(&socket.receive()?, 2)? {}
            }
            Ok(())
        };
        let followers = accounts[1..].chunks(share);
        let threads: Vec<_> = followers.map(|share| scope.spawn(move || follow(share))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread of the load panicked")))
        })
    })?;
    Ok(channel)
}

fn created(socket: &mut BlockingSocket) -> io::Result<u64> {
    loop {
        if let Some(conversation) = frames::group_created(&socket.receive()?)? {
            return Ok(conversation);
        }
    }
}
