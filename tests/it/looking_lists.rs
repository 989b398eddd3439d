//! Operators look through users and groups: every one once, in order, in pages of any size, also while rows move to the
//! index; and one of them whole. What people announce and what opens a group are not in it.

use std::collections::BTreeSet;

use highwater_wire::{Refusal, proto};
use proto::{Role, client_frame::Request};
use serde_json::{Value, json};

use super::{
    contacts::{block, done},
    group_links::code,
    groups::{create, created, give},
    operators::is_refused,
};
use crate::support::{Home, Server, Wire, eventually};

/// An index that is not far behind.
const CONFIG: &str = "[server]\nworkers = 2\n[storage]\nindex_after_bytes = 4096\n";

async fn told(server: &Server, path: &str, body: &Value) -> String {
    let answer = server.operate("POST", path, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
    answer.text()
}

async fn one(server: &Server, path: &str, body: Value) -> Value {
    serde_json::from_str(&told(server, path, &body).await).unwrap()
}

/// Every page of a list, until there is an empty one.
async fn all(server: &Server, path: &str, mut body: Value, (last, behind): (&str, &str)) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    loop {
        let page = told(server, path, &body).await;
        let lines: Vec<Value> = page.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let Some(end) = lines.last() else { return found };
        assert!(lines.len() <= body["limit"].as_u64().map_or(100, |limit| usize::try_from(limit).unwrap()));
        body[behind] = end[last].clone();
        found.extend(lines);
    }
}

fn texts(found: &[Value], field: &str) -> Vec<String> {
    found.iter().map(|one| one[field].as_str().unwrap().to_owned()).collect()
}

async fn provision(server: &Server, prefix: &str, users: u64) -> BTreeSet<u64> {
    let body = json!({ "users": users, "devices": 1, "prefix": prefix, "first": 1 });
    let made = told(server, "/v1/provision", &body).await;
    let id = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["user_id"].as_str().unwrap().parse().unwrap()
    };
    made.lines().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_user_is_listed_once_by_id_and_by_name() {
    let home = Home::new(CONFIG, &["--dev"]);
    let server = home.start();
    let mut users = provision(&server, "Zoë", 130).await;
    users.extend(provision(&server, "zoe", 3).await);
    let suspend = json!({ "user": "zoë7", "suspended": true }).to_string();
    assert_eq!(server.operate("POST", "/v1/suspend", &suspend).await.status, 204);
    for (name, free_name) in [("Zoë8", false), ("Zoë9", true)] {
        let erase = json!({ "user": name, "free_name": free_name }).to_string();
        assert_eq!(server.operate("POST", "/v1/erase", &erase).await.status, 200);
    }
    let by_id = ("user_id", "behind_user_id");
    let ids =
        |found: &[Value]| texts(found, "user_id").iter().map(|id| id.parse().unwrap()).collect::<Vec<u64>>();
    for limit in [1, 50, 500] {
        let found = all(&server, "/v1/users/list", json!({ "limit": limit }), by_id).await;
        assert_eq!(ids(&found), users.iter().copied().collect::<Vec<u64>>(), "by {limit}");
        let of_state = |state: &str| found.iter().filter(|one| one["state"] == state).count();
        assert_eq!([of_state("active"), of_state("suspended"), of_state("erased")], [130, 1, 2]);
        let erased = found.iter().find(|one| one["state"] == "erased").unwrap();
        let keys: Vec<&String> = erased.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["erased_ms", "state", "user_id"], "of who is erased there is no name");
    }
    // By name: digits are letters, so 10 comes before 2; what is not "ë" is not among them.
    let mut names: Vec<String> =
        (1..=130).filter(|n| ![8, 9].contains(n)).map(|n| format!("Zoë{n}")).collect();
    names.sort_unstable();
    for limit in [1, 60] {
        let body = json!({ "name_prefix": "ZOË", "limit": limit });
        let found = all(&server, "/v1/users/list", body, ("name", "behind_name")).await;
        assert_eq!(texts(&found, "name"), names, "by {limit}");
    }
    // The same after a restart, by the command line, in several requests.
    server.stop();
    let server = home.start();
    let list = |more: &[&str]| {
        let mut command = Home::bare_command();
        command.args(["admin", "users", "list"]).args(more).arg("--data").arg(home.data());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    assert_eq!(ids(&list(&["--limit", "1000"])), users.iter().copied().collect::<Vec<u64>>());
    assert_eq!(
        texts(&list(&["--prefix", "zoë", "--behind", "zoë128", "--limit", "3"]), "name"),
        names[33..36]
    );
    for wrong in [
        json!({ "limit": 0 }),
        json!({ "limit": 501 }),
        json!({ "behind_user_id": "zoe" }),
        json!({ "behind_name": "zoe" }),
        json!({ "name_prefix": "z", "behind_user_id": "1" }),
    ] {
        let answer = server.operate("POST", "/v1/users/list", &wrong.to_string()).await;
        assert!(is_refused(&answer, Refusal::InvalidField), "{wrong}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_told_with_devices_and_counts() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy] = server.people(2).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let hostile = "</script>\"{}\\ \u{1F600}";
    done(
        &mut wire,
        Request::SetProfile(proto::SetProfile {
            display_name: hostile.to_owned(),
            about: "about me".to_owned(),
            avatar: String::new(),
        }),
    )
    .await;
    let group = created(&mut wire, create(1, "Tea", &[bob.user_id, cy.user_id])).await;
    done(&mut wire, block(cy.user_id)).await;
    let told = one(&server, "/v1/users/get", json!({ "user": ann.name })).await;
    assert_eq!(
        (&told["user_id"], &told["state"], &told["display_name"], &told["about"]),
        (&json!(ann.user_id.to_string()), &json!("active"), &json!(hostile), &json!("about me"))
    );
    assert_eq!(
        (&told["groups_owned"], &told["blocked"], &told["has_password"]),
        (&json!(1), &json!(1), &json!(false))
    );
    assert_eq!(told["conversations"], json!({ "two": 0, "groups": 1, "channels": 0, "is_at_least": false }));
    let devices: Vec<u64> = ann.devices.iter().map(|device| device.device_id).collect();
    let told_devices = told["devices"].as_array().unwrap();
    assert_eq!(texts(told_devices, "device_id"), devices.iter().map(u64::to_string).collect::<Vec<_>>());
    let times = ["created_ms", "heard_ms"];
    let is_known = |device: &Value| times.iter().all(|time| device[time].as_i64() > Some(0));
    assert!(told_devices.iter().all(is_known), "{told}");
    assert!(!told.to_string().contains("hwd_"));
    assert_eq!(one(&server, "/v1/users/get", json!({ "user": ann.user_id.to_string() })).await, told);
    let nobody = server.operate("POST", "/v1/users/get", r#"{"user":"nobody"}"#).await;
    assert!(is_refused(&nobody, Refusal::NoSuchUser), "{nobody:?}");
    let erase = json!({ "user": cy.name, "free_name": false }).to_string();
    assert_eq!(server.operate("POST", "/v1/erase", &erase).await.status, 200);
    let erased = one(&server, "/v1/users/get", json!({ "user": cy.user_id.to_string() })).await;
    assert_eq!((&erased["state"], erased.get("name")), (&json!("erased"), None));
    // The groups of who is erased are left one after the other.
    eventually("the group is left", || async {
        let told = one(&server, "/v1/groups/get", json!({ "conversation_id": group.to_string() })).await;
        (told["member_count"] == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_told_with_members_settings_and_doors() {
    let home = Home::dev();
    let server = home.start();
    let [ann, bob, cy, dan] = server.people(1).await;
    let mut wire = Wire::greeted(&server, ann.token()).await;
    let hostile = "Tea \"at\" <b>five</b>";
    let group = created(&mut wire, create(1, hostile, &[bob.user_id, cy.user_id, dan.user_id])).await;
    let other = created(&mut wire, create(2, "Second", &[bob.user_id])).await;
    let secret = code(&mut wire, group, 3, 5).await;
    let announced = "nobody but members may read this";
    for request in [
        give(group, bob.user_id, Role::Admin),
        Request::SetAnnouncement(proto::SetAnnouncement {
            conversation_id: group,
            text: announced.to_owned(),
        }),
        Request::MuteMember(proto::MuteMember { conversation_id: group, user_id: cy.user_id, muted: true }),
        Request::SetApproval(proto::SetApproval { conversation_id: group, approval: true }),
    ] {
        done(&mut wire, request).await;
    }
    let list =
        all(&server, "/v1/groups/list", json!({ "limit": 1 }), ("conversation_id", "behind_conversation_id"))
            .await;
    let mut expected = [group, other].to_vec();
    expected.sort_unstable();
    assert_eq!(texts(&list, "conversation_id"), expected.iter().map(u64::to_string).collect::<Vec<_>>());
    let id = group.to_string();
    let listed = list.iter().find(|one| one["conversation_id"] == id.as_str()).unwrap();
    assert_eq!((&listed["name"], &listed["kind"]), (&json!(hostile), &json!("group")));
    let whole = one(&server, "/v1/groups/get", json!({ "conversation_id": group.to_string() })).await;
    let text = whole.to_string();
    assert!(!text.contains(announced) && !text.contains(&secret), "{whole}");
    assert_eq!((&whole["owner_id"], &whole["member_count"]), (&json!(ann.user_id.to_string()), &json!(4)));
    assert_eq!(
        (&whole["announcement"]["text"], &whole["announcement"]["bytes"]),
        (&json!("hidden"), &json!(announced.len()))
    );
    let door = &whole["door"];
    assert_eq!(
        (&door["approval"], &door["asking"], &door["links"][0]["open"]),
        (&json!(true), &json!(0), &json!(true))
    );
    let of = |user: u64| {
        let members = whole["members"].as_array().unwrap();
        let id = user.to_string();
        members.iter().find(|member| member["user_id"] == id.as_str()).unwrap()
    };
    assert_eq!((&of(bob.user_id)["role"], &of(cy.user_id)["muted"]), (&json!("admin"), &json!(true)));
    // Members in pages.
    let mut members = Vec::new();
    let mut body = json!({ "conversation_id": group.to_string(), "limit": 3 });
    for left_out in [1, 0] {
        let page = one(&server, "/v1/groups/get", body.clone()).await;
        assert_eq!(page["left_out"], left_out);
        members.extend(page["members"].as_array().unwrap().clone());
        body["behind_user_id"] = members.last().unwrap()["user_id"].clone();
    }
    assert_eq!(&members, whole["members"].as_array().unwrap());
    let mut command = Home::bare_command();
    command.args(["admin", "groups", "get", &group.to_string(), "--data"]).arg(home.data());
    let shown: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    assert_eq!(shown, whole);
    let none = server.operate("POST", "/v1/groups/get", r#"{"conversation_id":"77"}"#).await;
    assert!(is_refused(&none, Refusal::NoSuchConversation), "{none:?}");
}
