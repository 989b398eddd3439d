//! A chat on the command line: registers or signs in, prints what comes, sends each line of standard input.
//!
//! `HIGHWATER_PASSWORD=… cargo run -p highwater-sdk --example chat -- http://127.0.0.1:8080 alice.sqlite alice bob`

use highwater_sdk::wire::Refusal;
use highwater_sdk::wire::proto::{DeviceClass, SignedIn, entry::Content};
use highwater_sdk::{Client, ClientOptions, Event, Observer, StopReason, Store, Target, requests};
use std::error::Error;
use std::io::Write;
use tokio::sync::mpsc;

/// Lines of standard input that wait to be sent; reading pauses when they are that many.
const LINES_MAX: usize = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, file, name, peer] = &arguments[..] else {
        return Err("usage: chat BASE_URL STORE_FILE NAME PEER".into());
    };
    let mut store = Store::open(file)?;
    let signed_in = match store.remembered_sign_in()? {
        Some(signed_in) => signed_in,
        None => register_or_sign_in(base_url, name).await?,
    };
    store.remember_sign_in(&signed_in)?;

    let printer = Printer { own_id: signed_in.user_id };
    let client = Client::start_observed(ClientOptions::new(base_url, signed_in.token), store, printer)?;
    let mut lines = read_lines();
    while let Some(line) = lines.recv().await {
        let id = client.send(Target::UserName(peer.clone()), line).await?;
        if let Err(refused) = client.wait_sent(id).await? {
            writeln!(std::io::stderr(), "{refused}")?;
        }
    }
    client.close().await;
    Ok(())
}

async fn register_or_sign_in(base_url: &str, name: &str) -> Result<SignedIn, Box<dyn Error>> {
    let password = std::env::var("HIGHWATER_PASSWORD").map_err(|_| "HIGHWATER_PASSWORD is not set")?;
    let device = requests::device_info("chat example", DeviceClass::Desktop);
    match highwater_sdk::register(base_url, name, &password, "", device.clone()).await {
        Err(error) if matches!(error.refusal(), Some(Refusal::NameTaken | Refusal::RegistrationClosed)) => {
            Ok(highwater_sdk::sign_in(base_url, name, &password, device).await?)
        }
        registered => Ok(registered?),
    }
}

/// Standard input, line by line, from a thread of its own since reading it blocks.
fn read_lines() -> mpsc::Receiver<String> {
    let (lines, inbox) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok).filter(|line| !line.is_empty()) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    inbox
}

struct Printer {
    own_id: u64,
}

impl Observer for Printer {
    fn event(&mut self, event: &Event) {
        let mut out = std::io::stdout();
        let printed = match event {
            Event::Applied { page, .. } => page.entries.iter().try_for_each(|entry| match &entry.content {
                Some(Content::Text(text)) if entry.sender_id == self.own_id => writeln!(out, "you: {text}"),
                Some(Content::Text(text)) => writeln!(out, "{}: {text}", entry.sender_id),
                Some(Content::Custom(custom)) if !custom.fallback.is_empty() => {
                    writeln!(out, "{}: {}", entry.sender_id, custom.fallback)
                }
                Some(Content::Custom(_) | Content::Notice(_) | Content::Erased(_)) | None => {
                    writeln!(out, "{}: (cannot be shown here)", entry.sender_id)
                }
            }),
            Event::Connected { .. } => writeln!(out, "connected"),
            Event::Disconnected { reason, .. } => writeln!(out, "disconnected: {reason:?}"),
            Event::Stopped { reason } if *reason != StopReason::Closed => {
                writeln!(out, "stopped: {reason:?}")
            }
            _ => Ok(()),
        };
        // Whoever closed standard output does not want to read this.
        let _ = printed;
    }
}
