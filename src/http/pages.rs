//! The plain chat page at `/`, embedded in the binary.

use actix_web::{HttpResponse, web};

const INDEX: &str = include_str!("../../web/index.html");
const SCRIPT: &str = include_str!("../../web/app.js");
const STYLE: &str = include_str!("../../web/style.css");

/// Adds the page and what it loads.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(|| asset("text/html; charset=utf-8", INDEX)))
        .route("/app.js", web::get().to(|| asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/style.css", web::get().to(|| asset("text/css; charset=utf-8", STYLE)));
}

async fn asset(content_type: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).body(body)
}
