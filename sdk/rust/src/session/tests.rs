//! Tests of the session: no socket, no clock.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::message::Target;
use highwater_wire::Refusal;
use highwater_wire::proto::ServerFrame;

const HEARTBEAT: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

struct Bench {
    session: Session,
    sends: SendQueue,
    asks: VecDeque<Ask>,
    watching: Watching,
    repair: Repair,
    now: Instant,
}

impl Bench {
    fn new() -> Bench {
        let now = Instant::now();
        let session = Session::new(proto::Hello::default(), 0, usize::MAX, REQUEST_TIMEOUT, now);
        let (sends, asks, repair) = (SendQueue::default(), VecDeque::new(), Repair::new(false));
        Bench { session, sends, asks, watching: Watching::default(), repair, now }
    }

    /// After the greeting and an answered first sync.
    fn caught_up(in_flight_max: u32) -> Bench {
        let mut bench = Bench::new();
        bench.next();
        bench.hear(1, Body::Greeting(greeting(in_flight_max)));
        assert!(matches!(bench.next(), Some((2, Request::Sync(_)))));
        let Reaction::Page(page, PageCause::Sync) = bench.hear(2, Body::Page(Page::default())) else {
            panic!()
        };
        bench.session.page_applied(&page);
        assert!(bench.session.caught_up());
        bench
    }

    fn next(&mut self) -> Option<(u64, Request)> {
        let queues = (&mut self.sends, &mut self.asks, &mut self.watching, &mut self.repair);
        let next = self.session.next_request(self.now, queues);
        next.map(|outgoing| (outgoing.request_id, outgoing.request))
    }

    fn hear(&mut self, request_id: u64, body: Body) -> Reaction {
        self.session.on_frame(ServerFrame { request_id, body: Some(body) }, self.now)
    }

    fn queue(&mut self, count: i64) {
        let message = |position| OutboxMessage {
            position,
            id: ClientMessageId([position as u8; 16]),
            day: Some(9),
            target: Target::User(1),
            content: "x".into(),
            shown_seq: 17,
        };
        self.sends.loaded((1..=count).map(message).collect(), usize::MAX);
    }
}

fn greeting(in_flight_max: u32) -> Greeting {
    Greeting { in_flight_max, heartbeat_ms: HEARTBEAT.as_millis() as u32, ..Greeting::default() }
}

fn disconnects(reaction: &Reaction) -> bool {
    matches!(reaction, Reaction::Disconnect(_))
}

#[test]
fn hello_alone_comes_before_the_greeting() {
    let mut bench = Bench::new();
    bench.queue(1);
    assert!(matches!(bench.next(), Some((1, Request::Hello(_)))));
    assert!(bench.next().is_none());
    bench.hear(1, Body::Greeting(greeting(8)));
    assert!(matches!(bench.next(), Some((2, Request::Sync(_)))));
    assert!(bench.next().is_none(), "what comes beside the chain waits for the first page");
    bench.session.page_applied(&Page::default());
    assert!(matches!(bench.next(), Some((3, Request::Send(send))) if (send.day, send.shown_seq) == (9, 17)));
    assert!(bench.next().is_none());
}

#[test]
fn one_sync_is_open_at_a_time_and_a_nudge_meanwhile_is_not_lost() {
    let mut bench = Bench::caught_up(8);
    bench.hear(0, Body::Nudge(proto::Nudge {}));
    assert!(matches!(bench.next(), Some((3, Request::Sync(_)))));
    bench.hear(0, Body::Nudge(proto::Nudge {}));
    assert!(bench.next().is_none());
    bench.hear(3, Body::Page(Page::default()));
    assert!(!bench.session.caught_up());
    assert!(matches!(bench.next(), Some((4, Request::Sync(_)))));
}

#[test]
fn what_is_watched_is_asked_for_and_told_as_answer_and_as_hint() {
    let mut bench = Bench::caught_up(8);
    bench.watching.watch(5);
    assert!(matches!(bench.next(), Some((3, Request::AskWatermarks(ask))) if ask.conversation_id == 5));
    assert!(bench.next().is_none(), "once");
    let mark = |read_seq| proto::Watermark { conversation_id: 5, user_id: 7, delivered_seq: 9, read_seq };
    let told = |reaction| match reaction {
        Reaction::Watermarks(marks) => marks,
        _ => panic!("nothing is told"),
    };
    assert_eq!(told(bench.hear(0, Body::Watermark(mark(2)))), [mark(2)], "a hint may overtake the answer");
    let list = proto::WatermarkList { watermarks: vec![mark(1)], ..Default::default() };
    assert_eq!(told(bench.hear(3, Body::Watermarks(list))), [mark(1)]);
    bench.watching.watch(6);
    assert!(matches!(bench.next(), Some((4, Request::AskWatermarks(_)))));
    let refused = Body::Error(Refusal::UnknownRequest.to_error(0));
    assert!(matches!(bench.hear(4, refused), Reaction::Nothing), "an older server tells nothing");
}

#[test]
fn more_and_discarded_ask_for_a_sync() {
    let mut bench = Bench::caught_up(8);
    bench.session.page_applied(&Page { more: true, ..Page::default() });
    assert!(matches!(bench.next(), Some((3, Request::Sync(_)))));
    bench.hear(3, Body::Page(Page::default()));
    bench.session.page_discarded();
    assert!(matches!(bench.next(), Some((4, Request::Sync(_)))));
}

#[test]
fn hand_back_is_answered_at_once_by_whatever_is_said() {
    let mut bench = Bench::caught_up(8);
    bench.session.page_applied(&Page { hand_back: true, ..Page::default() });
    assert!(matches!(bench.next(), Some((3, Request::Heartbeat(_)))));
    assert!(bench.next().is_none());
    bench.hear(3, Body::Heartbeat(proto::HeartbeatAnswer { day: 5 }));
    bench.session.page_applied(&Page { hand_back: true, more: true, ..Page::default() });
    assert!(matches!(bench.next(), Some((4, Request::Sync(_)))));
    assert!(bench.next().is_none(), "the sync carried the snapshot");
}

#[test]
fn heartbeat_goes_out_when_idle_and_now_and_then_when_busy() {
    let mut bench = Bench::caught_up(8);
    bench.now += HEARTBEAT - Duration::from_millis(1);
    assert!(bench.next().is_none());
    assert_eq!(bench.session.wakes_at(&bench.sends, &bench.repair), bench.now + Duration::from_millis(1));
    bench.now += Duration::from_millis(1);
    assert!(matches!(bench.next(), Some((3, Request::Heartbeat(_)))));
    assert!(bench.next().is_none(), "one at a time");
    assert!(matches!(bench.hear(3, Body::Heartbeat(proto::HeartbeatAnswer { day: 5 })), Reaction::Day(5)));

    let mut heartbeats = 0;
    for _ in 0..BUSY_HEARTBEATS * 2 {
        bench.now += HEARTBEAT - Duration::from_millis(1);
        bench.session.want_sync();
        while let Some((id, request)) = bench.next() {
            match request {
                Request::Heartbeat(_) => {
                    heartbeats += 1;
                    bench.hear(id, Body::Heartbeat(proto::HeartbeatAnswer { day: 5 }));
                }
                _ => drop(bench.hear(id, Body::Page(Page::default()))),
            }
        }
    }
    assert_eq!(heartbeats, 1);
}

#[test]
fn sends_leave_room_for_sync_and_heartbeat() {
    let mut bench = Bench::caught_up(5);
    bench.queue(9);
    let sent = std::iter::from_fn(|| bench.next()).count();
    assert_eq!(sent, 3);
    bench.hear(0, Body::Nudge(proto::Nudge {}));
    bench.session.page_applied(&Page { hand_back: true, ..Page::default() });
    assert!(matches!(bench.next(), Some((_, Request::Sync(_)))));
    assert!(bench.next().is_none(), "the sync carried the snapshot");
    bench.session.page_applied(&Page { hand_back: true, ..Page::default() });
    assert!(matches!(bench.next(), Some((_, Request::Heartbeat(_)))));
    bench.session.want_sync();
    assert!(bench.next().is_none(), "all five places are taken");
}

#[test]
fn a_server_of_one_place_is_served_one_at_a_time() {
    let mut bench = Bench::caught_up(1);
    bench.queue(2);
    assert!(matches!(bench.next(), Some((3, Request::Send(_)))));
    assert!(bench.next().is_none());
    bench.hear(3, Body::Sent(proto::Sent::default()));
    assert!(matches!(bench.next(), Some((4, Request::Send(_)))));
}

#[test]
fn repair_comes_last_and_one_request_at_a_time() {
    let mut bench = Bench::caught_up(4);
    bench.repair = Repair::new(true);
    bench.queue(3);
    assert!(matches!(bench.next(), Some((3, Request::Send(_)))));
    assert!(matches!(bench.next(), Some((4, Request::Send(_)))));
    assert!(bench.next().is_none(), "it waits for the end of a sync");
    bench.repair.caught_up();
    assert!(matches!(bench.next(), Some((5, Request::Heads(_)))));
    bench.session.want_sync();
    assert!(matches!(bench.next(), Some((6, Request::Sync(_)))));
    assert!(bench.next().is_none());
    let list = Body::Heads(proto::HeadList { heads: Vec::new(), next: 7 });
    assert!(matches!(bench.hear(5, list), Reaction::RepairAnswered(Ok(Body::Heads(_)))));
    bench.repair.answered();
    bench.repair.heads_told(Vec::new(), Some(7));
    assert!(matches!(bench.next(), Some((7, Request::Heads(proto::Heads { after: 7, .. })))));
    assert!(disconnects(&bench.hear(7, Body::Done(proto::Done {}))));
}

#[test]
fn refused_sync_is_due_again_but_not_before_its_time() {
    let mut bench = Bench::caught_up(8);
    bench.session.want_sync();
    bench.next();
    let refused = bench.hear(3, Body::Error(Refusal::Busy.to_error(400)));
    assert!(matches!(refused, Reaction::SyncRefused(refused) if refused.retry_after_ms == 400));
    bench.session.delay_sync(bench.now + Duration::from_millis(400));
    bench.hear(0, Body::Nudge(proto::Nudge {}));
    assert!(bench.next().is_none());
    assert_eq!(bench.session.wakes_at(&bench.sends, &bench.repair), bench.now + Duration::from_millis(400));
    bench.now += Duration::from_millis(400);
    assert!(matches!(bench.next(), Some((4, Request::Sync(_)))));
}

#[test]
fn answers_that_fit_nothing_end_the_connection() {
    let mut bench = Bench::caught_up(8);
    assert!(disconnects(&bench.hear(99, Body::Done(proto::Done {}))));
    assert!(disconnects(&bench.hear(0, Body::Done(proto::Done {}))));
    assert!(disconnects(&bench.hear(0, Body::Error(Refusal::MalformedFrame.to_error(0)))));
    bench.session.want_sync();
    bench.next();
    assert!(disconnects(&bench.hear(3, Body::Done(proto::Done {}))));
}

#[test]
fn unknown_frame_that_was_not_asked_for_is_passed_over() {
    let mut bench = Bench::caught_up(8);
    let unknown = ServerFrame { request_id: 0, body: None };
    assert!(matches!(bench.session.on_frame(unknown, bench.now), Reaction::Nothing));
    bench.session.want_sync();
    bench.next();
    let unknown = ServerFrame { request_id: 3, body: None };
    assert!(disconnects(&bench.session.on_frame(unknown, bench.now)));
}

#[test]
fn silence_and_a_missing_answer_end_the_connection() {
    let mut bench = Bench::caught_up(8);
    let silent_at = bench.now + HEARTBEAT * 2 + SILENCE_GRACE;
    assert_eq!(bench.session.overdue(silent_at - Duration::from_millis(1)), None);
    assert_eq!(bench.session.overdue(silent_at), Some(DisconnectReason::Silent));
    bench.session.heard(silent_at);
    assert_eq!(bench.session.overdue(silent_at), None);

    bench.now = silent_at;
    bench.session.want_sync();
    bench.next();
    bench.session.heard(bench.now + REQUEST_TIMEOUT);
    assert_eq!(bench.session.wakes_at(&bench.sends, &bench.repair), bench.now + HEARTBEAT);
    assert_eq!(bench.session.overdue(bench.now + REQUEST_TIMEOUT), Some(DisconnectReason::RequestTimeout));
}

#[test]
fn end_tells_those_who_wait() {
    let mut bench = Bench::caught_up(8);
    let (reply, mut answer) = oneshot::channel();
    bench.asks.push_back(Ask { request: Request::ListDevices(proto::ListDevices {}), reply });
    assert!(matches!(bench.next(), Some((3, Request::ListDevices(_)))));
    bench.session.end();
    assert!(matches!(answer.try_recv(), Ok(Err(Error::Disconnected))));
}
