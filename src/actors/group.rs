//! The group actor: one per active group, it asks for the next steps of a fan-out when the last ones are durable, and
//! tells the members what became durable for them.
//!
//! **Owns** nothing that counts: what is to be told and asked stands on the board, `group/board.rs`, which outlives it.
//! **Receives** wakes. **Emits** steps to the intake, a few at a time, and one envelope per worker with the members who
//! have news there. **Durable before replying:** what it tells was published before it came to the board; steps are asked
//! for when those before them are durable. **Mailbox:** one wake at a time, so it is never full. **Started** by the board
//! for the first record of its group, **stopped** by itself when nothing waited for a while. **A restart loses** nothing:
//! what was not told is still on the board, and its successor tells it, twice if it must.

mod board;
mod bounds;
mod left;
mod on_purpose;
#[cfg(test)]
mod tests;

use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, SpawnHandle};

pub use board::{Groups, GroupsParts, LiveGroup, LiveGroups};
pub use bounds::ActiveBounds;

use super::persistence::intake::{Reply, Submission};
use crate::{
    logic::{
        Request,
        fan_out_job::{Asked, Next},
    },
    model::ConversationId,
};

/// See the module.
pub(super) struct Group {
    group: ConversationId,
    /// Which of the actors that this group has had.
    number: u64,
    groups: Groups,
    /// When it looks again by itself.
    planned: Option<SpawnHandle>,
    has_ended: bool,
    /// Those before it died one after the other: it waits before it does anything.
    pauses: bool,
}

/// There is something on the board.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Wake;

impl Group {
    pub(super) fn new(group: ConversationId, number: u64, groups: Groups) -> Group {
        Group { group, number, groups, planned: None, has_ended: false, pauses: false }
    }

    fn work(&mut self, ctx: &mut Context<Group>) {
        self.pauses = false;
        self.groups.tell(self.group);
        let next = match self.groups.next(self.group) {
            Next::Step => self.step(),
            next => next,
        };
        if let Some(planned) = self.planned.take() {
            ctx.cancel_future(planned);
        }
        self.planned = match next {
            Next::UnderWay => None,
            Next::WaitUntil(due_us) => {
                let wait = due_us.saturating_sub(self.groups.now_us());
                Some(ctx.run_later(Duration::from_micros(wait), Group::work))
            }
            Next::Step => Some(ctx.run_later(Duration::ZERO, Group::work)),
            Next::Nothing => Some(ctx.run_later(self.groups.idle(), Group::end)),
        };
    }

    /// Asks for the next steps. What the intake does not take comes back at once, and is asked for again later.
    fn step(&mut self) -> Next {
        if let Some(Asked { number, steps }) = self.groups.ask(self.group) {
            let submission = |_| {
                let reply = Reply::Group(self.group, number);
                Submission::new(Request::Expand(self.group), reply, self.groups.clock())
            };
            if let Err(refusal) = self.groups.intake().submit_steps((0..steps).map(submission).collect()) {
                for _ in 0..steps {
                    self.groups.answered(self.group, number, Some(refusal));
                }
            }
        }
        self.groups.next(self.group)
    }

    fn end(&mut self, ctx: &mut Context<Group>) {
        self.planned = None;
        self.has_ended = self.groups.end(self.group, self.number);
        if self.has_ended {
            ctx.stop();
        }
    }
}

/// An actor that ended in order has said so. After a panic another one takes over at once.
impl Drop for Group {
    fn drop(&mut self) {
        if !self.has_ended {
            self.groups.died(self.group, self.number);
        }
    }
}

impl Actor for Group {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let pause_us = self.groups.pause_us(self.group);
        self.pauses = pause_us > 0;
        if self.pauses {
            ctx.run_later(Duration::from_micros(pause_us), Group::work);
        } else {
            self.work(ctx);
        }
    }
}

impl Handler<Wake> for Group {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        if !self.pauses {
            self.work(ctx);
        }
    }
}
