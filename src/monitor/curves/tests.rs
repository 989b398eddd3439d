#![allow(clippy::print_stdout)]

use super::*;
use crate::monitor::ids::FRAMEWORK;
use crate::monitor::slots::Slots;
use crate::monitor::{Monitor, Op};

fn minute(n: i64) -> TimeMs {
    TimeMs((28_333_320 + n) * 60_000)
}

fn monitor_with_an_hour() -> Monitor {
    let monitor = Monitor::new();
    for n in 0..=90 {
        if (50..60).contains(&n) {
            continue;
        }
        monitor.tick(minute(n));
        monitor.add(ids::MESSAGES_STORED, 100 + (n * 37 % 50).cast_unsigned());
        monitor.set(ids::CONNECTIONS_OPEN, 15_000 + (n * 11).cast_unsigned());
        monitor.set(ids::TAIL_BYTES, (n * 1_000_000).cast_unsigned());
        monitor.set(ids::INDEX_LAG_RECORDS, (n % 9 * 40).cast_unsigned());
        monitor.observe(ids::BATCH_SYNC, 300 + (n * 7).cast_unsigned());
        monitor.operation(Op::Send).finished(Outcome::Ok, 9_000, 10);
        monitor.operation(Op::Send).finished(Outcome::Ok, if n % 2 == 0 { 10_000 } else { 10_001 }, 10);
        monitor.operation(Op::SignIn).finished(Outcome::Auth, 70_000, 10);
    }
    monitor
}

#[test]
fn the_page_shows_each_curve_with_its_values_and_gaps() {
    let page = monitor_with_an_hour().curves_page("north", "", Window::Hour, minute(90));
    for title in [
        "Messages stored per minute",
        "Open connections",
        "Sends answered within 10 ms",
        "Sync of a batch, mean",
    ] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    assert_eq!(page.matches("<svg ").count(), 7);
    assert_eq!(page.matches("class=\"line ").count(), 11, "six single lines and five classes of errors");
    assert!(page.contains("100.0 %</text>") && page.contains("<td>50.0 %</td>"), "share of good sends");
    assert!(page.contains("<td>923 \u{b5}s</td><td>510 \u{b5}s</td>"), "mean of the newest sync");
    let messages = line_paths(&page).next().unwrap_or_default();
    assert_eq!((messages.matches('M').count(), messages.matches('L').count()), (2, 48), "{messages}");
}

fn line_paths(page: &str) -> impl Iterator<Item = &str> {
    page.split("<path class=\"line ").skip(1).filter_map(|rest| rest.split("d=\"").nth(1)?.split('"').next())
}

#[test]
fn a_minute_without_sends_is_a_gap_and_not_zero() {
    let slots = Slots::new(&FRAMEWORK);
    let mut minutes = Minutes::new(&FRAMEWORK);
    minutes.tick(minute(0), &slots);
    minutes.tick(minute(1), &slots);
    let at = At { minutes: &minutes, minute: Minute::of(minute(0)) };
    assert_eq!((send_share_good(&at), batch_sync_mean(&at)), (None, None));
    assert_eq!(errors_of_class(&at, Outcome::Fault), Some(0.0));
    let missing = At { minutes: &minutes, minute: Minute::of(minute(1)) };
    assert_eq!(errors_of_class(&missing, Outcome::Fault), None);
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = monitor_with_an_hour().curves_page("north", "", Window::Day, minute(90));
    println!("bytes of a day with 90 points: {}", page.len());
    for forbidden in
        ["<script", "javascript:", "http://", "https://", " style=", "@import", "url(", " src=", " onload"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
    assert_eq!(style, Some(STYLE), "the policy names the hash of exactly this text");
    assert!(content_security_policy().starts_with("default-src 'none'; style-src 'sha256-"));
}

#[test]
fn a_server_name_cannot_break_out() {
    let page =
        Monitor::new().curves_page("</title><script>alert('1')</script>\"&", "", Window::Hour, minute(0));
    assert!(!page.contains("<script") && !page.contains("alert('1')"));
    assert_eq!(
        page.matches("&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;").count(),
        2
    );
}

#[test]
fn every_element_is_closed() {
    let page = monitor_with_an_hour().curves_page("north", "", Window::Hour, minute(90));
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let name: String = tag.chars().take_while(|c| !c.is_whitespace() && *c != '>').collect();
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed));
        } else if !["!DOCTYPE", "meta"].contains(&name.as_str())
            && !tag.split('>').next().unwrap_or("").ends_with('/')
        {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_whole_day_stays_small() {
    let monitor = Monitor::new();
    for n in 0..=1_440 {
        monitor.tick(minute(n));
        for op in Op::ALL {
            let wave = (n % 60 * 40).cast_unsigned();
            Outcome::ERRORS
                .iter()
                .for_each(|(outcome, _)| monitor.operation(*op).finished(*outcome, wave, wave));
        }
        monitor.add(ids::MESSAGES_STORED, (n * 977 % 50_000).cast_unsigned());
        monitor.observe(ids::BATCH_SYNC, (n % 77 * 31).cast_unsigned());
        monitor.set(ids::CONNECTIONS_OPEN, (n * 7919 % 16_000).cast_unsigned());
        monitor.set(ids::TAIL_BYTES, (n * 1_000_003 % 64_000_000).cast_unsigned());
    }
    let page = monitor.curves_page("north", "", Window::Day, minute(1_440));
    println!("bytes of a full day: {}", page.len());
    assert!(page.len() < 256 * 1024);
}
