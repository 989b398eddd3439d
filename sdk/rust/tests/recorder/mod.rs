//! Records every event of a client, for tests.

use crate::fake_server::PATIENCE;
use highwater_sdk::{Client, ClientOptions, Event, Observer, Store};
use tokio::sync::mpsc;
use tokio::time::timeout;

struct Recorder(mpsc::UnboundedSender<Event>);

impl Observer for Recorder {
    fn event(&mut self, event: &Event) {
        let _ = self.0.send(event.clone());
    }
}

/// The events of one client, none left out.
pub struct Events(mpsc::UnboundedReceiver<Event>);

impl Events {
    pub async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.0.recv()).await.expect("something happens").expect("the client runs")
    }
}

/// Starts a client whose events are recorded.
pub fn start(options: ClientOptions, store: Store) -> (Client, Events) {
    let (told, events) = mpsc::unbounded_channel();
    (Client::start_observed(options, store, Recorder(told)).expect("threads can be had"), Events(events))
}
