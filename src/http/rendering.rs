//! For whom the answer to a single request is rendered, by its headers. A request is not greeted, so it says so each time.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use highwater_wire::Refusal;

use crate::sync::{Locale, Rendering, levels::LEVEL_MIN};

/// Header that names the level which the client speaks; the lowest without it, so that what was written before there were
/// levels is served as ever.
const LEVEL_HEADER: &str = "x-highwater-level";

/// The level and the language that a request asks for.
///
/// # Errors
/// When the level is no number above 0.
pub fn of(headers: &HeaderMap) -> Result<Rendering, Refusal> {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let locale = Locale::accepted(accepted.unwrap_or_default());
    let level = match headers.get(LEVEL_HEADER) {
        None => Some(u32::from(LEVEL_MIN)),
        Some(level) => level.to_str().ok().and_then(|level| level.parse().ok()),
    };
    level.and_then(|level| Rendering::new(level, locale)).ok_or(Refusal::InvalidField)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn level_and_language_come_from_the_headers() {
        let rendering = |level, locale| Some(Rendering { level, locale });
        for (level, language, expected) in [
            (None, None, rendering(1, Locale::English)),
            (Some("1"), Some("zh-CN,zh;q=0.9"), rendering(1, Locale::Chinese)),
            (Some("3"), Some("de"), rendering(3, Locale::English)),
            (Some("99"), None, rendering(3, Locale::English)),
            (Some("0"), None, None),
            (Some("-1"), None, None),
            (Some("two"), None, None),
            (Some(""), None, None),
        ] {
            let mut headers = HeaderMap::new();
            let mut put = |name: HeaderName, value: Option<&'static str>| {
                value.map(|value| headers.insert(name, HeaderValue::from_static(value)));
            };
            put(HeaderName::from_static(LEVEL_HEADER), level);
            put(ACCEPT_LANGUAGE, language);
            assert_eq!(of(&headers).ok(), expected, "{level:?} {language:?}");
        }
    }
}
