//! Reports of a process whose clock, disk and mail server are driven.
#![allow(clippy::unwrap_used)]
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use super::*;
use crate::{
    actors::{
        mailer::Correspondents,
        smtp::{HandOver, SmtpFault},
    },
    monitor::{Monitor, minutes::DAY_MINUTES},
    store::{files_faulty::FaultyDisk, points::PointRetention},
};

const RETENTION: PointRetention = PointRetention { minute_days: 8, five_minute_days: 40, hour_days: 730 };
/// 2026-11-16, a Monday, in minutes.
const MONDAY: i64 = 20_773 * DAY_MINUTES;
const SIX: i64 = 6 * 60 + 2;

type Says = Result<String, SmtpFault>;

/// A mail server that answers by a function and keeps what it took, by whom it is for.
#[derive(Clone, Default)]
struct Taking {
    tried: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

/// A process, its disk and its clock.
struct Process {
    disk: FaultyDisk,
    points: Arc<PointKeeper>,
    reporter: Reporter,
    minute: Arc<AtomicI64>,
    taking: Taking,
}

fn refused() -> Says {
    Err(SmtpFault { says: "450".to_owned(), is_answer: true, may_be_taken: false })
}

fn silent() -> Says {
    Err(SmtpFault { says: "nothing".to_owned(), is_answer: false, may_be_taken: true })
}

fn taken() -> Says {
    Ok("250".to_owned())
}

impl Process {
    fn on(disk: FaultyDisk, minute: i64, taking: Taking, says: fn(&str) -> Says) -> Process {
        Process::of(disk, minute, taking, (says, [true, false]))
    }

    fn of(
        disk: FaultyDisk,
        minute: i64,
        taking: Taking,
        (says, wanted): (fn(&str) -> Says, [bool; 2]),
    ) -> Process {
        let minute = Arc::new(AtomicI64::new(minute));
        let now = Arc::clone(&minute);
        let clock = Clock::new(move || now.load(Ordering::Relaxed) * 60_000 + 500, || 0);
        let monitor = Monitor::new();
        let points = Arc::new(PointKeeper::open(disk.directory("points"), RETENTION, monitor));
        let seen = taking.clone();
        let hand_over: HandOver = Arc::new(move |envelope, mail| {
            let to = envelope.to()[0].to_string();
            seen.tried.lock().unwrap().push(to.clone());
            let answer = says(&to);
            if answer.is_ok() {
                seen.taken.lock().unwrap().push((to, String::from_utf8(mail.to_vec()).unwrap()));
            }
            answer
        });
        let address = |text: &str| text.parse::<Address>().unwrap();
        let to = vec![address("a@ops.example"), address("b@ops.example")];
        let who = Correspondents { from: address("hw@chat.example"), to, name: "eu 1".to_owned() };
        let parts = ReporterParts {
            points: Arc::clone(&points),
            mailer: Arc::new(Mailer::new(hand_over, who, [7; 32], clock.clone())),
            files: disk.directory("reports"),
            wanted,
            hour: 6,
            clock,
        };
        Process { disk, points, reporter: Reporter::open(parts), minute, taking }
    }

    /// At a minute: the points hear of it, and then the reports.
    fn at(&mut self, minute: i64) {
        self.minute.store(minute, Ordering::Relaxed);
        self.points.tick(self.reporter.parts.clock.now());
        self.points.store();
        self.reporter.look();
    }

    /// Killed, and started again at a minute.
    fn killed(self, minute: i64, says: fn(&str) -> Says) -> Process {
        Process::on(self.disk.after_kill(), minute, self.taking, says)
    }

    fn counted(&self, id: u32) -> i64 {
        self.points.monitor().value(id)
    }

    /// Subjects of the mails that one of those who are written to has, in order.
    fn subjects(&self, of: &str) -> Vec<String> {
        let taken = self.taking.taken.lock().unwrap();
        taken.iter().filter(|(to, _)| to == of).map(|(_, mail)| header(mail, "Subject")).collect()
    }
}

fn header(mail: &str, name: &str) -> String {
    let start = format!("{name}: ");
    mail.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap().to_owned()
}

fn subject(day: u32) -> String {
    format!("[Highwater eu 1] report of 2026-11-{day}")
}

#[test]
fn each_day_has_one_mail_over_kills_and_its_figures_are_the_points() {
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), |_| taken());
    for day in 0..4 {
        // From five minutes before midnight, over it, to the hour and beyond.
        let midnight = MONDAY + (day + 1) * DAY_MINUTES;
        process.at(midnight - 5);
        process.points.monitor().add(ids::MESSAGES_STORED, 1000 + day.unsigned_abs());
        process.at(midnight);
        process.at(midnight + SIX - 1);
        assert_eq!(
            process.subjects("a@ops.example").len(),
            day.unsigned_abs() as usize,
            "not before its hour"
        );
        process.at(midnight + SIX);
        process = process.killed(midnight + SIX + 1, |_| taken());
        process.at(midnight + SIX + 2);
    }
    for of in ["a@ops.example", "b@ops.example"] {
        assert_eq!(process.subjects(of), [16, 17, 18, 19].map(subject));
    }
    let mails = process.taking.taken.lock().unwrap().clone();
    for (place, (_, mail)) in mails.iter().step_by(2).enumerate() {
        let quoted = mail.replace("=\r\n", "").replace("=E2=80=AF", "");
        assert!(quoted.contains(&format!("messages stored: {} (before: ", 1000 + place)), "{mail:.2000}");
    }
    assert_ne!(header(&mails[0].1, "Message-ID"), header(&mails[2].1, "Message-ID"));
}

#[test]
fn a_mail_has_a_text_and_pictures_that_its_page_names() {
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), |_| taken());
    process.at(MONDAY + 700);
    process.at(MONDAY + DAY_MINUTES + SIX);
    let (_, mail) = process.taking.taken.lock().unwrap()[0].clone();
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    for part in ["multipart/alternative", "multipart/related", "text/plain", "text/html"] {
        assert_eq!(mail.matches(&format!("Content-Type: {part}")).count(), 1, "{part}");
    }
    let unfolded = mail.replace("=\r\n", "");
    let names = ["messages", "online", "sign-ins", "commits"];
    for name in names {
        assert!(mail.contains(&format!("Content-ID: <{name}@highwater>")), "{name}");
        assert!(unfolded.contains(&format!("src=3D\"cid:{name}@highwater\"")), "{name}: {unfolded:.3000}");
    }
    assert_eq!(mail.matches("Content-Type: image/png").count(), names.len());
}

#[test]
fn who_was_refused_is_written_to_hourly_and_has_the_same_mail() {
    let one_of_two = |to: &str| if to.starts_with('a') { taken() } else { refused() };
    let due = MONDAY + DAY_MINUTES + SIX;
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), one_of_two);
    process.at(MONDAY + 1);
    process.at(due);
    process.at(due + 30);
    process = process.killed(due + 59, |_| taken());
    process.at(due + 59);
    assert_eq!(*process.taking.tried.lock().unwrap(), ["a@ops.example", "b@ops.example"]);
    process.at(due + 60);
    process.at(due + 120);
    assert_eq!(*process.taking.tried.lock().unwrap(), ["a@ops.example", "b@ops.example", "b@ops.example"]);
    let mails = process.taking.taken.lock().unwrap().clone();
    assert_eq!(header(&mails[0].1, "Message-ID"), header(&mails[1].1, "Message-ID"));
    assert_eq!((process.counted(ids::REPORTS_SENT), process.counted(ids::REPORTS_REFUSED)), (1, 0));
}

#[test]
fn what_may_have_come_is_not_sent_again_and_the_next_report_says_so() {
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), |_| silent());
    process.at(MONDAY + 1);
    let due = MONDAY + DAY_MINUTES + SIX;
    process.at(due);
    process.at(due + 300);
    assert_eq!(process.taking.tried.lock().unwrap().len(), 1);
    assert_eq!(process.counted(ids::REPORTS_UNKNOWN), 1);
    // Days on which nobody was there.
    process = process.killed(due + 3 * DAY_MINUTES, |_| taken());
    process.at(due + 3 * DAY_MINUTES);
    assert_eq!(process.subjects("b@ops.example"), [subject(19)]);
    let (_, mail) = process.taking.taken.lock().unwrap()[0].clone();
    let text = mail.replace("=\r\n", "");
    for told in [
        "2026-11-16: the report may not have come",
        "2026-11-17: no report: the server did not run when it was due.",
        "2026-11-18: no report: the server did not run when it was due.",
    ] {
        assert!(text.contains(told), "{told}: {text:.2000}");
    }
    assert_eq!(process.counted(ids::REPORTS_MISSED), 2);
}

#[test]
fn what_cannot_be_noted_is_not_sent_until_it_can() {
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), |_| taken());
    process.at(MONDAY + 1);
    let due = MONDAY + DAY_MINUTES + SIX;
    process.disk.set_capacity(Some(process.disk.used_bytes()));
    process.at(due);
    process.at(due + 1);
    assert!(process.taking.tried.lock().unwrap().is_empty());
    process.disk.set_capacity(None);
    process.at(due + 2);
    assert_eq!(process.subjects("a@ops.example"), [subject(16)]);
}

#[test]
fn a_clock_that_goes_back_sends_nothing_twice() {
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), |_| taken());
    process.at(MONDAY + 1);
    let due = MONDAY + DAY_MINUTES + SIX;
    process.at(due);
    process = process.killed(MONDAY + 2, |_| taken());
    process.at(MONDAY + 2);
    process.at(due);
    process.at(due + DAY_MINUTES);
    assert_eq!(process.subjects("a@ops.example"), [subject(16), subject(17)]);
}

#[test]
fn a_kill_in_the_middle_of_a_mail_does_not_send_it_again() {
    let dies_at_b = |to: &str| if to.starts_with('a') { taken() } else { panic!("killed") };
    let mut process = Process::on(FaultyDisk::new(), MONDAY, Taking::default(), dies_at_b);
    process.at(MONDAY + 1);
    let due = MONDAY + DAY_MINUTES + SIX;
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| process.at(due)));
    assert!(killed.is_err() && process.subjects("a@ops.example") == [subject(16)]);
    process = process.killed(due + 1, |_| taken());
    process.at(due + 1);
    process.at(due + 200);
    assert_eq!(process.taking.tried.lock().unwrap().len(), 2, "nobody was written to again");
    process.at(due + DAY_MINUTES);
    let (_, mail) = process.taking.taken.lock().unwrap().last().unwrap().clone();
    let text = mail.replace("=\r\n", "");
    assert!(text.contains("2026-11-16: the report may not have come"), "{text:.2000}");
    assert_eq!(process.subjects("b@ops.example"), [subject(17)]);
}

#[test]
fn a_week_has_a_mail_of_its_own_beside_that_of_its_last_day() {
    let both = (taken_always as fn(&str) -> Says, [true, true]);
    let mut process = Process::of(FaultyDisk::new(), MONDAY, Taking::default(), both);
    process.at(MONDAY + 1);
    for day in 1..=7 {
        process.points.monitor().add(ids::MESSAGES_STORED, 10);
        process.at(MONDAY + day * DAY_MINUTES - 1);
        process.at(MONDAY + day * DAY_MINUTES + SIX);
    }
    let subjects = process.subjects("b@ops.example");
    assert_eq!(
        subjects[subjects.len() - 2..],
        [subject(22), "[Highwater eu 1] report of 2026-W47".to_owned()]
    );
    let (_, mail) = process.taking.taken.lock().unwrap().last().unwrap().clone();
    assert!(mail.contains("messages stored: 70 (before: "), "{mail:.2000}");
}

fn taken_always(_: &str) -> Says {
    taken()
}
