//! Bots, by an operator's word: accounts that programs drive, and what the operator says as one of them.

use highwater_wire::{Refusal, proto};

use super::Accounts;
use crate::{
    logic::{
        self, Answer, Principal,
        operation::{NO_DEVICE, Request, Send, Target, Voucher},
    },
    model::{ClientMessageId, Seq, UserId},
};

impl Accounts {
    /// Makes a bot, unless there is one of this name, and a device of it, whose token is told once. By the token its
    /// program syncs and sends as any client does.
    ///
    /// # Errors
    /// `NameTaken` where somebody else is called so, `InvalidName`, `TooManyDevices`, or the committer's refusal.
    pub async fn make_bot(&self, name: String) -> Result<(proto::User, proto::SignedIn), Refusal> {
        let create = proto::CreateUser { name, password: String::new(), bot: true };
        let bot = self.make_user(Voucher::Operator, create).await?;
        let info = proto::DeviceInfo { name: "bot".to_owned(), ..proto::DeviceInfo::default() };
        let device = self.add_device(UserId(bot.user_id), info, 0, None).await?;
        Ok((bot, device))
    }

    /// Sends a text of a bot to a user, or to a conversation in which the bot may write. It is a message like any other:
    /// whoever blocks the bot does not get it.
    ///
    /// # Errors
    /// `Forbidden` where the sender is no bot, `NoSuchUser`, `NoSuchConversation`, or what is refused of any message.
    pub async fn send_as_bot(&self, bot: UserId, to: Target, text: String) -> Result<Answer, Refusal> {
        let send = Send {
            by: Principal { user: bot, device: NO_DEVICE },
            to,
            id: ClientMessageId(self.random.bytes::<16>()),
            day: self.services.today(),
            content: logic::content::of_send(text, None)?,
            shown: Seq(0),
        };
        self.decide_for(Voucher::Operator, Request::Send(send)).await
    }
}
