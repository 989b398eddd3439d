//! `highwater admin …`: questions to a running server, on the operator's port.

use std::{
    io::{self, BufRead, Read},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Admin, AdminRequest, Command, Provision, accounts,
    admin_request::AdminNamed,
    alarms, audit, groups, looking, mail,
    operator_port::{OperatorFault, OperatorPort, text_of},
    operators, programs, reports, settings,
    token_file::TokenFile,
};

/// Accounts in one request. Source: an answer of this size is streamed within a second.
const USERS_PER_REQUEST_MAX: u32 = 1_000;
/// Bytes of one line of an answer. Source: ids, a name and a token have a twentieth of it.
const LINE_BYTES_MAX: u64 = 4 * 1024;
/// What each line of an answer has to name.
const LINE_FIELDS: [&str; 4] = ["user_id", "name", "device_id", "token"];

/// What stands behind `highwater admin`.
#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    #[command(flatten)]
    OfServer(AdminNamed),
    /// Print what the operator's port takes and answers, as OpenAPI 3.1; no server is needed.
    #[command(name = "openapi")]
    OpenApi,
}

impl From<AdminCommand> for Command {
    fn from(command: AdminCommand) -> Command {
        match command {
            AdminCommand::OfServer(named) => Command::Admin(named.into()),
            AdminCommand::OpenApi => Command::OpenApi,
        }
    }
}

impl From<AdminNamed> for Admin {
    fn from(named: AdminNamed) -> Admin {
        let (server, request) = match named {
            AdminNamed::Provision { provision, server } => (server, AdminRequest::Provision(provision)),
            AdminNamed::AcceptTime { server } => (server, AdminRequest::AcceptTime),
            AdminNamed::Account(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Account(request))
            }
            AdminNamed::Program(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Program(request))
            }
            AdminNamed::Group(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Group(request))
            }
            AdminNamed::Look(named) => {
                let (server, look) = named.into();
                (server, AdminRequest::Look(look))
            }
            AdminNamed::Alarms(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Alarms(request))
            }
            AdminNamed::Mail(named) => (named.into(), AdminRequest::TryOutMail),
            AdminNamed::Report(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Report(request))
            }
            AdminNamed::Audit(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Audit(request))
            }
            AdminNamed::Operator(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Operator(request))
            }
            AdminNamed::Settings(named) => {
                let (server, request) = named.into();
                (server, AdminRequest::Settings(request))
            }
            AdminNamed::Invite { expires_hours, server } => (server, AdminRequest::Invite { expires_hours }),
        };
        Admin { data: server.data, operator: server.operator, request }
    }
}

/// Asks, and prints the answer to stdout; or the error to stderr, with exit code 1.
#[must_use]
pub fn run(admin: Admin) -> ExitCode {
    match answer(&admin) {
        Ok(text) => super::print_answer(&text),
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminFault {
    #[error(transparent)]
    Operator(#[from] OperatorFault),
    #[error("{} cannot be written: {source}", path.display())]
    Out { path: PathBuf, source: io::Error },
    #[error("stdin cannot be read: {source}")]
    Stdin { source: io::Error },
    #[error("{fault}; the tokens of {devices} devices made before it are in {}", kept.display())]
    Partial { fault: Box<AdminFault>, devices: u64, kept: PathBuf },
}

fn answer(admin: &Admin) -> Result<String, AdminFault> {
    let port = OperatorPort::find(&admin.data, admin.operator.as_deref())?;
    match &admin.request {
        AdminRequest::Provision(wanted) => provision(&port, wanted),
        AdminRequest::AcceptTime => {
            port.ask("/v1/accept-time", &json!({}))?;
            Ok("the clock is right: what is due expires".to_owned())
        }
        AdminRequest::Account(request) => accounts::ask(&port, request),
        AdminRequest::Program(request) => programs::ask(&port, request),
        AdminRequest::Look(look) => looking::ask(&port, look),
        AdminRequest::Alarms(request) => alarms::ask(&port, request),
        AdminRequest::Audit(request) => audit::ask(&port, *request),
        AdminRequest::Operator(request) => operators::ask(&port, request),
        AdminRequest::Settings(request) => settings::ask(&port, request),
        AdminRequest::TryOutMail => mail::try_out(&port),
        AdminRequest::Report(request) => reports::ask(&port, request),
        AdminRequest::Group(request) => groups::ask(&port, request),
        AdminRequest::Invite { expires_hours } => {
            let answer = port.ask("/v1/invites", &json!({ "expires_hours": expires_hours }))?;
            Ok(text_of(&answer, "code")?.to_owned())
        }
    }
}

fn provision(port: &OperatorPort, wanted: &Provision) -> Result<String, AdminFault> {
    let mut file = TokenFile::create(&wanted.out).map_err(|source| not_written(wanted, source))?;
    let mut devices = 0;
    if let Err(fault) = fetch(port, wanted, &mut file, &mut devices) {
        return Err(match file.give_up() {
            Some(kept) => AdminFault::Partial { fault: fault.into(), devices, kept },
            None => fault,
        });
    }
    file.finish().map_err(|source| not_written(wanted, source))?;
    Ok(format!("{devices} devices of {} users in {}", wanted.users, wanted.out.display()))
}

/// Asks for one part after the other and writes what comes, counting the devices.
fn fetch(
    port: &OperatorPort,
    wanted: &Provision,
    file: &mut TokenFile,
    devices: &mut u64,
) -> Result<(), AdminFault> {
    let mut made = 0;
    while made < wanted.users {
        let users = USERS_PER_REQUEST_MAX.min(wanted.users - made);
        let first = u64::from(wanted.first) + u64::from(made);
        let body = json!({ "users": users, "devices": wanted.devices, "prefix": wanted.prefix, "first": first, "class": wanted.class });
        let mut lines = port.post("/v1/provision", &body)?;
        let before = *devices;
        while let Some(line) = next_line(&mut lines)? {
            file.line(&line).map_err(|source| not_written(wanted, source))?;
            *devices += 1;
        }
        let expected = u64::from(users) * u64::from(wanted.devices);
        if *devices - before != expected {
            let problem = format!("{} devices where {expected} were asked for", *devices - before);
            return Err(OperatorFault::Answer(problem).into());
        }
        made += users;
    }
    Ok(())
}

/// The next device, as its line stands in the answer; `None` at the end.
fn next_line(lines: &mut impl BufRead) -> Result<Option<String>, OperatorFault> {
    let mut line = String::new();
    let read = lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if !line.ends_with('\n') {
        return Err(OperatorFault::Answer("a line is cut off or too long".to_owned()));
    }
    let device: Value = serde_json::from_str(&line).unwrap_or_default();
    if !LINE_FIELDS.iter().all(|field| device[field].as_str().is_some_and(|text| !text.is_empty())) {
        // Whatever else a line may hold, a token is not shown.
        let reason = device["detail"].as_str().unwrap_or("a line does not name a device and its token");
        return Err(OperatorFault::Answer(reason.to_owned()));
    }
    line.truncate(line.trim_end().len());
    Ok(Some(line))
}

fn not_written(wanted: &Provision, source: io::Error) -> AdminFault {
    AdminFault::Out { path: wanted.out.clone(), source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        fs,
        io::{BufReader, Write},
        net::{TcpListener, TcpStream},
        os::unix::fs::PermissionsExt,
        path::Path,
        sync::{
            Arc, Mutex,
            atomic::{AtomicU64, Ordering},
        },
    };

    use super::*;
    use crate::store::store_lock::StoreLock;

    const TOKEN: &str = "hwo_0123456789";

    /// A data directory as a running server leaves it, with an operator's port that answers from a function.
    struct TestServer {
        data: PathBuf,
        /// Held as by a server that runs.
        _lock: StoreLock,
        /// Head and body of each request.
        requests: Arc<Mutex<Vec<(String, Value)>>>,
    }

    impl TestServer {
        /// `answer`: status line and body for the path and body of a request.
        fn new(answer: impl Fn(&str, &Value) -> (&'static str, String) + Send + 'static) -> TestServer {
            static NUMBER: AtomicU64 = AtomicU64::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let data = std::env::temp_dir().join(format!("highwater-admin-{}-{number}", std::process::id()));
            fs::create_dir_all(data.join("secrets")).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            fs::write(data.join("operator.url"), format!("http://{}\n", listener.local_addr().unwrap()))
                .unwrap();
            fs::write(data.join("secrets/operator.token"), format!("{TOKEN}\n")).unwrap();
            let requests = Arc::new(Mutex::new(Vec::new()));
            let seen = requests.clone();
            // Ends with the test process: it waits for connections that nobody makes.
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    serve(&stream.unwrap(), &answer, &seen);
                }
            });
            TestServer { _lock: StoreLock::acquire(&data).unwrap(), data, requests }
        }

        fn ask(&self, request: AdminRequest) -> Result<String, String> {
            answer(&Admin { data: self.data.clone(), operator: None, request })
                .map_err(|fault| fault.to_string())
        }

        fn provision(&self, users: u32, devices: u32) -> Result<String, String> {
            let out = self.out();
            self.ask(AdminRequest::Provision(Provision {
                users,
                devices,
                out,
                prefix: "u".to_owned(),
                first: 1,
                class: "phone".to_owned(),
            }))
        }

        fn out(&self) -> PathBuf {
            self.data.join("tokens.jsonl")
        }
    }

    impl Drop for TestServer {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.data);
        }
    }

    /// Answers one request and closes.
    fn serve(
        stream: &TcpStream,
        answer: &impl Fn(&str, &Value) -> (&'static str, String),
        seen: &Mutex<Vec<(String, Value)>>,
    ) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let (status, text) = answer(&path, &body);
        seen.lock().unwrap().push((head, body));
        // A client that has read enough may be gone already.
        let _ = write!(&*stream, "HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{text}");
    }

    fn devices(_: &str, body: &Value) -> (&'static str, String) {
        let number = |name: &str| body[name].as_u64().unwrap();
        let mut text = String::new();
        for user in number("first")..number("first") + number("users") {
            for device in 0..number("devices") {
                let name = format!("{}{user}", body["prefix"].as_str().unwrap());
                let line = json!({"user_id": user.to_string(), "name": name,
                                  "device_id": device.to_string(), "token": format!("hwd_{user}_{device}")});
                text.push_str(&format!("{line}\n"));
            }
        }
        ("200 OK", text)
    }

    fn leftovers(directory: &Path) -> Vec<String> {
        let names =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }

    #[test]
    fn a_hundred_thousand_devices_come_in_parts_into_one_file_for_the_owner() {
        let server = TestServer::new(devices);
        let said = server.provision(50_500, 2).unwrap();
        assert_eq!(said, format!("101000 devices of 50500 users in {}", server.out().display()));
        assert_eq!(fs::metadata(server.out()).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(server.out()).unwrap();
        assert_eq!(text.lines().count(), 101_000);
        for (at, line) in text.lines().enumerate() {
            let device: Value = serde_json::from_str(line).unwrap();
            assert_eq!(device["name"], format!("u{}", at / 2 + 1));
            assert_eq!(device["device_id"], (at % 2).to_string());
        }
        assert!(leftovers(&server.data).is_empty());
        let requests = server.requests.lock().unwrap();
        assert_eq!(requests.len(), 51);
        for (at, (head, body)) in requests.iter().enumerate() {
            assert!(head.starts_with("post /v1/provision http/1.1\r\n"), "{head}");
            assert!(head.contains(&format!("authorization: bearer {TOKEN}\r\n")), "{head}");
            let users = if at == 50 { 500 } else { 1000 };
            assert_eq!(
                *body,
                json!({"users": users, "devices": 2, "prefix": "u", "first": 1 + at * 1000, "class": "phone"})
            );
        }
    }

    #[test]
    fn a_refusal_leaves_no_file_and_says_the_servers_reason() {
        let problem = r#"{"title":"Forbidden","detail":"the operator's token is wrong"}"#;
        let server = TestServer::new(move |_, _| ("403 Forbidden", problem.to_owned()));
        let error = server.provision(1, 1).unwrap_err();
        assert_eq!(error, "the server refused: the operator's token is wrong (HTTP 403)");
        assert!(!server.out().exists() && leftovers(&server.data).is_empty());
    }

    #[test]
    fn tokens_made_before_a_failure_are_kept_but_not_under_the_final_name() {
        let server = TestServer::new(|path, body| match body["first"].as_u64() {
            Some(1) => devices(path, body),
            _ => ("503 Service Unavailable", String::new()),
        });
        let error = server.provision(1500, 1).unwrap_err();
        assert!(
            error.starts_with("the server refused: no reason given (HTTP 503); the tokens of 1000 devices"),
            "{error}"
        );
        assert!(!server.out().exists());
        let [kept] = &leftovers(&server.data)[..] else { panic!("no file is kept") };
        assert!(error.ends_with(kept.as_str()), "{error}");
        assert_eq!(fs::read_to_string(server.data.join(kept)).unwrap().lines().count(), 1000);
    }

    #[test]
    fn an_answer_that_is_not_whole_is_refused() {
        type Change = fn(String) -> String;
        let changes: [(Change, &str); 5] = [
            (|text| text.lines().skip(1).map(|line| format!("{line}\n")).collect(), "2 devices where 3"),
            (|text| text[..text.len() - 5].to_owned(), "a line is cut off"),
            (|text| text.replace("\"token\"", "\"tokem\""), "a line does not name a device"),
            (|text| format!("{text}{{\"detail\":\"the disk is full\"}}\n"), "the disk is full"),
            (|_| "x".repeat(10_000), "a line is cut off or too long"),
        ];
        for (change, expected) in changes {
            let server = TestServer::new(move |path, body| ("200 OK", change(devices(path, body).1)));
            let error = server.provision(3, 1).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hwd_") && !server.out().exists(), "{error}");
        }
    }

    #[test]
    fn an_invite_is_its_code() {
        let server = TestServer::new(|_, _| ("200 OK", r#"{"code":"abc-def"}"#.to_owned()));
        assert_eq!(server.ask(AdminRequest::Invite { expires_hours: 5 }).unwrap(), "abc-def");
        let (head, body) = server.requests.lock().unwrap()[0].clone();
        assert!(head.starts_with("post /v1/invites http/1.1\r\n"), "{head}");
        assert_eq!(body, json!({"expires_hours": 5}));
        for wrong in ["{}", "{\"code\":\"\"}", "no json"] {
            let server = TestServer::new(move |_, _| ("200 OK", wrong.to_owned()));
            let error = server.ask(AdminRequest::Invite { expires_hours: 5 }).unwrap_err();
            assert!(error.starts_with("the server's answer cannot be used"), "{error}");
        }
    }

    #[test]
    fn the_token_goes_to_no_other_address() {
        let other = TestServer::new(devices);
        let elsewhere = fs::read_to_string(other.data.join("operator.url")).unwrap();
        let head = format!("307 Temporary Redirect\r\nlocation: {}/v1/invites", elsewhere.trim());
        let head: &'static str = head.leak();
        let server = TestServer::new(move |_, _| (head, String::new()));
        let error = server.ask(AdminRequest::Invite { expires_hours: 1 }).unwrap_err();
        assert!(error.contains("HTTP 307"), "{error}");
        assert!(other.requests.lock().unwrap().is_empty());
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let server = TestServer::new(devices);
        let find =
            |url: Option<&str>| OperatorPort::find(&server.data, url).err().map(|fault| fault.to_string());
        for url in
            ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://a@127.0.0.1:1", "http://127.0.0.1:1/x"]
        {
            assert!(find(Some(url)).unwrap().ends_with("must be http://ADDRESS:PORT"), "{url}");
        }
        assert_eq!(find(Some("http://127.0.0.1:1/")), None);
        // A port that was free a moment ago: nobody listens there.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        fs::write(server.data.join("operator.url"), format!("http://{free}")).unwrap();
        let error = server.ask(AdminRequest::Invite { expires_hours: 1 }).unwrap_err();
        assert!(error.starts_with(&format!("the operator's port http://{free} does not answer")), "{error}");
        fs::remove_file(server.data.join("operator.url")).unwrap();
        assert!(find(None).unwrap().contains("is a server running on this data directory?"));
        fs::remove_file(server.data.join("secrets/operator.token")).unwrap();
        assert!(find(Some("http://127.0.0.1:1")).unwrap().contains("operator.token cannot be read"));
    }
}
