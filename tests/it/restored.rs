//! An older copy of the store is put back under devices that know more: each drops what was lost, reads what there is, and
//! ends equal to the server, although the same places are used again.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use highwater_sdk::{Client, ClientMessageId, Store, Target};
use highwater_wire::{Encoding, proto};
use proto::{client_frame::Request, rebuild::Cause, send::To, server_frame::Body};

use crate::support::{
    Home, Person, Replica, Server, Wire, dump, eventually,
    replica::same_message,
    requests,
    sdk::{all_texts, options, say},
    temp_dir::TempDir,
};

const PASSWORD: &str = "correct horse battery";

/// What comes back.
#[derive(Clone, Copy, PartialEq)]
enum Copied {
    /// The whole directory: nothing in it says that anything is missing.
    Everything,
    /// All but the watermark, which remembers that the log was longer: an operator has to accept the loss.
    AllButTheWatermark,
}

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

fn put_back(home: &Home, backup: &Path, copied: Copied) -> Server {
    let watermark = home.data().join("log/watermark");
    let newer = std::fs::read(&watermark).unwrap();
    std::fs::remove_dir_all(home.data()).unwrap();
    copy(backup, home.data());
    if copied == Copied::Everything {
        return home.start();
    }
    std::fs::write(&watermark, newer).unwrap();
    let refused = home.start_refused();
    assert!(refused.stderr.contains("was durable once"), "it is refused by name: {}", refused.stderr);
    let mut command = home.command();
    command.arg("--accept-loss");
    home.start_command(command)
}

/// A device of the real client, whose file outlives its connections.
struct Phone {
    file: PathBuf,
    token: String,
}

impl Phone {
    fn new(files: &TempDir, name: &str, token: &str) -> Phone {
        Phone { file: files.path().join(name), token: token.to_owned() }
    }

    fn store(&self) -> Store {
        Store::open(&self.file).unwrap()
    }

    fn connect(&self, server: &Server) -> Client {
        Client::start(options(server, &self.token), self.store()).unwrap()
    }

    /// Connects until it shows exactly this, and nothing more is to be fetched.
    async fn shows(&self, server: &Server, texts: &[&str]) {
        let client = self.connect(server);
        let expected: Vec<String> = texts.iter().map(ToString::to_string).collect();
        eventually(&format!("{texts:?}"), || {
            let expected = expected.clone();
            let look = move |store: &Store| !store.repairing().unwrap() && all_texts(store) == expected;
            async { client.read(look).await.unwrap().then_some(()) }
        })
        .await;
        client.close().await;
    }
}

async fn old_copy_comes_back(copied: Copied) {
    let (home, files) = (Home::dev(), TempDir::new());
    let first = home.start();
    let [ann, bob]: [Person; 2] = first.people(2).await;
    let phones = [
        Phone::new(&files, "ann-1", &ann.devices[0].token),
        Phone::new(&files, "ann-2", &ann.devices[1].token),
        Phone::new(&files, "bob-1", &bob.devices[0].token),
        Phone::new(&files, "bob-2", &bob.devices[1].token),
    ];
    let before = ["before 1", "before 2", "before 3"];
    let speaker = phones[2].connect(&first);
    for text in before {
        say(&speaker, ann.user_id, text).await;
    }
    speaker.close().await;
    for phone in &phones {
        phone.shows(&first, &before).await;
    }
    assert!(first.stop().status.success());
    let backup = home.data().with_file_name("backup");
    copy(home.data(), &backup);

    // What comes now is lost, and everybody has seen it; one message more is only in an outbox.
    let second = home.start();
    let speaker = phones[0].connect(&second);
    for text in ["lost 1", "lost 2"] {
        say(&speaker, bob.user_id, text).await;
    }
    speaker.close().await;
    for phone in &phones {
        phone.shows(&second, &["before 1", "before 2", "before 3", "lost 1", "lost 2"]).await;
    }
    let unsaid = ClientMessageId([7; 16]);
    phones[0].store().put_message(unsaid, None, &Target::User(bob.user_id), "unsaid").unwrap();
    match copied {
        Copied::Everything => second.kill(),
        Copied::AllButTheWatermark => assert!(second.stop().status.success()),
    }

    // The places of what was lost are used again before the others come back.
    let third = put_back(&home, &backup, copied);
    phones[0].shows(&third, &["before 1", "before 2", "before 3", "unsaid"]).await;
    let speaker = phones[2].connect(&third);
    for text in ["after 1", "after 2"] {
        assert!(say(&speaker, ann.user_id, text).await.seq <= 6, "a place of what was lost");
    }
    speaker.close().await;
    let after = ["before 1", "before 2", "before 3", "unsaid", "after 1", "after 2"];
    assert_eq!(dump(&third, &phones[0].token).await.all_texts(), after);
    for phone in &phones {
        phone.shows(&third, &after).await;
    }
    let metrics = third.operate("GET", "/metrics", "").await.text();
    let told = third.log().matches("comes from a history that this store does not have").count();
    assert!(metrics.contains("highwater_lineages_lost_future_total 4"), "each is counted once: {metrics}");
    assert_eq!(told, 4, "and told once");
    assert!(metrics.contains("highwater_valid_lists_told_total 4"), "{metrics}");
    assert!(third.stop().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_directory_put_back_is_noticed_by_every_device() {
    old_copy_comes_back(Copied::Everything).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_shorter_than_the_watermark_begins_a_history_of_its_own() {
    old_copy_comes_back(Copied::AllButTheWatermark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_synced_before_the_copy_and_never_after_is_told_of_an_accepted_loss() {
    let home = Home::dev();
    let first = home.start();
    let [ann] = first.people(1).await;
    let (mut wire, mut replica) = (Wire::greeted(&first, ann.token()).await, Replica::default());
    let day = requests::today(&mut wire).await;
    requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, "kept")).await;
    wire.sync(&mut replica).await;
    assert!(first.stop().status.success());
    let backup = home.data().with_file_name("backup");
    copy(home.data(), &backup);

    // Only its answer is heard of; the snapshot stays that of before.
    let second = home.start();
    let mut wire = Wire::greeted(&second, ann.token()).await;
    let sent = requests::sent(&mut wire, requests::send(To::UserId(ann.user_id), day, "lost")).await;
    let place = (sent.conversation_id, sent.seq);
    replica.entries.insert(place, proto::Entry { seq: sent.seq, ..proto::Entry::default() });
    assert!(second.stop().status.success());

    let third = put_back(&home, &backup, Copied::AllButTheWatermark);
    let mut wire = Wire::greeted(&third, ann.token()).await;
    let pages = wire.sync(&mut replica).await;
    assert_eq!(pages[0].rebuild.map(|rebuild| rebuild.cause()), Some(Cause::Lossy));
    assert_eq!(replica.all_texts(), ["kept"]);
    assert_eq!(replica, dump(&third, ann.token()).await);
    let pages = wire.sync(&mut replica).await;
    assert!(pages[0].rebuild.is_none() && pages[0].snapshot.is_empty(), "it is told once: {pages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_told_one_by_one_goes_on_through_restarts_and_for_who_signs_in_again() {
    let home = Home::dev();
    let first = home.start();
    let friends: [Person; 3] = first.people(1).await;
    let mut wire = Wire::connect(&first, Encoding::Binary).await;
    let Body::SignedIn(ann) = wire.ask(requests::register("ann", PASSWORD, "")).await else {
        panic!("no ann")
    };
    let people = [ann.user_id, friends[0].user_id, friends[1].user_id, friends[2].user_id];
    let (mut wire, mut replica) = (Wire::greeted(&first, &ann.token).await, Replica::default());
    let day = requests::today(&mut wire).await;
    for person in people {
        requests::sent(&mut wire, requests::send(To::UserId(person), day, "kept")).await;
    }
    wire.sync(&mut replica).await;
    assert!(first.stop().status.success());
    // Of a run that is unknown it is only sure that it forked off after its parent had begun.
    assert!(home.start().stop().status.success());
    let backup = home.data().with_file_name("backup");
    copy(home.data(), &backup);

    let second = home.start();
    let mut wire = Wire::greeted(&second, &ann.token).await;
    for person in people {
        requests::sent(&mut wire, requests::send(To::UserId(person), day, "lost")).await;
    }
    wire.sync(&mut replica).await;
    assert_eq!(replica.entries.len(), 8);
    // A device that is made now is unknown to the copy; it has everything.
    let mut wire = Wire::connect(&second, Encoding::Binary).await;
    let Body::SignedIn(newcomer) = wire.ask(requests::sign_in("ann", PASSWORD)).await else {
        panic!("not signed in")
    };
    let (mut wire, mut of_newcomer) = (Wire::greeted(&second, &newcomer.token).await, Replica::default());
    wire.sync(&mut of_newcomer).await;
    of_newcomer.entries = dump(&second, &newcomer.token).await.entries;
    assert_eq!(of_newcomer.entries.len(), 8);
    second.kill();

    let mut third = put_back(&home, &backup, Copied::Everything);
    let mut wire = Wire::greeted(&third, &ann.token).await;
    for person in people {
        requests::sent(&mut wire, requests::send(To::UserId(person), day, "other")).await;
    }
    let mut lists = 0;
    for number in 0.. {
        assert!(number < 60, "it ends");
        let sync = Request::Sync(proto::Sync { limit: 1, wait_ms: 0 });
        let request = wire.post_with(replica.snapshot.clone(), sync).await;
        let began = Instant::now();
        let Body::Page(page) = wire.answer(request).await else { panic!("no page") };
        assert!(began.elapsed() < Duration::from_secs(1), "at once");
        assert_eq!(page.rebuild.is_some(), number == 0, "begun once, through restarts");
        assert!(replica.take(&page, true));
        lists += usize::from(!page.valid.is_empty());
        if !page.more {
            break;
        }
        if number < 6 {
            third.kill();
            third = home.start();
            wire = Wire::greeted(&third, &ann.token).await;
        }
    }
    assert_eq!(lists, 4, "one conversation a page");
    let truth = dump(&third, &ann.token).await;
    assert_eq!(replica.items, truth.items);
    assert!(
        replica
            .entries
            .iter()
            .all(|(place, entry)| truth.entries.get(place).is_some_and(|due| same_message(due, entry)))
    );

    // Its token is unknown; it signs in again and presents what it has.
    let mut wire = Wire::connect(&third, Encoding::Binary).await;
    let Body::SignedIn(again) = wire.ask(requests::sign_in("ann", PASSWORD)).await else {
        panic!("not signed in")
    };
    let mut wire = Wire::greeted(&third, &again.token).await;
    let pages = wire.sync(&mut of_newcomer).await;
    assert_eq!(pages[0].rebuild.map(|rebuild| rebuild.cause()), Some(Cause::Foreign));
    assert!(pages[0].valid_complete);
    assert!(
        of_newcomer
            .entries
            .iter()
            .all(|(place, entry)| truth.entries.get(place).is_some_and(|due| same_message(due, entry)))
    );
    assert_eq!(of_newcomer.items, truth.items);
}
