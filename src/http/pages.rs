//! The plain chat page at `/`, embedded in the binary, and what it asks of the server before anybody signs in.

use actix_web::{HttpResponse, web};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Path, content type and content of everything that the page loads.
const ASSETS: [(&str, &str, &str); 22] = [
    ("/", HTML, include_str!("../../web/index.html")),
    ("/style.css", STYLE, include_str!("../../web/style.css")),
    ("/app.js", SCRIPT, include_str!("../../web/app.js")),
    ("/account_view.js", SCRIPT, include_str!("../../web/account_view.js")),
    ("/backoff.js", SCRIPT, include_str!("../../web/backoff.js")),
    ("/chats.js", SCRIPT, include_str!("../../web/chats.js")),
    ("/composer_view.js", SCRIPT, include_str!("../../web/composer_view.js")),
    ("/connection.js", SCRIPT, include_str!("../../web/connection.js")),
    ("/days.js", SCRIPT, include_str!("../../web/days.js")),
    ("/group_view.js", SCRIPT, include_str!("../../web/group_view.js")),
    ("/history.js", SCRIPT, include_str!("../../web/history.js")),
    ("/http.js", SCRIPT, include_str!("../../web/http.js")),
    ("/list_view.js", SCRIPT, include_str!("../../web/list_view.js")),
    ("/outbox.js", SCRIPT, include_str!("../../web/outbox.js")),
    ("/refusals.js", SCRIPT, include_str!("../../web/refusals.js")),
    ("/replica.js", SCRIPT, include_str!("../../web/replica.js")),
    ("/session.js", SCRIPT, include_str!("../../web/session.js")),
    ("/snapshot.js", SCRIPT, include_str!("../../web/snapshot.js")),
    ("/status_view.js", SCRIPT, include_str!("../../web/status_view.js")),
    ("/sync.js", SCRIPT, include_str!("../../web/sync.js")),
    ("/thread_view.js", SCRIPT, include_str!("../../web/thread_view.js")),
    ("/ticks.js", SCRIPT, include_str!("../../web/ticks.js")),
];

/// What everybody may know of the server: `GET /v1/server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct About {
    /// Who may make an account: `open`, `invite` or `closed`.
    pub registration: &'static str,
    /// The server runs for trying it out.
    pub dev: bool,
}

/// Adds the page, what it loads, and `GET /v1/server`.
pub fn configure(about: impl Fn() -> About + Clone + 'static) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        for (path, content_type, content) in ASSETS {
            config.route(path, web::get().to(move || asset(content_type, content)));
        }
        let answer = move || {
            let about = about();
            async move { HttpResponse::Ok().json(about) }
        };
        config.route("/v1/server", web::get().to(answer));
    }
}

async fn asset(content_type: &'static str, content: &'static str) -> HttpResponse {
    super::headers::of_page(&mut HttpResponse::Ok()).content_type(content_type).body(content)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{App, test};

    use super::*;

    fn paths() -> Vec<&'static str> {
        ASSETS.iter().map(|(path, ..)| *path).collect()
    }

    #[test]
    async fn everything_that_is_imported_is_served() {
        let mut imports = 0;
        for (path, _, content) in ASSETS {
            for name in content.split("from './").skip(1) {
                let name = name.split('\'').next().unwrap();
                assert!(paths().contains(&format!("/{name}").as_str()), "{path} imports {name}");
                imports += 1;
            }
        }
        assert!(imports > 20, "only {imports} imports were seen");
    }

    #[test]
    async fn everything_in_the_directory_is_served() {
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/web")).unwrap() {
            let file = file.unwrap();
            // The operator's pages have a directory of their own, and are served by `operator_pages`.
            if file.file_type().unwrap().is_dir() {
                continue;
            }
            let name = file.file_name().into_string().unwrap();
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            assert!(paths().contains(&path.as_str()), "web/{name} is not among the assets");
        }
    }

    #[test]
    async fn the_page_keeps_what_the_content_security_policy_demands() {
        let (_, _, html) = ASSETS[0];
        for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "<script>"] {
            assert!(!html.contains(inline), "inline: {inline}");
        }
        for (path, _, content) in ASSETS {
            for unsafe_sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!content.contains(unsafe_sink), "{path} uses {unsafe_sink}");
            }
        }
    }

    #[test]
    async fn the_page_and_the_facts_are_answered() {
        let about = || About { registration: "invite", dev: true };
        let app = test::init_service(App::new().configure(configure(about))).await;
        let request = test::TestRequest::get().uri("/app.js").to_request();
        let response = test::call_service(&app, request).await;
        assert_eq!(response.headers().get("content-type").unwrap(), SCRIPT);
        let request = test::TestRequest::get().uri("/v1/server").to_request();
        let body = test::call_and_read_body(&app, request).await;
        assert_eq!(body, r#"{"registration":"invite","dev":true}"#);
    }
}
