//! What was counted outlives the process: stopped in order, killed, and started again.

use std::time::{Duration, Instant};

use highwater_wire::proto::send::To;

use crate::support::{Home, Person, Server, Wire, requests};

/// Messages made durable.
const MESSAGES_STORED: u32 = 1010;

/// Within a minute the next one begins, and it is stored within seconds of that.
const MINUTE_DEADLINE: Duration = Duration::from_secs(75);

async fn send(server: &Server, [ann, bob]: &[Person; 2], texts: &[&str]) {
    let mut wire = Wire::greeted(server, ann.token()).await;
    let day = requests::today(&mut wire).await;
    for text in texts {
        requests::sent(&mut wire, requests::send(To::UserId(bob.user_id), day, text)).await;
    }
    wire.close().await;
}

/// The points of an id in a range, the missing ones left out, and how long a step is.
async fn points(server: &Server, query: &str) -> (Vec<i64>, i64) {
    let path = format!("/v1/points?ids={MESSAGES_STORED}&{query}");
    let answer = server.operate("GET", &path, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    let [series] = &answer["series"].as_array().unwrap()[..] else { panic!("one series, not {answer}") };
    assert_eq!(series["name"], "messages.stored");
    let points = series["points"].as_array().unwrap();
    assert_eq!(points.len() as u64, answer["steps"].as_u64().unwrap());
    (points.iter().filter_map(serde_json::Value::as_i64).collect(), answer["step_ms"].as_i64().unwrap())
}

/// From two hours ago to an hour ahead, so that the running minute is among them as far as it was stored.
fn around_now(before_ms: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    format!("from_ms={}&to_ms={}", now - before_ms, now + 3_600_000)
}

async fn sum(server: &Server, before_ms: i64) -> (i64, i64) {
    let (points, step_ms) = points(server, &around_now(before_ms)).await;
    (points.iter().sum(), step_ms)
}

#[actix_web::test]
async fn what_a_stopped_process_counted_is_there_for_the_next_and_for_one_after_a_kill() {
    let home = Home::dev();
    let server = home.start();
    let people = server.people(1).await;
    send(&server, &people, &["one", "two", "three"]).await;
    server.stop();
    let second = home.start();
    assert_eq!(sum(&second, 7_200_000).await.0, 3);
    second.kill();
    let third = home.start();
    assert_eq!(sum(&third, 7_200_000).await.0, 3);
    send(&third, &people, &["four", "five"]).await;
    third.stop();
    let fourth = home.start();
    let day_ms = 86_400_000;
    for (before_ms, step_ms) in [(7_200_000, 60_000), (5 * day_ms, 300_000), (300 * day_ms, 3_600_000)] {
        assert_eq!(sum(&fourth, before_ms).await, (5, step_ms));
    }
    assert_eq!(fourth.operate("GET", "/v1/points?from_ms=9&to_ms=3", "").await.status, 400);
    assert!(!fourth.log().contains("WARN highwater::actors::point_keeper"), "{}", fourth.log());
}

#[actix_web::test]
async fn a_minute_that_has_ended_outlives_a_kill() {
    let home = Home::dev();
    let server = home.start();
    let people = server.people(1).await;
    send(&server, &people, &["one", "two", "three"]).await;
    let began = Instant::now();
    while sum(&server, 600_000).await.0 < 3 {
        assert!(began.elapsed() < MINUTE_DEADLINE, "the minute did not end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Told from memory at once, and stored by the time of the next look at the clock.
    let metric = "highwater_point_rows_stored_total 0";
    while server.operate("GET", "/metrics", "").await.text().contains(metric) {
        assert!(began.elapsed() < MINUTE_DEADLINE, "the minute was not stored");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.kill();
    let after = home.start();
    assert_eq!(sum(&after, 600_000).await.0, 3);
}
