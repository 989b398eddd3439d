//! The operator's port of a running server, as a client of it.

use std::{
    fs, io,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use ureq::typestate::WithBody;

use crate::store::store_lock::StoreLock;

/// File in the data directory into which a running server writes the address of its operator's port.
pub const URL_FILE: &str = "operator.url";
/// The operator's token in the data directory.
pub const TOKEN_FILE: &str = "secrets/operator.token";

/// Longest that connecting may take. Source: the port is on the same machine, or near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the head of an answer; some commits and their syncs stand before it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest that a whole answer may take; the largest has some ten thousand lines.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes read of the address, the token, and an answer that refuses. What is longer is none of them.
const SMALL_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a list, or of a page of one, that is read whole; a longer one is told as a fault. Source: a thousand ids take
/// some 150 KB.
const LIST_BYTES_MAX: u64 = 1024 * 1024;

/// A running server that is asked as its operator.
pub struct OperatorPort {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

/// Why the operator's port did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OperatorFault {
    /// Address or token cannot be read.
    #[error("{} cannot be read ({source}): {hint}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
        /// What would help.
        hint: &'static str,
    },
    /// The address is none.
    #[error("the operator's port {url} must be http://ADDRESS:PORT")]
    Url {
        /// As it was given.
        url: String,
    },
    /// No server answers, or it stopped doing so.
    #[error("the operator's port {url} does not answer: {source}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the HTTP client said.
        source: Box<ureq::Error>,
    },
    /// Nobody holds the data directory.
    #[error("no server runs on the data directory {}; start it, or give --operator", data.display())]
    NotRunning {
        /// Which.
        data: std::path::PathBuf,
    },
    /// The server refused.
    #[error("the server refused: {reason} (HTTP {status})")]
    Refused {
        /// Status code.
        status: u16,
        /// Its own words.
        reason: String,
    },
    /// The answer is not what it should be.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// The answer broke off.
    #[error("the server's answer broke off")]
    Read(#[from] io::Error),
}

impl OperatorPort {
    /// Finds address (unless given) and token in the data directory of the server.
    ///
    /// # Errors
    /// [`OperatorFault::Unreadable`] or [`OperatorFault::Url`].
    pub fn find(data: &Path, url: Option<&str>) -> Result<OperatorPort, OperatorFault> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => {
                let url = read(
                    &data.join(URL_FILE),
                    "is a server running on this data directory? else give --operator",
                )?;
                // The file outlives the server, and whoever has its port by now must not be sent the token.
                if !StoreLock::is_held(data).map_err(OperatorFault::Read)? {
                    return Err(OperatorFault::NotRunning { data: data.to_owned() });
                }
                url
            }
        };
        let url = url.trim_end_matches('/').to_owned();
        if !url
            .strip_prefix("http://")
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#']))
        {
            return Err(OperatorFault::Url { url });
        }
        let token =
            read(&data.join(TOKEN_FILE), "give the server's data directory with --data, as its user")?;
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(OperatorFault::Answer(format!("{TOKEN_FILE} holds no token")));
        }
        // No proxy and no redirect: the token goes to the address above and nowhere else.
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_recv_body(Some(BODY_TIMEOUT))
            .build()
            .new_agent();
        Ok(OperatorPort { agent, url, authorization: format!("Bearer {token}") })
    }

    /// Posts a JSON body and answers the body of the answer, to be read as it comes.
    ///
    /// # Errors
    /// [`OperatorFault::Unreachable`]; [`OperatorFault::Refused`] with the server's reason.
    pub fn post(&self, path: &str, body: &Value) -> Result<BufReader<impl Read + use<>>, OperatorFault> {
        self.send(self.agent.post(format!("{}{path}", self.url)), body)
    }

    /// Puts a JSON body.
    ///
    /// # Errors
    /// As [`OperatorPort::post`].
    pub fn put(&self, path: &str, body: &Value) -> Result<(), OperatorFault> {
        self.send(self.agent.put(format!("{}{path}", self.url)), body).map(drop)
    }

    fn send(
        &self,
        request: ureq::RequestBuilder<WithBody>,
        body: &Value,
    ) -> Result<BufReader<impl Read + use<>>, OperatorFault> {
        let request = request.header("authorization", &self.authorization).content_type("application/json");
        self.answer(request.send(body.to_string()))
    }

    /// Gets one small JSON value.
    ///
    /// # Errors
    /// As [`OperatorPort::ask`].
    pub fn get(&self, path: &str) -> Result<Value, OperatorFault> {
        let url = format!("{}{path}", self.url);
        let answer = self.agent.get(url).header("authorization", &self.authorization).call();
        small(self.answer(answer)?)
    }

    /// Gets a text of at most so many bytes.
    ///
    /// # Errors
    /// As [`OperatorPort::ask`].
    pub fn get_text(&self, path: &str, bytes_max: u64) -> Result<String, OperatorFault> {
        let url = format!("{}{path}", self.url);
        let answer = self.agent.get(url).header("authorization", &self.authorization).call();
        let mut text = String::new();
        self.answer(answer)?.take(bytes_max + 1).read_to_string(&mut text)?;
        if text.len() as u64 > bytes_max {
            return Err(OperatorFault::Answer(format!("it has more than {bytes_max} bytes")));
        }
        Ok(text)
    }

    /// The body of an answer that refuses nothing.
    fn answer(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<BufReader<impl Read + use<>>, OperatorFault> {
        let answer = answer
            .map_err(|source| OperatorFault::Unreachable { url: self.url.clone(), source: source.into() })?;
        let status = answer.status();
        let reader = answer.into_body().into_reader();
        if !status.is_success() {
            return Err(OperatorFault::Refused { status: status.as_u16(), reason: reason(reader) });
        }
        Ok(BufReader::new(reader))
    }

    /// As [`OperatorPort::post`], for an answer that is one small JSON value.
    ///
    /// # Errors
    /// As `post`; [`OperatorFault::Answer`] and [`OperatorFault::Read`].
    pub fn ask(&self, path: &str, body: &Value) -> Result<Value, OperatorFault> {
        small(self.post(path, body)?)
    }

    /// A whole list: one JSON document in a line.
    ///
    /// # Errors
    /// As `post`; [`OperatorFault::Read`], and [`OperatorFault::Answer`] for one that is too long.
    pub fn lines(&self, path: &str, body: &Value) -> Result<String, OperatorFault> {
        let mut lines = String::new();
        self.post(path, body)?.take(LIST_BYTES_MAX + 1).read_to_string(&mut lines)?;
        if lines.len() as u64 > LIST_BYTES_MAX {
            return Err(OperatorFault::Answer("the list is too long".to_owned()));
        }
        Ok(lines)
    }
}

/// A text that an answer has to have.
///
/// # Errors
/// [`OperatorFault::Answer`] when it is not there, or empty.
pub fn text_of<'a>(answer: &'a Value, field: &str) -> Result<&'a str, OperatorFault> {
    let text = answer[field].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| OperatorFault::Answer(format!("it names no {field}")))
}

/// An answer that is one small JSON value.
fn small(body: impl Read) -> Result<Value, OperatorFault> {
    let mut text = String::new();
    body.take(SMALL_BYTES_MAX).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|error| OperatorFault::Answer(format!("no JSON: {error}")))
}

/// The words of a problem document; else what stands there.
fn reason(body: impl Read) -> String {
    let mut bytes = Vec::new();
    if body.take(SMALL_BYTES_MAX).read_to_end(&mut bytes).is_err() {
        return "no reason given".to_owned();
    }
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let word = ["message", "detail", "title"].iter().find_map(|name| problem[name].as_str());
    match word {
        Some(word) => word.to_owned(),
        None if text.is_empty() => "no reason given".to_owned(),
        None => text.chars().take(200).collect(),
    }
}

fn read(path: &Path, hint: &'static str) -> Result<String, OperatorFault> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(SMALL_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| OperatorFault::Unreadable { path: path.to_path_buf(), source, hint })?;
    Ok(text.trim().to_owned())
}
