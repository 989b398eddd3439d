//! The HTTP twin: one frame in, one frame out, the same bodies and results as over a WebSocket.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use bytes::Bytes;
use highwater_wire::{Encoding, Refusal, proto};
use proto::{client_frame::Request, server_frame::Body};

use super::{
    body::{self, BodyFault},
    export::Exports,
    keyed_requests, rendering,
    upgrade::{Door, Refused},
};
use crate::{
    actors::{
        accounts::{API_KEY_PREFIX, Accounts},
        following::PollPresence,
        user::{self, PageRequest, UserServices},
    },
    logic::{
        Principal,
        operation::{self, EndDevices, HandedBack},
        poll_wait::PollWait,
    },
    model::{
        DeviceId, Lineage, UserId,
        limits::{CONTEXT_MAX, FRAME_BYTES_MAX},
        record::name_key,
    },
    monitor::{Op, Outcome, ids},
    sync::{Chain, Marks, Rendering, snapshot::Opened},
};

/// Header that names the context of a device; 0 without it.
const CONTEXT_HEADER: &str = "x-highwater-context";

/// What the routes of the client port work with.
pub struct Client {
    /// Accounts.
    pub accounts: Arc<Accounts>,
    /// Store, keys, time.
    pub services: Arc<UserServices>,
    /// Exports that users ask for.
    pub exports: Exports,
    /// Which pages may ask.
    pub door: Arc<Door>,
    /// Whether clients may ask for comparisons.
    pub compares: bool,
}

/// `POST /v1/request`.
pub async fn request(client: web::Data<Client>, http: HttpRequest, payload: web::Payload) -> HttpResponse {
    let received_us = client.services.clock.monotonic_us();
    if !client.door.admits_origin(http.headers()) {
        return Refused::ForeignOrigin.response();
    }
    let encoding = encoding_of(&http);
    let body = match body::read(&http, payload, FRAME_BYTES_MAX).await {
        Err(BodyFault::TooSlow) => return body::too_slow(),
        Err(BodyFault::Refused(refusal)) => Err(refusal),
        Ok(body) => Ok(body),
    };
    let (request_id, result) = match body.and_then(|body| decode(encoding, &body)) {
        Ok(frame) => (frame.request_id, client.answer(&http, frame).await),
        Err(refusal) => (0, Err(refusal)),
    };
    // Who cannot say how the frame is written is answered in the encoding that people read.
    let encoding = encoding.unwrap_or(Encoding::Json);
    let outcome = result.as_ref().map_or_else(|refusal| Outcome::from(*refusal), |_| Outcome::Ok);
    let took_us = client.services.clock.monotonic_us().saturating_sub(received_us);
    client.services.monitor.operation(Op::Http).finished(outcome, took_us, 0);
    respond(encoding, request_id, result)
}

/// The encoding that the content type names; JSON when none is named, nothing when it is another.
fn encoding_of(http: &HttpRequest) -> Option<Encoding> {
    let Some(value) = http.headers().get(header::CONTENT_TYPE) else {
        return Some(Encoding::Json);
    };
    let named = value.to_str().ok()?.split(';').next()?.trim();
    [Encoding::Binary, Encoding::Json]
        .into_iter()
        .find(|encoding| encoding.content_type().eq_ignore_ascii_case(named))
}

fn decode(encoding: Option<Encoding>, body: &[u8]) -> Result<proto::ClientFrame, Refusal> {
    let encoding = encoding.ok_or(Refusal::WrongFrameType)?;
    // Also in what is not looked at: over a WebSocket such a frame ends the connection.
    if encoding == Encoding::Json && std::str::from_utf8(body).is_err() {
        return Err(Refusal::MalformedFrame);
    }
    encoding.decode(body).map_err(|_| Refusal::MalformedFrame)
}

fn respond(encoding: Encoding, request_id: u64, result: Result<Option<Body>, Refusal>) -> HttpResponse {
    let (status, body, retry_after_ms) = match result {
        Ok(None) => return HttpResponse::NoContent().finish(),
        Ok(Some(body)) => (StatusCode::OK, body, 0),
        Err(refusal) => {
            let retry_after_ms = user::retry_after_ms(refusal);
            let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, Body::Error(refusal.to_error(retry_after_ms)), retry_after_ms)
        }
    };
    let frame = proto::ServerFrame { request_id, body: Some(body) };
    let mut response = HttpResponse::build(status);
    response.content_type(encoding.content_type());
    if retry_after_ms > 0 {
        response.insert_header((header::RETRY_AFTER, retry_after_ms.div_ceil(1000)));
    }
    response.body(encoding.encode(&frame))
}

impl Client {
    /// Answers a frame; `None` is "nothing new".
    async fn answer(&self, http: &HttpRequest, frame: proto::ClientFrame) -> Result<Option<Body>, Refusal> {
        if let Some(secret) = bearer(http).ok().filter(|secret| secret.starts_with(API_KEY_PREFIX)) {
            return self.answer_key(http, secret, frame.request).await;
        }
        let peer: Option<IpAddr> = http.peer_addr().map(|peer| peer.ip());
        let request = match frame.request {
            Some(Request::Register(register)) => {
                return self.accounts.register(register).await.map(Body::SignedIn).map(Some);
            }
            Some(Request::SignIn(sign_in)) => {
                return self.accounts.sign_in(sign_in, peer).await.map(Body::SignedIn).map(Some);
            }
            Some(Request::SignInWithToken(sign_in)) => {
                return self.accounts.sign_in_with_token(sign_in, peer).await.map(Body::SignedIn).map(Some);
            }
            // A connection is greeted; a single request needs no greeting.
            None | Some(Request::Hello(_)) => return Err(Refusal::UnknownRequest),
            Some(request) => request,
        };
        if http.headers().contains_key(keyed_requests::ACT_FOR_HEADER) {
            // A device acts for its own user; whoever names another one means to be a key.
            return Err(Refusal::InvalidField);
        }
        let context = context_of(http)?;
        let rendering = rendering::of(http.headers())?;
        let token = bearer(http)?;
        if let Request::Sync(sync) = &request {
            return self.sync_or_wait(http, token, (context, rendering), sync, frame.snapshot).await;
        }
        let (device, lineage) = self.accounts.identify(token, context).await?;
        if let Some(lineage) = lineage {
            self.take_handed_back(device.user, &lineage, &frame.snapshot);
        }
        let by = Principal { user: device.user, device: device.device };
        self.answer_user(http, by, rendering, request).await
    }

    /// Answers what a signed-in device asks, but for a sync; and what a key reads.
    pub(super) async fn answer_user(
        &self,
        http: &HttpRequest,
        by: Principal,
        rendering: Rendering,
        request: Request,
    ) -> Result<Option<Body>, Refusal> {
        match request {
            Request::Send(send) => {
                let send = operation::Request::Send(user::message(by, send)?);
                self.accounts.decide(send).await.map(user::answer_body).map(Some)
            }
            Request::Heartbeat(_) => {
                let day = self.services.today().0;
                Ok(Some(Body::Heartbeat(proto::HeartbeatAnswer { day })))
            }
            Request::SignOut(_) => self.end_devices(by, EndDevices::One(by.device)).await,
            Request::EndDevice(end) => self.end_devices(by, which(&end)?).await,
            Request::ChangePassword(change) => {
                self.accounts.change_password(by, change).await.map(user::answer_body).map(Some)
            }
            Request::EraseAccount(erase) => {
                self.accounts.erase_own(by, erase).await.map(user::answer_body).map(Some)
            }
            Request::ListDevices(_) => {
                let list = move |view: &_| user::device_list(view, by.user, by.device);
                self.services.readers.ask(list).await.map(Body::DeviceList).map(Some)
            }
            Request::FindUser(find) => self.find_user(by, &find.name).await,
            Request::Heads(wanted) => {
                let heads = move |view: &_| user::heads(view, (by.user, rendering), &wanted);
                self.services.readers.ask(heads).await?.map(Some)
            }
            Request::Range(wanted) => {
                let bytes_max = self.page_bytes_max(http);
                let range = move |view: &_| user::range(view, by.user, rendering, &wanted, bytes_max);
                self.services.readers.ask(range).await?.map(Some)
            }
            Request::Compare(wanted) if self.compares => {
                let (bytes_max, kinds) = (self.page_bytes_max(http), Arc::clone(&self.services.kinds));
                let compare =
                    move |view: &_| user::difference(view, (by.user, rendering), &kinds, wanted, bytes_max);
                self.services.readers.ask(compare).await.map(Some)
            }
            Request::AskWatermarks(wanted) => {
                let told = self.services.ticks_told;
                let ticks = move |view: &_| user::ticks(view, told, by.user, &wanted);
                self.services.readers.ask(ticks).await?.body.map(Some)
            }
            Request::CreateUser(_) => Err(Refusal::Forbidden),
            request if user::is_about_group(&request) => {
                let services = Arc::clone(&self.services);
                let look = move |view: &_| user::about_group(view, &services, by.user, &request);
                self.services.readers.ask(look).await?.map(Some)
            }
            // What is left changes what the user has of others, of groups and of conversations, or is unknown here.
            request => {
                let change = user::change(&self.services, by, &request)?;
                let decided = self.accounts.decide(change).await;
                self.services.link_attempts.note(by.user, self.services.clock.now(), &decided);
                decided.map(user::answer_body).map(Some)
            }
        }
    }

    fn page_bytes_max(&self, http: &HttpRequest) -> usize {
        user::page_bytes_max(encoding_of(http).unwrap_or(Encoding::Json), self.services.queued_bytes_max)
    }

    async fn find_user(&self, by: Principal, name: &str) -> Result<Option<Body>, Refusal> {
        let key = name_key(name);
        let find = move |view: &_| user::user_by_name(view, by.user, &key);
        self.services.readers.ask(find).await?.map(Some)
    }

    async fn end_devices(&self, by: Principal, which: EndDevices) -> Result<Option<Body>, Refusal> {
        let request = operation::Request::EndDevices { by, which };
        self.accounts.decide(request).await.map(user::answer_body).map(Some)
    }

    /// A sync that finds nothing new waits for something, if it may.
    async fn sync_or_wait(
        &self,
        http: &HttpRequest,
        token: &str,
        (context, rendering): (u8, Rendering),
        sync: &proto::Sync,
        given: Bytes,
    ) -> Result<Option<Body>, Refusal> {
        let kinds = self.services.kinds.set();
        let (device, lineage) = self.accounts.admit(token, context, kinds).await?;
        let clock = &self.services.clock;
        let wait = PollWait::begin(sync.wait_ms, clock.monotonic_us());
        // Registered before the store is looked at: what comes after the look wakes it.
        let waiters = &self.services.waiters;
        let waiter = wait.is_wanted().then(|| waiters.register(device.user, lineage.id)).flatten();
        // The same for what is posted in channels.
        let _presence = match &waiter {
            Some(_) => Some(PollPresence::begin(&self.services, device.user).await?),
            None => None,
        };
        loop {
            if waiter.is_some() {
                // The device may have ended before it was registered, or it may be that which woke it.
                self.accounts.authenticate(token).await?;
            }
            let page = self.sync(http, (device.user, rendering), &lineage, sync, given.clone()).await?;
            let Some(waiter) = waiter.as_ref().filter(|_| page.is_none()) else {
                return Ok(page);
            };
            match wait.left(clock.monotonic_us()) {
                Some(left) if waiter.news(left).await => {}
                _ => return Ok(None),
            }
        }
    }

    async fn sync(
        &self,
        http: &HttpRequest,
        (owner, rendering): (UserId, Rendering),
        lineage: &Lineage,
        sync: &proto::Sync,
        given: Bytes,
    ) -> Result<Option<Body>, Refusal> {
        let services = Arc::clone(&self.services);
        let chain = Chain { user: owner, lineage: lineage.id };
        let kinds = Arc::clone(&services.kinds);
        let (key, lifeline, level) = (&services.key, &services.lifeline, rendering.level);
        let (marks, rebuild) = user::begin(key, lifeline, chain, &given, level, &kinds, lineage.from);
        services.lost_futures.note(&services.monitor, rebuild, chain);
        if rebuild.is_none() && !given.is_empty() {
            self.store_handed_back(owner, lineage, &marks);
        }
        let bytes_max = self.page_bytes_max(http);
        let request = PageRequest {
            chain,
            given,
            marks,
            rebuild,
            rendering,
            kinds,
            entries_max: sync.limit,
            bytes_max,
        };
        let job = Arc::clone(&services);
        let read = move |view: &_| user::answer(view, &job.key, job.lifeline.current(), &request);
        let page = services.readers.ask(read).await?.page;
        user::count_told(&services.monitor, &page);
        // An empty snapshot says that what the client has stands: there is nothing to tell.
        Ok(if page.snapshot.is_empty() { None } else { Some(Body::Page(page)) })
    }

    /// A snapshot that comes with a request is handed back: its marks are stored. One that is not this lineage's says
    /// nothing; a sync with it says why.
    fn take_handed_back(&self, user: UserId, lineage: &Lineage, given: &[u8]) {
        let (key, lifeline) = (&self.services.key, &self.services.lifeline);
        if let Opened::Marks(marks) = key.open(Chain { user, lineage: lineage.id }, given, lifeline) {
            self.store_handed_back(user, lineage, &marks);
        }
    }

    fn store_handed_back(&self, user: UserId, lineage: &Lineage, marks: &Marks) {
        if !user::is_news(&self.services, lineage, marks) {
            return;
        }
        let handed = vec![HandedBack { lineage: lineage.id, marks: *marks.all() }];
        if !user::hand_back(&self.services, user, handed) {
            self.services.monitor.add(ids::BUSY_REFUSALS, 1);
        }
    }
}

fn which(end: &proto::EndDevice) -> Result<EndDevices, Refusal> {
    match end.which {
        Some(proto::end_device::Which::DeviceId(device)) => Ok(EndDevices::One(DeviceId(device))),
        Some(proto::end_device::Which::AllOthers(true)) => Ok(EndDevices::AllOthers),
        Some(proto::end_device::Which::AllOthers(false)) | None => Err(Refusal::InvalidField),
    }
}

/// The secret that a request carries.
pub(super) fn bearer(http: &HttpRequest) -> Result<&str, Refusal> {
    let value = http.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(Refusal::InvalidToken)?;
    // The scheme's name has no case: RFC 9110, 11.1.
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Refusal::InvalidToken) }
}

fn context_of(http: &HttpRequest) -> Result<u8, Refusal> {
    let Some(value) = http.headers().get(CONTEXT_HEADER) else {
        return Ok(0);
    };
    let context = value.to_str().ok().and_then(|value| value.parse().ok());
    context.filter(|context| *context <= CONTEXT_MAX).ok_or(Refusal::InvalidField)
}
