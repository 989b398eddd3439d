#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{fs, path::Path};

use actix_web::{App, http::StatusCode, test};

use super::*;
use crate::http::headers::CONTENT_SECURITY_POLICY;

#[test]
async fn what_has_a_hash_in_its_name_is_kept_and_the_first_page_is_asked_for_again() {
    let app = App::new().wrap(headers::safe()).route(
        "/{name:.*}",
        web::get().to(|name: web::Path<String>| async move { answer(&name, Cow::Borrowed(b"x")) }),
    );
    let app = test::init_service(app).await;
    for (name, kind, kept) in [
        ("index.html", "text/html; charset=utf-8", "no-store"),
        ("assets/index-1a2b.js", "text/javascript; charset=utf-8", CACHED_FOR_GOOD),
        ("assets/index-1a2b.css", "text/css; charset=utf-8", CACHED_FOR_GOOD),
        ("assets/mark.svg", "image/svg+xml", CACHED_FOR_GOOD),
        ("assets/odd", "application/octet-stream", CACHED_FOR_GOOD),
    ] {
        let request = test::TestRequest::get().uri(&format!("/{name}")).to_request();
        let response = test::call_service(&app, request).await;
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("content-type").as_deref(), Some(kind), "{name}");
        assert_eq!(header("cache-control").as_deref(), Some(kept), "{name}");
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{name}");
        assert_eq!(header("content-security-policy").as_deref(), Some(CONTENT_SECURITY_POLICY), "{name}");
    }
    for forbidden in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*"] {
        assert!(!CONTENT_SECURITY_POLICY.contains(forbidden), "{forbidden}");
    }
    assert!(CONTENT_SECURITY_POLICY.contains("frame-ancestors 'none'"));
}

#[test]
async fn what_is_not_in_the_bundle_is_not_found() {
    let app = test::init_service(App::new().route("/assets/{name}", web::get().to(asset))).await;
    for path in ["/assets/nothing.js", "/assets/..%2findex.html", "/assets/%2e%2e%2f%2e%2e%2fpackage.json"] {
        let request = test::TestRequest::get().uri(path).to_request();
        assert_eq!(test::call_service(&app, request).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// Where it was built: the first page names what it loads, all of it is there, and nothing stands inline.
#[test]
async fn the_bundle_keeps_what_the_content_security_policy_demands() {
    let Some(first) = Bundle::get("index.html") else {
        println!("skipped: the bundle was not built before this test was compiled");
        return;
    };
    let html = String::from_utf8(first.data.into_owned()).unwrap();
    let named: Vec<&str> =
        html.split("=\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(named.len() >= 2, "a script and a style: {html}");
    for name in named {
        assert!(Bundle::get(&format!("{HASHED}{name}")).is_some(), "{name}");
    }
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "<script>"] {
        assert!(!html.contains(inline), "inline: {inline}");
    }
}

/// No text of a user is ever taken for markup, and no style stands in markup.
#[test]
async fn the_sources_of_the_pages_have_no_way_to_take_a_text_for_markup() {
    let mut seen = 0;
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("web/operator/src")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for sink in [
                "@html",
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                " style=\"",
            ] {
                assert!(!text.contains(sink), "{} uses {sink}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} sources were seen");
}
