//! Of every message: who sent it to whom, when first, and what was answered.

use crate::fault::HistoryError;
use crate::findings::{Bucket, Findings};
use crate::history::{Ack, At, History, Invoke, Target};

/// One message, however often it was sent and answered.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: u32,
    pub(crate) sender: u32,
    pub(crate) to: Target,
    /// The first time it was given to the network.
    pub(crate) invoked: (u64, At),
    /// The first time an answer came that did not race a power cut.
    pub(crate) acknowledged: Option<(u64, At)>,
    /// Finally refused, so certainly not done.
    pub(crate) refused: bool,
}

impl Message {
    /// Its two users, the smaller number first; none if it was sent to a group.
    pub(crate) fn pair(&self) -> Option<(u32, u32)> {
        match self.to {
            Target::User(to) => Some((self.sender.min(to), self.sender.max(to))),
            Target::Group(_) => None,
        }
    }
}

/// All messages, by token.
#[derive(Debug)]
pub(crate) struct Sends {
    messages: Vec<Option<Message>>,
    token_of_id: Vec<Option<u32>>,
    acknowledged: u64,
}

impl Sends {
    /// Puts invocations and answers together.
    ///
    /// Reports an answer to an id that nobody sent (invented) and a message both refused and acknowledged
    /// (inconsistent).
    ///
    /// # Errors
    ///
    /// [`HistoryError::Contradiction`] if an id stands with two tokens or two recipients, or a message has no
    /// lineage at all that is expected to have it.
    pub(crate) fn index(history: &History, findings: &mut Findings) -> Result<Self, HistoryError> {
        let mut sends = Self {
            messages: (0..history.tokens.len()).map(|_| None).collect(),
            token_of_id: vec![None; history.ids.len()],
            acknowledged: 0,
        };
        let declared = history.declared_by_user();
        for invoke in &history.invokes {
            let nobody = match invoke.to {
                Target::User(to) => {
                    declared[invoke.sender as usize].is_empty() && declared[to as usize].is_empty()
                }
                Target::Group(_) => false,
            };
            let taken = if nobody {
                Err("neither sender nor recipient has a lineage in the \"devices\" line".to_owned())
            } else {
                sends.take_invoke(invoke)
            };
            taken.map_err(|what| {
                let path = findings.file(invoke.at).to_owned();
                HistoryError::Contradiction { path, line: invoke.at.line, what }
            })?;
        }
        for ack in &history.acks {
            sends.take_ack(ack, history, findings);
        }
        sends.take_refusals(history, findings);
        sends.acknowledged = sends.all().filter(|(_, message)| message.acknowledged.is_some()).count() as u64;
        Ok(sends)
    }

    /// Distinct ids with an answer that did not race a power cut.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The message with this token; none if nobody sent it.
    pub(crate) fn message(&self, token: u32) -> Option<&Message> {
        self.messages[token as usize].as_ref()
    }

    /// The token that was sent with this id.
    pub(crate) fn token_of_id(&self, id: u32) -> Option<u32> {
        self.token_of_id[id as usize]
    }

    /// All messages with their tokens.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &Message)> {
        (0u32..).zip(&self.messages).filter_map(|(token, message)| Some((token, message.as_ref()?)))
    }

    fn take_invoke(&mut self, invoke: &Invoke) -> Result<(), String> {
        let Invoke { t, at, id, token, sender, to } = *invoke;
        let known = self.token_of_id[id as usize].get_or_insert(token);
        if *known != token {
            return Err("this id was sent with another token before".to_owned());
        }
        let invoked = (t, at);
        let message = self.messages[token as usize].get_or_insert(Message {
            id,
            sender,
            to,
            invoked,
            acknowledged: None,
            refused: false,
        });
        if (message.id, message.sender, message.to) != (id, sender, to) {
            return Err("this token was sent with another id, sender or recipient before".to_owned());
        }
        message.invoked = message.invoked.min(invoked);
        Ok(())
    }

    fn take_ack(&mut self, ack: &Ack, history: &History, findings: &mut Findings) {
        let Some(token) = self.token_of_id[ack.id as usize] else {
            findings.report(Bucket::Invented, ack.at, || {
                format!("answer to id {:032x}, which nobody sent", history.ids.value(ack.id))
            });
            return;
        };
        let message = self.messages[token as usize].as_mut().expect("an id with a token has its message");
        if ack.settled {
            let answered = (ack.t, ack.at);
            message.acknowledged =
                Some(message.acknowledged.map_or(answered, |earlier| earlier.min(answered)));
        }
    }

    fn take_refusals(&mut self, history: &History, findings: &mut Findings) {
        for refusal in &history.refusals {
            let Some(token) = self.token_of_id[refusal.id as usize] else {
                continue;
            };
            let message = self.messages[token as usize].as_mut().expect("an id with a token has its message");
            if message.acknowledged.is_none() {
                message.refused = true;
                continue;
            }
            findings.report(Bucket::Inconsistent, refusal.at, || {
                format!("{} is refused with {}, and was acknowledged", history.token(token), refusal.code)
            });
        }
    }
}
