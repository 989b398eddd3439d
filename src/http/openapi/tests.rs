#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::logic::operators::Access;

#[test]
fn each_route_has_one_operation_with_its_verb_path_and_role_and_there_is_no_other() {
    let document = document();
    let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let operations = methods.as_object().unwrap().iter();
        operations.map(move |(method, operation)| {
            let role = operation["x-highwater-role"].as_str().unwrap().to_owned();
            (format!("{} {path}", method.to_uppercase()), role)
        })
    });
    let described: Vec<(String, String)> = described.collect();
    let table = OperatorRoute::ALL.iter().map(|route| {
        let row = route.row();
        (row.name.to_owned(), role_name(&row).to_owned())
    });
    let table: BTreeSet<(String, String)> = table.collect();
    assert_eq!(described.len(), OperatorRoute::ALL.len());
    assert_eq!(described.into_iter().collect::<BTreeSet<_>>(), table);
}

#[test]
fn who_needs_a_token_is_told_so_and_what_is_refused_has_its_number() {
    let document = document();
    for route in OperatorRoute::ALL {
        let row = route.row();
        let operation = &document["paths"][row.path()][method(row.verb)];
        assert_eq!(operation["operationId"], format!("{route:?}"));
        let is_open = operation["security"].as_array().unwrap().is_empty();
        assert_eq!(is_open, row.access == Access::Anybody, "{}", row.name);
        assert_eq!(operation["responses"].get("401").is_some(), !is_open || *route == OperatorRoute::Setup);
        assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{}", row.name);
        for refusal in super::operation(*route).refused(&row) {
            let codes = &operation["responses"][refusal.http_status().to_string()]["content"]["application/json"]
                ["schema"]["allOf"][1]["properties"]["code"]["enum"];
            assert!(codes.as_array().unwrap().contains(&json!(refusal.code())), "{}: {codes}", row.name);
        }
    }
}

#[test]
fn every_body_is_an_object_that_names_its_fields_once() {
    for route in OperatorRoute::ALL {
        match super::operation(*route).body {
            None => {}
            Some(Schema::Object(fields)) => {
                let names: BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
                assert_eq!(names.len(), fields.len(), "{route:?}");
                assert_ne!(route.row().verb, Verb::Get, "{route:?}");
            }
            Some(other) => panic!("{route:?} takes {other:?}"),
        }
    }
}

#[test]
fn a_value_is_judged_as_its_schema_says() {
    const WORD: Schema = Schema::Word(&["a", "b"]);
    const PAIR: Schema = Schema::Object(&[
        schema::must("n", Schema::Integer { least: -1, most: u64::MAX }),
        schema::may("w", WORD),
    ]);
    const DIGIT: Schema =
        Schema::Pattern { pattern: "^[0-9]$", fits: |text| matches!(text.as_bytes(), [b'0'..=b'9']) };
    for (schema, value, fits) in [
        (PAIR, json!({ "n": -1 }), true),
        (PAIR, json!({ "n": u64::MAX, "w": "b" }), true),
        (PAIR, json!({ "n": -2 }), false),
        (PAIR, json!({ "n": 1.0 }), false),
        (PAIR, json!({ "n": "1" }), false),
        (PAIR, json!({ "n": 1, "w": null }), false),
        (PAIR, json!({ "n": 1, "w": "c" }), false),
        (PAIR, json!({ "n": 1, "x": 1 }), false),
        (PAIR, json!({ "w": "a" }), false),
        (PAIR, json!([1]), false),
        (PAIR, json!(null), false),
        (Schema::Integer { least: 3, most: 5 }, json!(5), true),
        (Schema::Integer { least: 3, most: 5 }, json!(2), false),
        (Schema::Integer { least: 3, most: 5 }, json!(6), false),
        (Schema::Nullable(&WORD), json!(null), true),
        (Schema::Nullable(&WORD), json!("c"), false),
        (Schema::Either(&[WORD, Schema::Bool]), json!(true), true),
        (Schema::Either(&[WORD, Schema::Bool]), json!(1), false),
        (Schema::List { of: &WORD, least: 0, most: 2 }, json!(["a", "b"]), true),
        (Schema::List { of: &WORD, least: 0, most: 2 }, json!(["a", "b", "a"]), false),
        (Schema::List { of: &WORD, least: 1, most: 2 }, json!([]), false),
        (Schema::List { of: &WORD, least: 0, most: 2 }, json!(["a", "c"]), false),
        (Schema::List { of: &WORD, least: 0, most: 2 }, json!({}), false),
        (Schema::Map(&Schema::Bool), json!({ "x": true }), true),
        (Schema::Map(&Schema::Bool), json!({ "x": 1 }), false),
        (Schema::Text { least: 1, most: 2 }, json!("äö"), true),
        (Schema::Text { least: 1, most: 2 }, json!(""), false),
        (Schema::Text { least: 1, most: 2 }, json!("abc"), false),
        (DIGIT, json!("7"), true),
        (DIGIT, json!("77"), false),
        (Schema::Any, json!(null), true),
    ] {
        assert_eq!(schema.check(&value).is_ok(), fits, "{value} {schema:?}");
    }
    // 7.0 is 7, where a whole number belongs.
    for (given, written) in [
        (json!(1.0), Some(json!(1))),
        (json!(-1.0), Some(json!(-1))),
        (json!(1.5), None),
        (json!(1e300), None),
        (json!(u64::MAX as f64), None),
    ] {
        let mut value = json!({ "n": given, "w": "a" });
        PAIR.write_whole(&mut value);
        assert_eq!(
            (PAIR.check(&value).is_ok(), &value["n"]),
            (written.is_some(), written.as_ref().unwrap_or(&given))
        );
    }
    // Where it is wrong is said, and not what stands there.
    const SAID: Schema = Schema::Object(&[schema::must("l", Schema::List { of: &PAIR, least: 0, most: 9 })]);
    let wrong = SAID.check(&json!({ "l": [{ "n": 1 }, { "n": 1, "w": "secret" }] })).unwrap_err();
    assert_eq!(wrong, "l[1].w is not one of a, b");
    assert_eq!(
        SAID.check(&json!({ "secret": 1 })).unwrap_err(),
        "the body has an unknown field; it may have: l"
    );
}
