//! A store that was in use for long: made by the server's own core under a clock of the test's own, then served.

use std::sync::Arc;

use highwater::{
    actors::{
        accounts::secret_hash,
        persistence::{
            commit::{Committer, Outcome},
            open::{OpenStore, open},
            warm,
        },
    },
    logic::{
        Answer, ObservedTime, Operation, Principal, Request,
        operation::{NewDevice, Register, Send, Target},
    },
    model::{
        ClientMessageId, ConversationId, Day, DeviceId, Policy, Retentions, Seq, TimeMs, UserId,
        limits::BATCH_BYTES_MAX,
    },
    store::{
        engine::Engine,
        engine_sled::{SledEngine, SledOptions},
        files_disk::DiskFiles,
        log::LogConfig,
        log_batch::StoreId,
        secrets::Secrets,
        view::View,
    },
};

use highwater_wire::Refusal;

use super::{Home, Person, server::PersonDevice};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// See the module.
pub struct OldStore {
    committer: Committer,
    engine: Arc<dyn Engine>,
    now: TimeMs,
    began: TimeMs,
}

/// A message as its client would send it again.
pub struct Said {
    pub conversation: ConversationId,
    pub seq: Seq,
    pub send: Send,
}

impl OldStore {
    /// A store that began so many days ago.
    pub fn begun(home: &Home, days_ago: i64, retentions: Retentions) -> OldStore {
        let data = home.data();
        std::fs::create_dir_all(data.join("log")).unwrap();
        let random = |bytes: &mut [u8]| bytes.fill_with(rand::random);
        let (secrets, _) = Secrets::load_or_create(data, false, &random).unwrap();
        let options = SledOptions { cache_capacity_bytes: 1 << 20, ..SledOptions::default() };
        let engine: Arc<dyn Engine> = Arc::new(SledEngine::open(&data.join("index"), options).unwrap());
        let mut committer = open(OpenStore {
            files: Arc::new(DiskFiles::open(data.join("log")).unwrap()),
            engine: Arc::clone(&engine),
            store: StoreId(secrets.store_id),
            log: LogConfig { segment_bytes: 16 << 20, batch_bytes_max: BATCH_BYTES_MAX as u32 },
            run_id: 1,
            accept_loss: false,
        })
        .unwrap()
        .committer;
        let began = TimeMs(now_ms() - days_ago * DAY_MS);
        committer.set_time(ObservedTime::at_start(None, began, 0));
        committer.set_policy(Policy { lineage_expiry_ms: i64::MAX, retentions, ..Policy::default() });
        OldStore { committer, engine, now: began, began }
    }

    /// Time passes, and is stored now and then.
    pub fn pass_days(&mut self, days: i64) {
        for _ in 0..days {
            self.now.0 += DAY_MS;
            self.committer.advance((self.now.0 - self.began.0) as u64 * 1000);
            self.decide(Request::StoreTime);
        }
    }

    /// Decides what must not be refused, and indexes it.
    pub fn decide(&mut self, request: Request) -> Answer {
        self.try_decide(request).unwrap()
    }

    /// Decides, and indexes what is not refused.
    pub fn try_decide(&mut self, request: Request) -> Result<Answer, Refusal> {
        let operation = Operation { at: self.now, request };
        for _ in 0..3 {
            match self.committer.commit([&operation]).unwrap().outcomes.pop().unwrap() {
                Outcome::Told(answer) => {
                    while self.committer.index_step().unwrap() {}
                    return answer;
                }
                _ => {
                    let view = View::new(self.committer.tail(), &self.engine);
                    let rows = warm::everything(&view, &operation).unwrap();
                    assert!(self.committer.warm(rows, view.bound()));
                }
            }
        }
        panic!("{operation:?} is not decided");
    }

    /// The day that a new send names.
    pub fn today(&self) -> Day {
        self.now.day()
    }

    pub fn person(&mut self, name: &str) -> Person {
        let user = UserId(rand::random());
        let mut person = Person { name: name.to_owned(), user_id: user.0, devices: Vec::new() };
        let device = new_device(&mut person);
        let register = Register {
            user,
            name: name.to_owned(),
            password: None,
            invite: None,
            host_identity: None,
            device,
        };
        self.decide(Request::Register(register));
        person
    }

    pub fn say(&mut self, from: &Person, to: &Person, text: &str) -> Said {
        let by = Principal { user: UserId(from.user_id), device: DeviceId(from.devices[0].device_id) };
        let send = Send {
            by,
            to: Target::User(UserId(to.user_id)),
            id: ClientMessageId(rand::random()),
            day: self.now.day(),
            content: text.into(),
            shown: Seq(0),
        };
        let Answer::Sent { conversation, seq, .. } = self.decide(Request::Send(send.clone())) else {
            panic!("{text} was not sent")
        };
        Said { conversation, seq, send }
    }
}

fn now_ms() -> i64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "the store is to be served by a process that reads this clock"
    )]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

fn new_device(person: &mut Person) -> NewDevice {
    let (device, token) = (DeviceId(rand::random()), format!("token-{:x}", rand::random::<u128>()));
    let hash = secret_hash(&token);
    person.devices.push(PersonDevice { device_id: device.0, token });
    NewDevice {
        user: UserId(person.user_id),
        device,
        name: "old".to_owned(),
        class: 1,
        token: hash,
        in_place_of: None,
        proven: None,
    }
}
