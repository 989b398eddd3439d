//! Groups: made, joined, left, named; who belongs to one, and which of them the store knows.
//!
//! Each request may be made again after a fault: the second time it changes nothing. What is so now comes as an item of
//! kind conversations, and what became of a group as notices among its entries.

use crate::client::Client;
use crate::error::Error;
use crate::message::ClientMessageId;
use crate::store::{Store, StoreError};
use highwater_wire::proto::{
    AddMembers, ConversationItem, CreateGroup, DescribeGroup, DissolveGroup, GiveRole, GroupInfo, GroupItem,
    LeaveGroup, ListMembers, Member, MuteGroup, MuteMember, RemoveMember, RenameGroup, Role, SetAnnouncement,
    client_frame::Request, server_frame::Body,
};
use highwater_wire::{Encoding, kind};

impl Client {
    /// Makes a group of this user and others, and gives its conversation. The id, as [`ClientMessageId::random`] makes
    /// it, is to be kept until this has returned: asked again with the same one, also by another process, it gives the same
    /// group.
    ///
    /// # Errors
    /// A refusal, such as that there is no such user; or a fault, after which the same is asked again.
    pub async fn create_group(
        &self,
        id: ClientMessageId,
        name: &str,
        user_ids: &[u64],
    ) -> Result<u64, Error> {
        let client_group_id = id.0.to_vec().into();
        let create = CreateGroup { client_group_id, name: name.to_owned(), user_ids: user_ids.to_vec() };
        match self.ask(Request::CreateGroup(create)).await? {
            Body::GroupCreated(created) => Ok(created.conversation_id),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// Makes users members of a group; those who are already are passed over.
    ///
    /// # Errors
    /// A refusal, such as that the group is full; or a fault.
    pub async fn add_members(&self, conversation_id: u64, user_ids: &[u64]) -> Result<(), Error> {
        let add = AddMembers { conversation_id, user_ids: user_ids.to_vec() };
        self.ask_done(Request::AddMembers(add)).await
    }

    /// Ends somebody's membership.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn remove_member(&self, conversation_id: u64, user_id: u64) -> Result<(), Error> {
        self.ask_done(Request::RemoveMember(RemoveMember { conversation_id, user_id })).await
    }

    /// Ends the user's own membership.
    ///
    /// # Errors
    /// A refusal, such as that the user is no member (any more); or a fault.
    pub async fn leave_group(&self, conversation_id: u64) -> Result<(), Error> {
        self.ask_done(Request::LeaveGroup(LeaveGroup { conversation_id })).await
    }

    /// Ends a group for everybody; what was told before stays readable.
    ///
    /// # Errors
    /// A refusal, such as that only the owner may; or a fault.
    pub async fn dissolve_group(&self, conversation_id: u64) -> Result<(), Error> {
        self.ask_done(Request::DissolveGroup(DissolveGroup { conversation_id })).await
    }

    /// Lets only owner and admins write to a group, or everybody again.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn mute_group(&self, conversation_id: u64, muted: bool) -> Result<(), Error> {
        self.ask_done(Request::MuteGroup(MuteGroup { conversation_id, muted })).await
    }

    /// Takes from one member the right to write, or gives it back.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn mute_member(&self, conversation_id: u64, user_id: u64, muted: bool) -> Result<(), Error> {
        self.ask_done(Request::MuteMember(MuteMember { conversation_id, user_id, muted })).await
    }

    /// What a group is now: whether one may write among it, and what is announced.
    ///
    /// # Errors
    /// A refusal, such as that the user is no member; or a fault.
    pub async fn describe_group(&self, conversation_id: u64) -> Result<GroupInfo, Error> {
        match self.ask(Request::DescribeGroup(DescribeGroup { conversation_id })).await? {
            Body::GroupInfo(info) => Ok(info),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// Puts a text before every member of a group, in place of the one before; an empty one takes it away.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed, or that the text is too long; or a fault.
    pub async fn set_announcement(&self, conversation_id: u64, text: &str) -> Result<(), Error> {
        self.ask_done(Request::SetAnnouncement(SetAnnouncement { conversation_id, text: text.to_owned() }))
            .await
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn rename_group(&self, conversation_id: u64, name: &str) -> Result<(), Error> {
        self.ask_done(Request::RenameGroup(RenameGroup { conversation_id, name: name.to_owned() })).await
    }

    /// Gives a member another role. Giving the owner's hands the group on.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn give_role(&self, conversation_id: u64, user_id: u64, role: Role) -> Result<(), Error> {
        self.ask_done(Request::GiveRole(GiveRole { conversation_id, user_id, role: role.into() })).await
    }

    /// Everybody who belongs to a group, in the order of ids, asked for part by part. Who comes or goes meanwhile may be in
    /// it or not, and is told by a notice.
    ///
    /// # Errors
    /// A refusal, such as that the user is no member; or a fault.
    pub async fn list_members(&self, conversation_id: u64) -> Result<Vec<Member>, Error> {
        let (mut members, mut after) = (Vec::new(), 0);
        loop {
            match self.ask(Request::ListMembers(ListMembers { conversation_id, after, limit: 0 })).await? {
                Body::MemberList(list) => {
                    members.extend(list.members);
                    // A server that does not go forward would be asked for ever.
                    if list.next <= after {
                        return Ok(members);
                    }
                    after = list.next;
                }
                _ => return Err(Error::UnexpectedAnswer),
            }
        }
    }
}

impl Store {
    /// The groups that the user is a member of, by conversation, in the order of their keys. At level 1 there are none:
    /// groups are contacts there.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn groups(&self) -> Result<Vec<(u64, GroupItem)>, StoreError> {
        let items = self.items(kind::CONVERSATIONS)?;
        // A document of a later schema that cannot be read is no group to this version.
        let group = |value: &str| {
            let item = Encoding::Json.decode::<ConversationItem>(value.as_bytes()).ok()?;
            Some((item.conversation_id, item.group?))
        };
        Ok(items.iter().filter_map(|item| group(&item.value)).collect())
    }
}
