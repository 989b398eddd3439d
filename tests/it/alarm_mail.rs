//! Alarms by mail: written once, tried again while the mail server refuses, recognised when they come twice; what a bad
//! configuration is told.

use std::os::unix::fs::PermissionsExt;

use highwater_wire::Encoding;

use crate::{
    alarms::is,
    support::{Home, MailSink, Server, Wire, eventually, requests, temp_dir::TempDir},
};

const FLAGS: &[&str] = &["--dev", "--monitor-minute-ms", "400"];
const RULES: &str = "[alarms.rules.sign_ins_refused]\nbound = 0\n";
const NAME: &str = "sign_ins_refused";

/// Signs in by a wrong password until it is told.
pub async fn guess_until(server: &Server, is_told: impl Fn() -> bool) {
    let mut wire = Wire::connect(server, Encoding::Binary).await;
    for number in 0..2000 {
        if is_told() {
            return;
        }
        wire.ask(requests::sign_in(&format!("nobody{number}"), "wrong horse")).await;
    }
    panic!("it is never told");
}

pub async fn metric(server: &Server, line: &str) -> bool {
    server.operate("GET", "/metrics", "").await.text().lines().any(|one| one.contains(line))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_written_once_to_each_also_when_the_first_try_is_refused() {
    let sink = MailSink::start();
    sink.refuse(&["451 4.7.1 try again later"]);
    let to = ["a@ops.example", "b@ops.example"];
    let home = Home::new(&format!("[server]\nworkers = 2\n{}{RULES}", sink.config(&to)), FLAGS);
    let server = home.start();
    guess_until(&server, || !sink.about(NAME).is_empty()).await;
    is(&server, NAME, "quiet").await;
    eventually("the end is written", || async { (sink.about("over: ").len() == 2).then_some(()) }).await;
    let begun = sink.about("warning: sign_ins_refused");
    let written: Vec<&[String]> = begun.iter().map(|mail| mail.to.as_slice()).collect();
    assert_eq!(written, [["b@ops.example"], ["a@ops.example"]], "the first one was refused and tried again");
    assert_eq!(sink.tried(), 5, "two, the one that was tried again, and two of the end");
    for mail in &begun {
        assert_eq!(mail.header("Subject"), "[Highwater eu 1] warning: sign_ins_refused");
        assert_eq!(mail.header("From"), "highwater@chat.example");
        assert_eq!(mail.header("To"), "a@ops.example, b@ops.example");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert!(mail.text().contains("many sign-ins are refused"), "{}", mail.mail);
        assert!(!mail.mail.contains("nobody"), "nothing of users: {}", mail.mail);
    }
    assert_eq!(begun[0].from, "highwater@chat.example");
    let id = begun[0].header("Message-ID");
    assert_eq!(begun[1].header("Message-ID"), id, "it is one mail");
    assert!(id.starts_with('<') && id.ends_with("@chat.example>"), "{id}");
    assert_ne!(sink.about("over: ")[0].header("Message-ID"), id);
    // It is counted when the server has answered the last mail.
    let delivered = "alarm_deliveries_total{channel=\"mail\",outcome=\"delivered\"} 2";
    eventually("both are counted", || async { metric(&server, delivered).await.then_some(()) }).await;
    assert!(server.log().contains("451"), "a refusal is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_exist_keeps_mail_from_nobody_else() {
    let sink = MailSink::start();
    sink.does_not_know("gone@ops.example");
    let to = ["gone@ops.example", "b@ops.example"];
    let home = Home::new(&format!("[server]\nworkers = 2\n{}{RULES}", sink.config(&to)), FLAGS);
    let server = home.start();
    guess_until(&server, || !sink.about(NAME).is_empty()).await;
    assert_eq!(sink.about(NAME)[0].to, ["b@ops.example"]);
    let tried = server.operate("POST", "/v1/mail/test", "").await;
    assert_eq!(tried.status, 502, "{tried:?}");
    assert!(tried.text().contains("gone@ops.example: permanent error (550)"), "{tried:?}");
    let mails: serde_json::Value = serde_json::from_str(&tried.text()).unwrap();
    let taken = serde_json::json!({ "to": "b@ops.example", "taken": true, "answer": "250 2.0.0 taken" });
    assert_eq!((&mails["mails"][0]["taken"], &mails["mails"][1]), (&false.into(), &taken));
    assert_eq!(sink.about("a mail to see").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_tried_out_by_a_command_that_says_what_the_mail_server_answered() {
    let sink = MailSink::start();
    let home = Home::new(&format!("[server]\nworkers = 2\n{}", sink.config(&["a@ops.example"])), FLAGS);
    let server = home.start();
    let path = "/v1/mail/test";
    let stranger = crate::support::http::exchange(server.operator(), "POST", path, &[], b"").await;
    assert_eq!(stranger.status, 401, "{stranger:?}");
    let try_out = || {
        let mut command = Home::bare_command();
        command.args(["admin", "mail", "test", "--data"]).arg(home.data()).output().unwrap()
    };
    let taken = try_out();
    assert_eq!(String::from_utf8_lossy(&taken.stdout), "a@ops.example: 250 2.0.0 taken\n");
    sink.refuse(&["554 5.7.1 not from you"]);
    let refused = try_out();
    assert!(!refused.status.success());
    let says = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(says.contains("a@ops.example: permanent error (554): 5.7.1 not from you"), "{says}");
    let (first, mails) = (sink.about("a mail to see"), sink.tried());
    assert_eq!((first.len(), mails), (1, 2));
    drop(server);
    let home = Home::new("[server]\nworkers = 2\n", FLAGS);
    let server = home.start();
    let none = server.operate("POST", path, "").await;
    assert_eq!(none.status, 409, "{none:?}");
}

#[test]
fn what_is_wrong_with_mail_is_named_by_check_config_and_keeps_a_server_from_starting() {
    let directory = TempDir::new();
    let password = directory.path().join("password");
    let write = |text: &str, mode| {
        std::fs::write(&password, text).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let section = |server: &str, more: &str| {
        let from = "from = \"highwater@chat.example\"\nto = [\"a@ops.example\"]\n";
        format!("[server]\ndev = true\n[mail]\nserver = \"{server}\"\n{from}{more}")
    };
    let login = format!("user = \"u\"\npassword_file = \"{}\"\n", password.display());
    let roots = format!("roots_file = \"{}\"\n", password.display());
    let refused = |config: &str, expected: &str| {
        let home = Home::new(config, &[]);
        let said = home.start_refused().stderr;
        assert!(said.contains(expected), "{said}");
        assert!(!home.data().join("log").exists(), "nothing was opened");
        let mut check = Home::bare_command();
        let file = home.data().parent().unwrap().join("highwater.toml");
        let output = check.args(["check-config", "--config"]).arg(file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    };
    let here = "smtp://127.0.0.1:25";
    refused(&section(here, &login), "cannot be read");
    write("secret", 0o644);
    refused(&section(here, &login), "chmod 600");
    write("", 0o600);
    refused(&section(here, &login), "must hold a password of 1 to 1024 bytes");
    write("no certificate", 0o600);
    refused(&section("smtps://mail.example.org:465", &roots), "has no certificate in PEM");
    write("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n", 0o600);
    refused(&section("smtps://mail.example.org:465", &roots), "the certificates in ");
    let address = section(here, "").replace("a@ops.example", "a@ops..example");
    refused(&address, "a@ops..example is no address that mail can be sent to");
}
