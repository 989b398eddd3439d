//! Bots, by an operator's word: accounts that programs drive, and what the operator says as one of them.

use highwater_wire::{Refusal, proto};

use super::Accounts;
use crate::{
    logic::{
        self, Answer, Principal,
        operation::{NO_DEVICE, Request, Send, Target, Voucher},
    },
    model::{
        ClientMessageId, ConversationId, Day, Seq, UserId,
        record::{Account, Conversation, name_key},
    },
    monitor::alarms::AlarmMessage,
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
        let new = (self.services.today(), ClientMessageId(self.random.bytes::<16>()));
        self.send_again_as_bot(bot, to, text, new).await
    }

    /// The same under a day and an id of the caller's: as often as it is sent, it is one message.
    ///
    /// # Errors
    /// As `send_as_bot`; `IdConflict` where another text was sent by them, `DayOutsideWindow` where ids of that day are
    /// not remembered.
    pub async fn send_again_as_bot(
        &self,
        bot: UserId,
        to: Target,
        text: String,
        (day, id): (Day, ClientMessageId),
    ) -> Result<Answer, Refusal> {
        let send = Send {
            by: Principal { user: bot, device: NO_DEVICE },
            to,
            id,
            day,
            content: logic::content::of_send(text, None)?,
            shown: Seq(0),
        };
        self.decide_for(Voucher::Operator, Request::Send(send)).await
    }

    /// Says what is told of alarms, as a bot in a conversation: told again, it is one message.
    ///
    /// # Errors
    /// As `send_again_as_bot`.
    pub async fn say_as_bot(
        &self,
        bot: &str,
        group: ConversationId,
        message: AlarmMessage,
    ) -> Result<(), Refusal> {
        let AlarmMessage { id, day, text } = message;
        let key = name_key(bot);
        let bot = self.services.readers.ask(move |view| view.user_of_name(&key)).await?;
        let (bot, to) = (bot.ok_or(Refusal::NoSuchUser)?, Target::Conversation(group));
        self.send_again_as_bot(bot, to, text, (day, id)).await.map(drop)
    }

    /// The account of a name, a conversation, and whether it is one of that account's.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn bot_and_group(
        &self,
        bot: &str,
        group: ConversationId,
    ) -> Result<(Option<Account>, Option<Conversation>, bool), Refusal> {
        let key = name_key(bot);
        let found = self.services.readers.ask(move |view| {
            let bot = view.user_of_name(&key)?.map(|user| view.account(user)).transpose()?.flatten();
            let row = view.conversation(group)?;
            let belongs = match (&bot, &row) {
                (Some(bot), Some(row)) if row.is_group() => view.belongs(group, bot.user)?,
                (Some(bot), Some(row)) => row.members.contains(&bot.user),
                _ => false,
            };
            Ok((bot, row, belongs))
        });
        found.await
    }
}
