//! The real client, with what tests want to see of it.

use std::time::Duration;

use highwater_sdk::{Client, ClientMessageId, ClientOptions, Store, Target};
use highwater_wire::proto;
use tokio::sync::broadcast::error::RecvError;

use super::{DEADLINE, Server, requests::text_of, within};

/// Options that come back quickly.
pub fn options(server: &Server, token: &str) -> ClientOptions {
    let mut options = ClientOptions::new(server.client_url(), token);
    options.backoff_base = Duration::from_millis(20);
    options.backoff_cap = Duration::from_millis(200);
    options
}

/// A client with a store in memory.
pub fn client(server: &Server, token: &str) -> Client {
    Client::start(options(server, token), Store::in_memory().unwrap()).unwrap()
}

/// A client that has synced to the end.
pub async fn caught_up(server: &Server, token: &str) -> Client {
    let client = client(server, token);
    client.wait_caught_up(DEADLINE).await.unwrap();
    client
}

/// Sends to a user and waits for the place.
pub async fn say(client: &Client, to: u64, text: &str) -> proto::Sent {
    let id = client.send(Target::User(to), text).await.unwrap();
    settled(client, id).await
}

/// Waits for the place of a message.
pub async fn settled(client: &Client, id: ClientMessageId) -> proto::Sent {
    within("an answer to a send", client.wait_sent(id)).await.unwrap().unwrap()
}

/// Waits until a look at the store finds something; looks again after every event.
pub async fn wait_for<T: Send + 'static>(
    client: &Client,
    what: &str,
    look: impl Fn(&Store) -> Option<T> + Send + Clone + 'static,
) -> T {
    let mut events = client.events();
    within(what, async {
        loop {
            if let Some(seen) = client.read(look.clone()).await.unwrap() {
                return seen;
            }
            match events.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the client stopped: {:?}", client.status().stopped),
            }
        }
    })
    .await
}

/// Waits until so many entries are there, and gives all texts in order of conversation and seq.
pub async fn texts(client: &Client, count: usize) -> Vec<String> {
    wait_for(client, &format!("{count} messages"), move |store| {
        let texts = all_texts(store);
        assert!(texts.len() <= count, "more than {count}: {texts:?}");
        (texts.len() == count).then_some(texts)
    })
    .await
}

/// Every text of a store, in order of conversation and seq.
pub fn all_texts(store: &Store) -> Vec<String> {
    assert_eq!(store.conflicts().unwrap(), 0, "no entry was told twice with different contents");
    assert!(store.gaps().unwrap().is_empty(), "nothing is missing");
    let conversations = store.newest_seqs().unwrap();
    let entries =
        conversations.iter().flat_map(|(id, _)| store.entries_after(*id, 0, usize::MAX >> 1).unwrap());
    entries.map(|entry| text_of(&entry)).collect()
}
