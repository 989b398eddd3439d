//! Reception: what a connection's frames go through. Before hello it knows only how to register, sign in and say
//! hello; afterwards it decodes and hands every request to the user's actor.

use std::{cell::RefCell, net::IpAddr, rc::Rc, sync::Arc};

use actix::Addr;
use bytes::Bytes;
use highwater_wire::{Encoding, Refusal, close, proto};
use proto::{client_frame::Request, server_frame::Body};
use tracing::Instrument;

use super::{
    accounts::Accounts,
    connection::Upward,
    directory::Directory,
    hub::Join,
    ports::WorkerId,
    transport::Link,
    user::{Attach, Detach, Frame, User, UserServices},
};
use crate::{
    logic::Principal,
    model::{Lineage, UserId, limits::CONTEXT_MAX},
    monitor::{Op, Outcome, ids},
    sync::{Kinds, Locale, Rendering},
};

/// Close code of RFC 6455's registry: the service restarts, come again.
const SERVICE_RESTART: u16 = 1012;

/// How often a connection looks for its user's worker anew when the user moved meanwhile.
const JOIN_ATTEMPTS_MAX: usize = 4;

/// What every connection of a worker is received with.
pub struct Lobby {
    /// Accounts.
    pub accounts: Arc<Accounts>,
    /// What user actors work with.
    pub services: Arc<UserServices>,
    /// Who is where.
    pub directory: Directory,
    /// This worker.
    pub worker: WorkerId,
}

/// See the module.
pub struct Reception {
    lobby: Rc<Lobby>,
    encoding: Encoding,
    peer: Option<IpAddr>,
    guest: Rc<RefCell<Guest>>,
}

/// How far a connection has come.
#[derive(Default)]
struct Guest {
    link: Option<Link>,
    stage: Stage,
    closed: bool,
}

#[derive(Default)]
enum Stage {
    /// Nothing was asked yet, or what was asked is answered.
    #[default]
    Unknown,
    /// Hello, register or sign-in is being answered.
    Busy,
    /// Greeted: everything goes to the user's actor.
    In(Addr<User>),
}

impl Reception {
    /// Receives one connection.
    #[must_use]
    pub fn new(lobby: Rc<Lobby>, encoding: Encoding, peer: Option<IpAddr>) -> Reception {
        Reception { lobby, encoding, peer, guest: Rc::default() }
    }

    fn refuse(&self, request_id: u64, refusal: Refusal) {
        let guest = self.guest.borrow();
        if let Some(link) = &guest.link {
            tell(link, request_id, Body::Error(refusal.to_error(super::user::retry_after_ms(refusal))));
        }
    }

    fn decode(&self, payload: &Bytes, text: bool) -> Result<proto::ClientFrame, Refusal> {
        if text != (self.encoding == Encoding::Json) {
            return Err(Refusal::WrongFrameType);
        }
        self.encoding.decode(payload).map_err(|_| Refusal::MalformedFrame)
    }

    fn before_hello(&self, frame: proto::ClientFrame) {
        let request_id = frame.request_id;
        if request_id == 0 {
            return self.refuse(0, Refusal::InvalidField);
        }
        if matches!(self.guest.borrow().stage, Stage::Busy) {
            return self.refuse(request_id, Refusal::TooManyInFlight);
        }
        match frame.request {
            Some(Request::Hello(hello)) => self.spawn(request_id, Errand::Hello(hello)),
            Some(Request::Register(register)) => self.spawn(request_id, Errand::Register(register)),
            Some(Request::SignIn(sign_in)) => self.spawn(request_id, Errand::SignIn(sign_in)),
            Some(Request::SignInWithToken(sign_in)) => {
                self.spawn(request_id, Errand::SignInWithToken(sign_in))
            }
            Some(_) => self.refuse(request_id, Refusal::HelloFirst),
            None => self.refuse(request_id, Refusal::UnknownRequest),
        }
    }

    fn spawn(&self, request_id: u64, errand: Errand) {
        self.guest.borrow_mut().stage = Stage::Busy;
        let errand = Running {
            lobby: Rc::clone(&self.lobby),
            guest: Rc::clone(&self.guest),
            peer: self.peer,
            request_id,
            received_us: self.lobby.services.clock.monotonic_us(),
        }
        .run(errand);
        let connection = self.guest.borrow().link.as_ref().map(|link| link.id().0);
        let span = tracing::error_span!("request", connection, request = request_id);
        actix_web::rt::spawn(errand.instrument(span));
    }
}

impl Upward for Reception {
    fn opened(&mut self, link: Link) {
        self.guest.borrow_mut().link = Some(link);
        self.lobby.services.monitor.add(ids::CONNECTIONS_OPEN, 1);
        self.lobby.services.monitor.add(ids::CONNECTIONS_OPENED, 1);
    }

    fn frame(&mut self, payload: Bytes, text: bool) {
        let frame = match self.decode(&payload, text) {
            Ok(frame) => frame,
            Err(refusal) => return self.refuse(0, refusal),
        };
        let guest = self.guest.borrow();
        let (Stage::In(user), Some(link)) = (&guest.stage, &guest.link) else {
            drop(guest);
            return self.before_hello(frame);
        };
        let request_id = frame.request_id;
        let received_us = self.lobby.services.clock.monotonic_us();
        match user.try_send(Frame { connection: link.id(), frame, received_us }) {
            Ok(()) => {}
            Err(actix::dev::SendError::Full(_)) => tell(link, request_id, busy()),
            Err(actix::dev::SendError::Closed(_)) => link.close(SERVICE_RESTART, "reconnect"),
        }
    }

    fn closed(&mut self) {
        let mut guest = self.guest.borrow_mut();
        guest.closed = true;
        self.lobby.services.monitor.subtract(ids::CONNECTIONS_OPEN, 1);
        if let (Stage::In(user), Some(link)) = (&guest.stage, &guest.link) {
            leave(user, link);
        }
        guest.stage = Stage::Unknown;
    }
}

/// What is asked before hello.
enum Errand {
    Hello(proto::Hello),
    Register(proto::Register),
    SignIn(proto::SignIn),
    SignInWithToken(proto::SignInWithToken),
}

/// An errand that is being answered.
struct Running {
    lobby: Rc<Lobby>,
    guest: Rc<RefCell<Guest>>,
    peer: Option<IpAddr>,
    request_id: u64,
    received_us: u64,
}

impl Running {
    async fn run(self, errand: Errand) {
        // Until the end of this function, whichever it is.
        let mut unanswered = self.lobby.services.unanswered.share();
        unanswered.add();
        match errand {
            Errand::Hello(hello) => match self.hello(hello).await {
                // Counted by the user's actor when it greets.
                Ok(()) => return,
                Err(refusal) => {
                    self.refuse(refusal);
                    if !refusal.retry() {
                        self.close(refusal);
                    }
                    self.count_refused_hello(refusal);
                }
            },
            Errand::Register(register) => self.signed_in(self.lobby.accounts.register(register).await),
            Errand::SignIn(sign_in) => {
                self.signed_in(self.lobby.accounts.sign_in(sign_in, self.peer).await);
            }
            Errand::SignInWithToken(sign_in) => {
                self.signed_in(self.lobby.accounts.sign_in_with_token(sign_in, self.peer).await);
            }
        }
        self.guest.borrow_mut().stage = Stage::Unknown;
    }

    fn count_refused_hello(&self, refusal: Refusal) {
        let services = &self.lobby.services;
        let took_us = services.clock.monotonic_us().saturating_sub(self.received_us);
        services.monitor.operation(Op::Hello).finished(Outcome::from(refusal), took_us, 0);
    }

    /// Accounts have counted it.
    fn signed_in(&self, result: Result<proto::SignedIn, Refusal>) {
        match result {
            Ok(signed_in) => self.tell(Body::SignedIn(signed_in)),
            Err(refusal) => self.refuse(refusal),
        }
    }

    async fn hello(&self, hello: proto::Hello) -> Result<(), Refusal> {
        let rendering = Rendering::new(hello.level, Locale::of_tag(&hello.locale));
        let Some(rendering) = rendering.filter(|_| hello.context <= u32::from(CONTEXT_MAX)) else {
            return Err(Refusal::InvalidField);
        };
        let kinds = Arc::new(self.lobby.services.kinds.declared(&hello.kinds));
        let context = hello.context as u8;
        let (device, lineage) = self.lobby.accounts.admit(&hello.token, context, kinds.set()).await?;
        let Some(link) = self.guest.borrow().link.clone() else {
            return Err(Refusal::Internal);
        };
        let user = self.join(device.user).await?;
        link.mark_authenticated();
        {
            let mut guest = self.guest.borrow_mut();
            // Attached before any further frame is handed over: the greeting is the first thing that the client hears.
            #[allow(clippy::disallowed_methods, reason = "a signal of the life cycle that must not be lost")]
            user.do_send(self.attach(&lineage, device.user, (kinds, rendering), &hello, &link));
            if guest.closed {
                leave(&user, &link);
            } else {
                guest.stage = Stage::In(user);
            }
        }
        // The device may have ended, or its account been suspended, between the proof and the moment from which that would
        // be told here.
        let still = self.lobby.services.readers.ask(move |view| view.device(device.device)).await;
        match still {
            Ok(None) => link.close(close::UNAUTHENTICATED, Refusal::InvalidToken.name()),
            Ok(Some(device)) if device.suspended => {
                link.close(close::UNAUTHENTICATED, close::ACCOUNT_SUSPENDED);
            }
            _ => {}
        }
        Ok(())
    }

    async fn join(&self, user: UserId) -> Result<Addr<User>, Refusal> {
        let mut worker = self.lobby.directory.worker_or(user, self.lobby.worker);
        for _ in 0..JOIN_ATTEMPTS_MAX {
            match self.lobby.services.ports.ask(worker, Join { user }).await {
                Some(Ok(user)) => return Ok(user),
                Some(Err(moved)) => worker = moved,
                None => return Err(Refusal::Busy),
            }
        }
        Err(Refusal::Busy)
    }

    fn attach(
        &self,
        lineage: &Lineage,
        user: UserId,
        (kinds, rendering): (Arc<Kinds>, Rendering),
        hello: &proto::Hello,
        link: &Link,
    ) -> Attach {
        Attach {
            link: link.clone(),
            principal: Principal { user, device: lineage.id.device },
            lineage: *lineage,
            rendering,
            kinds,
            nudge_only: hello.nudge_only,
            hello_id: self.request_id,
            received_us: self.received_us,
        }
    }

    fn tell(&self, body: Body) {
        if let Some(link) = &self.guest.borrow().link {
            tell(link, self.request_id, body);
        }
    }

    fn refuse(&self, refusal: Refusal) {
        self.tell(Body::Error(refusal.to_error(super::user::retry_after_ms(refusal))));
    }

    fn close(&self, refusal: Refusal) {
        if let Some(link) = &self.guest.borrow().link {
            link.close(close::UNAUTHENTICATED, refusal.name());
        }
    }
}

fn busy() -> Body {
    Body::Error(Refusal::Busy.to_error(super::user::retry_after_ms(Refusal::Busy)))
}

fn tell(link: &Link, request_id: u64, body: Body) {
    let frame = proto::ServerFrame { request_id, body: Some(body) };
    if link.answer(Bytes::from(link.encoding().encode(&frame))).is_err() {
        link.close(close::TOO_SLOW, "answers are not read");
    }
}

fn leave(user: &Addr<User>, link: &Link) {
    #[allow(clippy::disallowed_methods, reason = "a signal of the life cycle that must not be lost")]
    user.do_send(Detach { connection: link.id() });
}
