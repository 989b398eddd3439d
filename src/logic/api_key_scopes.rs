//! What a key may ask: one table, with a row for every request that there is.
//!
//! Devices, passwords, tokens, what others are told of a user and the user's erasure are never a key's, so that what a
//! program can do ends with its key; nor is syncing, since a chain of snapshots belongs to a device.

use highwater_wire::{Refusal, proto::client_frame::Request};

use crate::model::{
    ApiKey, UserId,
    api_key::{ActsFor, Scope},
    record::Account,
};

/// Under which condition a key may ask something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every key may, for nobody.
    Free,
    /// A key with the scope may, for nobody.
    OfKey(Scope),
    /// A key with the scope may, for a user for whom it may act.
    ForUser(Scope),
    /// No key may.
    Never,
}

/// The table. A new request has no row: the compiler names it.
#[must_use]
pub fn rule(request: &Request) -> Rule {
    match request {
        Request::Heartbeat(_) => Rule::Free,
        Request::CreateUser(_) => Rule::OfKey(Scope::Users),
        Request::Send(_) | Request::MarkRead(_) | Request::SetConversation(_) => Rule::ForUser(Scope::Send),
        Request::FindUser(_)
        | Request::Heads(_)
        | Request::Range(_)
        | Request::ListMembers(_)
        | Request::DescribeGroup(_)
        | Request::AskWatermarks(_)
        | Request::ListLinks(_)
        | Request::LookAtLink(_)
        | Request::ListJoinRequests(_) => Rule::ForUser(Scope::Read),
        Request::SetProfile(_) => Rule::ForUser(Scope::Profile),
        Request::BlockUser(_)
        | Request::UnblockUser(_)
        | Request::NoteContact(_)
        | Request::DeleteContact(_)
        | Request::AskContact(_)
        | Request::AcceptContact(_)
        | Request::RefuseContact(_)
        | Request::WithdrawContact(_) => Rule::ForUser(Scope::Contacts),
        Request::CreateGroup(_)
        | Request::AddMembers(_)
        | Request::RemoveMember(_)
        | Request::LeaveGroup(_)
        | Request::RenameGroup(_)
        | Request::GiveRole(_)
        | Request::DissolveGroup(_)
        | Request::MuteGroup(_)
        | Request::MuteMember(_)
        | Request::SetAnnouncement(_)
        | Request::MakeLink(_)
        | Request::RevokeLink(_)
        | Request::JoinByLink(_)
        | Request::SetApproval(_)
        | Request::AnswerJoinRequest(_)
        | Request::CreateChannel(_)
        | Request::Follow(_)
        | Request::Unfollow(_)
        | Request::TurnGroup(_) => Rule::ForUser(Scope::Groups),
        Request::Hello(_)
        | Request::Sync(_)
        | Request::Compare(_)
        | Request::Register(_)
        | Request::SignIn(_)
        | Request::SignInWithToken(_)
        | Request::SignOut(_)
        | Request::ListDevices(_)
        | Request::EndDevice(_)
        | Request::ChangePassword(_)
        | Request::SetPrivacy(_)
        | Request::SetStrangers(_)
        | Request::EraseAccount(_) => Rule::Never,
    }
}

/// Whether a key has what a rule asks of it.
///
/// # Errors
/// `Forbidden` for what is never a key's, `ScopeMissing` for what another key may.
pub fn check(key: &ApiKey, rule: Rule) -> Result<(), Refusal> {
    match rule {
        Rule::Free => Ok(()),
        Rule::OfKey(scope) | Rule::ForUser(scope) if key.scopes.has(scope) => Ok(()),
        Rule::OfKey(_) | Rule::ForUser(_) => Err(Refusal::ScopeMissing),
        Rule::Never => Err(Refusal::Forbidden),
    }
}

/// The user for whom a key acts, from the account that was found for whom it names.
///
/// # Errors
/// `NotForThisUser`, also where there is nobody, so that a key tells nothing of others than its own; `NoSuchUser` to a key
/// that acts for everybody; `AccountSuspended`.
pub fn admit(key: &ApiKey, account: Option<&Account>) -> Result<UserId, Refusal> {
    match account {
        Some(account) if !key.acts_for(account) => Err(Refusal::NotForThisUser),
        Some(account) if account.suspended => Err(Refusal::AccountSuspended),
        Some(account) => Ok(account.user),
        None if key.acts_for == ActsFor::All => Err(Refusal::NoSuchUser),
        None => Err(Refusal::NotForThisUser),
    }
}
