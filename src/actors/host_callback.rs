//! A host app that is asked about each token: over a URL of its own, within a time and a number of bytes.
//!
//! Nothing of an answer is kept: a device signs in once and has a token of ours from then on, so there is little to save,
//! and a session that ended at the app would go on here. Questions wait on threads that may block, never on a worker.

use std::{io::Read, sync::Arc, time::Duration};

use highwater_wire::Refusal;
use tokio::sync::Semaphore;

use super::{host_app::Denied, repeated_faults::RepeatedFaults};
use crate::{
    logic::{
        host_callback::{ANSWER_BYTES_MAX, AnswerFault, Question, QuestionKey, judge_answer, question},
        host_token::Vouched,
    },
    model::Clock,
    monitor::{Monitor, ids},
};

/// Questions that wait for an answer at the same time. Who comes beyond is refused as busy and may try again. Source: an
/// app that takes 50 ms is asked 640 times a second by so many, and one that is silent holds no more threads than these.
const ASKED_AT_ONCE_MAX: usize = 32;

/// How long an answer may take in all. Source: who signs in waits for it, and five seconds are as long as people do.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks and answers with a status and, of status 200, a body of at most one byte more than may be; blocks.
pub type Ask = Arc<dyn Fn(&Question) -> Result<(u16, Vec<u8>), AskFault> + Send + Sync>;

/// There was no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer came")]
pub struct AskFault(#[source] Box<ureq::Error>);

/// See the module.
pub struct HostCallback {
    issuer: String,
    key: QuestionKey,
    ask: Ask,
    places: Arc<Semaphore>,
    faults: RepeatedFaults<Option<AnswerFault>>,
    clock: Clock,
    monitor: Monitor,
}

impl HostCallback {
    /// Asks for the users of an app, whose name is `issuer`: with it a user is the same as by a signed token.
    #[must_use]
    pub fn new(issuer: String, key: QuestionKey, ask: Ask, clock: Clock, monitor: Monitor) -> HostCallback {
        let places = Arc::new(Semaphore::new(ASKED_AT_ONCE_MAX));
        HostCallback { issuer, key, ask, places, faults: RepeatedFaults::default(), clock, monitor }
    }

    /// For whom a token is.
    ///
    /// # Errors
    /// `HostTokenRefused` when the app says so or the token cannot be asked about, `HostUnavailable` when there is no
    /// answer of use, or `Busy`.
    pub async fn vouch(&self, token: String) -> Result<Vouched, Denied> {
        let question = question(&token, &self.key, self.clock.now()).map_err(|fault| self.denied(fault))?;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.monitor.add(ids::HOST_QUESTIONS_BUSY, 1);
            return Err(Denied { refusal: Refusal::Busy, is_guess: false });
        };
        let (ask, began_us) = (Arc::clone(&self.ask), self.clock.monotonic_us());
        let asking = tokio::task::spawn_blocking(move || {
            let _held = place;
            ask(&question)
        });
        let answered = asking.await;
        let took_us = self.clock.monotonic_us().saturating_sub(began_us);
        self.monitor.add(ids::HOST_QUESTIONS_TOOK_US, took_us);
        match answered {
            Ok(Ok((status, body))) => {
                let vouched =
                    judge_answer(status, &body, &self.issuer).map_err(|fault| self.denied(fault))?;
                self.monitor.add(ids::HOST_QUESTIONS_ACCEPTED, 1);
                Ok(vouched)
            }
            Ok(Err(fault)) => Err(self.unanswered(&fault)),
            // A panic in there was logged.
            Err(_) => Err(Denied { refusal: Refusal::Internal, is_guess: false }),
        }
    }

    fn denied(&self, fault: AnswerFault) -> Denied {
        if let Some(times) = self.faults.is_to_be_told(Some(fault), &self.clock) {
            tracing::info!(cause = %fault, times, "the host app vouched for nobody");
        }
        if fault.is_of_token() {
            self.monitor.add(ids::HOST_QUESTIONS_REFUSED, 1);
            return Denied { refusal: Refusal::HostTokenRefused, is_guess: true };
        }
        self.monitor.add(ids::HOST_QUESTIONS_FAILED, 1);
        Denied { refusal: Refusal::HostUnavailable, is_guess: false }
    }

    fn unanswered(&self, fault: &AskFault) -> Denied {
        if let Some(times) = self.faults.is_to_be_told(None, &self.clock) {
            tracing::warn!(
                error = fault as &dyn std::error::Error,
                times,
                "the host app did not answer, and vouches for nobody"
            );
        }
        self.monitor.add(ids::HOST_QUESTIONS_FAILED, 1);
        Denied { refusal: Refusal::HostUnavailable, is_guess: false }
    }
}

/// Asks at a URL: within five seconds, on a connection of its own, and nowhere else.
#[must_use]
pub fn ask(url: String) -> Ask {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        // One that was kept may have been closed by the app: a question would fail for nothing.
        .max_idle_connections(0)
        .proxy(None)
        .user_agent("highwater")
        .build()
        .into();
    Arc::new(move |question| {
        let fault = |error| AskFault(Box::new(error));
        let asked = agent
            .post(&url)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("highwater-timestamp", &question.timestamp)
            .header("highwater-signature", &question.signature);
        let mut answer = asked.send(&question.body).map_err(fault)?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Ok((status, Vec::new()));
        }
        // One more than is taken, so that a longer one is found out.
        let (mut body, most) = (Vec::new(), ANSWER_BYTES_MAX as u64 + 1);
        let read = answer.body_mut().as_reader().take(most).read_to_end(&mut body);
        read.map_err(|error| fault(ureq::Error::from(error)))?;
        Ok((status, body))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Mutex, mpsc::channel};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn so_many_are_asked_at_once_and_the_next_is_busy() {
        let (tell, told) = channel();
        let (release, released) = channel::<()>();
        let (tell, released) = (Mutex::new(tell), Mutex::new(released));
        let ask: Ask = Arc::new(move |_| {
            tell.lock().unwrap().send(()).unwrap();
            // Until the test lets go.
            let _ = released.lock().unwrap().recv();
            Ok((200, br#"{"subject":"u-1"}"#.to_vec()))
        });
        let key = QuestionKey::of_secret(&[b's'; 32]).unwrap();
        let monitor = Monitor::new();
        let clock = Clock::new(|| 0, || 0);
        let callback = Arc::new(HostCallback::new("app".to_owned(), key, ask, clock, monitor));
        let asked: Vec<_> = (0..ASKED_AT_ONCE_MAX)
            .map(|_| {
                let callback = Arc::clone(&callback);
                tokio::spawn(async move { callback.vouch("t".to_owned()).await.is_ok() })
            })
            .collect();
        for _ in 0..ASKED_AT_ONCE_MAX {
            told.recv_timeout(Duration::from_secs(20)).unwrap();
        }
        let one_more = callback.vouch("t".to_owned());
        let denied = tokio::time::timeout(Duration::from_secs(20), one_more).await.unwrap().err().unwrap();
        assert_eq!(denied.refusal, Refusal::Busy);
        assert!(!denied.is_guess);
        drop(release);
        for one in asked {
            assert!(one.await.unwrap());
        }
        assert!(callback.vouch("t".to_owned()).await.is_ok(), "and then there is room");
    }
}
