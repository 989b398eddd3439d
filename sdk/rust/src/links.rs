//! Links into groups: made, listed and taken back by owner and admins; looked at and used by whoever has one.

use std::time::Duration;

use crate::client::Client;
use crate::error::Error;
use crate::message::ClientMessageId;
use highwater_wire::proto::{
    AnswerJoinRequest, GroupInfo, JoinByLink, JoinRequest, Link, ListJoinRequests, ListLinks, LookAtLink,
    MakeLink, RevokeLink, SetApproval, client_frame::Request, server_frame::Body,
};

impl Client {
    /// Makes a link into a group and gives it with its code, which is told now and never again. It holds for so long and
    /// lets in so many; zero leaves it to the server. The id, as [`ClientMessageId::random`] makes it, names the link: asked
    /// again with the same one there is still one link, and the newest code is its code.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault, after which the same is asked again.
    pub async fn make_link(
        &self,
        conversation_id: u64,
        id: ClientMessageId,
        valid: Duration,
        uses_max: u32,
    ) -> Result<Link, Error> {
        let valid_s = u32::try_from(valid.as_secs()).unwrap_or(u32::MAX);
        let make = MakeLink { conversation_id, link_id: id.0.to_vec().into(), valid_s, uses_max };
        match self.ask(Request::MakeLink(make)).await? {
            Body::LinkList(list) => list.links.into_iter().next().ok_or(Error::UnexpectedAnswer),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// The links into a group, without their codes.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn list_links(&self, conversation_id: u64) -> Result<Vec<Link>, Error> {
        match self.ask(Request::ListLinks(ListLinks { conversation_id })).await? {
            Body::LinkList(list) => Ok(list.links),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// Takes a link back: it opens nothing any more.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn revoke_link(&self, conversation_id: u64, link_id: &[u8]) -> Result<(), Error> {
        let link_id = link_id.to_vec().into();
        self.ask_done(Request::RevokeLink(RevokeLink { conversation_id, link_id })).await
    }

    /// What a link opens, before one joins: the name of the group, and how many belong to it.
    ///
    /// # Errors
    /// A refusal, such as that the link is not valid; or a fault.
    pub async fn look_at_link(&self, code: &str) -> Result<GroupInfo, Error> {
        self.ask_about(Request::LookAtLink(LookAtLink { code: code.to_owned() })).await
    }

    /// Makes the user a member by a link, and says of which group, by its conversation. Where the group wants to be asked,
    /// `asked` says that it waits; the greeting is for its owner and admins. Asked again it says the same.
    ///
    /// # Errors
    /// A refusal, such as that the link is not valid, or the group full; or a fault.
    pub async fn join_by_link(&self, code: &str, greeting: &str) -> Result<GroupInfo, Error> {
        let (code, greeting) = (code.to_owned(), greeting.to_owned());
        self.ask_about(Request::JoinByLink(JoinByLink { code, greeting })).await
    }

    /// Has who comes by a link ask, or lets them in again.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn set_approval(&self, conversation_id: u64, approval: bool) -> Result<(), Error> {
        self.ask_done(Request::SetApproval(SetApproval { conversation_id, approval })).await
    }

    /// Who waits to be let into a group, oldest first.
    ///
    /// # Errors
    /// A refusal, such as that this is not allowed; or a fault.
    pub async fn list_join_requests(&self, conversation_id: u64) -> Result<Vec<JoinRequest>, Error> {
        match self.ask(Request::ListJoinRequests(ListJoinRequests { conversation_id })).await? {
            Body::JoinRequestList(list) => Ok(list.requests),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// Lets in one who asked, or does not; who asked takes it back by refusing himself.
    ///
    /// # Errors
    /// A refusal, such as that nothing waits any more; or a fault.
    pub async fn answer_join_request(
        &self,
        conversation_id: u64,
        user_id: u64,
        accepted: bool,
    ) -> Result<(), Error> {
        let answer = AnswerJoinRequest { conversation_id, user_id, accepted };
        self.ask_done(Request::AnswerJoinRequest(answer)).await
    }

    async fn ask_about(&self, request: Request) -> Result<GroupInfo, Error> {
        match self.ask(request).await? {
            Body::GroupInfo(info) => Ok(info),
            _ => Err(Error::UnexpectedAnswer),
        }
    }
}
