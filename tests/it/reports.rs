//! Reports from outside: their figures are what was done, on the port and by the command.

use base64::{Engine, engine::general_purpose::STANDARD};
use highwater_wire::proto::send::To;
use serde_json::Value;

use crate::support::{Home, MailSink, Person, Server, Wire, eventually, requests, temp_dir::TempDir};

/// A minute of these servers, ms: a day is over within fifteen seconds.
const FLAGS: &[&str] = &["--dev", "--monitor-minute-ms", "10"];

async fn report(server: &Server, query: &str) -> Value {
    let answer = server.operate("GET", &format!("/v1/reports?{query}"), "").await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    serde_json::from_str(&answer.text()).unwrap()
}

fn figure(report: &Value, name: &str) -> Value {
    let figures = report["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

/// Sends so many messages; each is in the log when this returns.
async fn send(server: &Server, [ann, bob]: &[Person; 2], count: usize) {
    let mut wire = Wire::greeted(server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    for number in 0..count {
        let text = format!("message {number}");
        requests::sent(&mut wire, requests::send(To::UserId(bob.user_id), day, &text)).await;
    }
    wire.close().await;
}

/// Today and tomorrow by the clock of the system: the first two days of a server whose minutes are short.
fn first_days() -> [String; 2] {
    let output = |day: &str| {
        let output =
            std::process::Command::new("date").args(["-u", "-d", day, "+%Y-%m-%d"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    [output("today"), output("tomorrow")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_what_was_done() {
    let home = Home::new("[server]\nworkers = 2\n", FLAGS);
    let [today, tomorrow] = first_days();
    let server = home.start();
    let people = server.people(1).await;
    send(&server, &people, 23).await;
    // The day may have ended in between.
    eventually("the messages are told", || async {
        let first = figure(&report(&server, &format!("day={today}")).await, "messages_stored");
        let answer = server.operate("GET", &format!("/v1/reports?day={tomorrow}"), "").await;
        let second: Value = serde_json::from_str(&answer.text()).unwrap_or_default();
        let second = if answer.status == 200 { figure(&second, "messages_stored") } else { Value::Null };
        let sum = first["value"].as_i64().unwrap_or(0) + second["value"].as_i64().unwrap_or(0);
        assert!(sum <= 23, "{first} {second}");
        (sum == 23).then_some(())
    })
    .await;
    let told = report(&server, &format!("day={today}")).await;
    assert_eq!((&told["kind"], &told["period"]), (&"day".into(), &today.as_str().into()));
    let messages = figure(&told, "messages_stored");
    assert_eq!((&messages["before"], &messages["percent"]), (&Value::Null, &Value::Null), "{messages}");
    assert!(told["minutes_missing_before"] == 1440, "{told}");
    for wrong in ["", "day=2999-01-01", "day=2026-02-30", "week=2026-W54", "day=2026-11-21&week=2026-W47"] {
        let answer = server.operate("GET", &format!("/v1/reports?{wrong}"), "").await;
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
    }
    let path = format!("/v1/reports?day={today}");
    let stranger = crate::support::http::exchange(server.operator(), "GET", &path, &[], b"").await;
    assert_eq!(stranger.status, 401, "{stranger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_printed_and_written_as_a_page() {
    let home = Home::new("[server]\nworkers = 2\n", &["--dev"]);
    let [today, _] = first_days();
    let _server = home.start();
    let directory = TempDir::new();
    let file = directory.path().join("report.html");
    let command = |more: &[&str]| {
        let mut command = Home::bare_command();
        command.args(["admin", "report", "--day", &today, "--data"]).arg(home.data()).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = command(&[]);
    assert!(printed.starts_with(&format!("{today} (UTC")), "{printed}");
    assert!(printed.contains("\nmessages stored: "), "{printed}");
    let said = command(&["--html", file.to_str().unwrap()]);
    assert_eq!(said, format!("{today} is in {}\n", file.display()));
    let page = std::fs::read_to_string(&file).unwrap();
    assert_eq!(page.matches("src=\"data:image/png;base64,iVBOR").count(), 4, "{page:.2000}");
    assert!(page.contains("most connections at a time") && !page.contains("<script"), "{page:.2000}");
    let mut neither = Home::bare_command();
    assert!(!neither.args(["admin", "report", "--data"]).arg(home.data()).output().unwrap().status.success());
}

fn daily_notes(home: &Home) -> Option<Value> {
    let notes = std::fs::read_to_string(home.data().join("reports/notes")).ok()?;
    serde_json::from_str(notes.lines().next()?).ok()
}

/// The newest day that was due when the server looked last.
fn through(home: &Home) -> Option<String> {
    daily_notes(home)?["through"].as_str().map(str::to_owned)
}

/// What a mail is in the parts that are encoded in base64, decoded.
fn pictures(mail: &str) -> Vec<Vec<u8>> {
    let parts = mail.split("Content-Type: image/png").skip(1);
    let lines = parts.map(|part| part.split_once("\n\n").unwrap().1.split("\n--").next().unwrap());
    lines.map(|text| STANDARD.decode(text.replace('\n', "")).unwrap()).collect()
}

/// Waits for the end of a day, and then for so many reports in all.
async fn day_ends(home: &Home, sink: &MailSink, count: usize) {
    let before = eventually("reports are noted", || async { through(home) }).await;
    eventually("a day ends", || async { through(home).filter(|day| *day > before) }).await;
    eventually("its report comes", || async { (sink.about("report of").len() == count).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_ends_is_one_mail_with_pictures_also_over_a_restart() {
    let sink = MailSink::start();
    let reports = "[reports]\ndaily = true\nhour = 0\n";
    let config = format!("[server]\nworkers = 2\n{}{reports}", sink.config(&["a@ops.example"]));
    let home = Home::new(&config, FLAGS);
    let server = home.start();
    let people = server.people(1).await;
    day_ends(&home, &sink, 1).await;
    // The second day is a whole one, and has these.
    send(&server, &people, 17).await;
    day_ends(&home, &sink, 2).await;
    let mails = sink.about("report of");
    let second = mails[1].header("Subject").rsplit(' ').next().unwrap().to_owned();
    let counted = figure(&report(&server, &format!("day={second}")).await, "messages_stored");
    assert_eq!(counted["value"], 17, "as many as were acknowledged: {counted}");
    let text = mails[1].text().replace("=\n", "");
    assert!(text.contains("messages stored: 17 (before: 0; "), "{text:.2000}");
    let drawn = pictures(&mails[1].mail);
    let sizes = drawn.iter().map(|png| tiny_skia::Pixmap::decode_png(png).unwrap());
    assert_eq!(
        sizes.map(|picture| (picture.width(), picture.height())).collect::<Vec<_>>(),
        [(1200, 300); 4]
    );
    // Counted when the mail server has answered, which it did before; noted after that.
    let sent = "highwater_reports_total{outcome=\"sent\"} 2";
    eventually("both are counted", || async {
        server.operate("GET", "/metrics", "").await.text().contains(sent).then_some(())
    })
    .await;
    assert_eq!(through(&home).as_deref(), Some(second.as_str()));
    // The next process begins at the time of the system: the same days end once more.
    server.stop();
    let server = home.start();
    let back = eventually("the clock has gone back", || async { through(&home).filter(|day| *day < second) });
    let back = back.await;
    eventually("a day ends again", || async { through(&home).filter(|day| *day > back) }).await;
    let subjects: Vec<String> =
        sink.about("report of").iter().map(|mail| mail.header("Subject").to_owned()).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
    assert_eq!(daily_notes(&home).unwrap()["open"], Value::Null, "none is on its way");
    server.stop();
    assert_eq!(sink.about("report of").len(), 2);
}

#[test]
fn reports_without_mail_keep_a_server_from_starting() {
    let home = Home::new("[server]\ndev = true\n[reports]\ndaily = true\n", &[]);
    assert!(home.start_refused().stderr.contains("reports.daily needs mail.server"));
}
