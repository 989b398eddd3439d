//! What one step finds of changed profiles: who still lacks one, and which changes everybody has been told.

use crate::{
    logic::{Request, operation::ProfileRequest},
    model::{Standing, UserId, Version, limits::PROFILE_TOLD_PER_STEP},
    store::{
        profiles,
        view::{ReadFault, View},
    },
};

/// Changes that one pass works on; more wait for the next. Source: choice; each may have thousands to be told.
const CHANGES_PER_PASS: usize = 16;

/// Where a pass is; the default one has not begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telling {
    /// Users who are left, the one at work last, each with the changes that the pass began with.
    users: Vec<(UserId, Vec<Version>)>,
    /// Within those who have something of the one at work, after this one.
    after: Option<UserId>,
    /// Somebody was found who lacks what the one at work shows.
    is_lacked: bool,
}

/// What one step found.
#[derive(Debug, Default)]
pub struct Found {
    /// To be decided: each tells one user.
    pub requests: Vec<Request>,
    /// Changes that everybody was told, to be removed from the index.
    pub keys: Vec<Vec<u8>>,
    /// Where the next step goes on, which may begin a new pass; `None` when nothing is to be told.
    pub next: Option<Telling>,
}

/// Looks at what comes next: `None` begins a pass.
///
/// # Errors
/// When the index cannot be read.
pub fn find(view: &View, at: Option<Telling>) -> Result<Found, ReadFault> {
    let mut found = Found::default();
    let mut at = at.unwrap_or_default();
    if at.users.is_empty() {
        at = begin(view)?;
        if at.users.is_empty() {
            return Ok(found);
        }
    }
    let mut room = PROFILE_TOLD_PER_STEP;
    while room > 0 {
        // Whether the pass left nothing says the next one.
        let Some((user, versions)) = at.users.last().cloned() else { break };
        let holders = view.holders_after(user, at.after, room)?;
        let is_last = holders.len() < room;
        room -= holders.len();
        at.after = holders.last().copied().or(at.after);
        for owner in holders {
            if lacks(view, user, owner)? {
                found.requests.push(Request::Profile(ProfileRequest::Tell { user, owner }));
            }
        }
        at.is_lacked |= !found.requests.is_empty();
        if !is_last {
            break;
        }
        // What was asked for is looked for once more by the pass after this one.
        if !at.is_lacked {
            found.keys.extend(versions.iter().map(|version| profiles::change_key(user, *version)));
        }
        at = Telling { users: at.users[..at.users.len() - 1].to_vec(), ..Telling::default() };
        if !found.requests.is_empty() {
            break;
        }
    }
    found.next = Some(at);
    Ok(found)
}

fn begin(view: &View) -> Result<Telling, ReadFault> {
    let mut users: Vec<(UserId, Vec<Version>)> = Vec::new();
    for (user, version) in view.profile_changes(CHANGES_PER_PASS)? {
        match users.last_mut() {
            Some((last, versions)) if *last == user => versions.push(version),
            _ => users.push((user, vec![version])),
        }
    }
    Ok(Telling { users, ..Telling::default() })
}

/// Whether the committer would tell it; who was erased, and who takes nothing, lacks nothing.
fn lacks(view: &View, user: UserId, owner: UserId) -> Result<bool, ReadFault> {
    let Some(account) = view.account(user)? else { return Ok(false) };
    let held = view.contact(owner, user)?;
    let Some(held) = held.filter(|held| !held.shows(&account.profile)) else { return Ok(false) };
    let is_open = !held.is_blocked && held.standing != Standing::Erased;
    let hides = || Ok::<_, ReadFault>(view.contact(user, owner)?.is_some_and(|own| own.is_blocked));
    Ok(is_open && !hides()? && view.account(owner)?.is_some())
}
