//! What somebody may have meant who named an unknown setting.

use super::{fault::ConfigError, settings::SETTINGS, sources::Source};

/// Edits up to which a known name is suggested for an unknown one.
const SUGGESTION_EDITS_MAX: usize = 4;

pub(super) fn unknown_key(place: Source, name: &str, section: bool) -> ConfigError {
    let nearest = if section {
        nearest(
            name,
            SETTINGS.iter().map(|s| s.key.split_once('.').map_or(s.key, |(head, _)| head).to_owned()),
        )
    } else {
        nearest(name, SETTINGS.iter().map(|s| s.key.to_owned()))
    };
    ConfigError::Unknown { place, name: name.to_owned(), nearest }
}

/// The known name that is a few edits away, or has the same last part in another section.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |known: &String| {
        if last(known) == last(name) { 0 } else { edits(name, known) }
    };
    let (edits, known) = known.map(|known| (distance(&known), known)).min_by_key(|(edits, _)| *edits)?;
    (edits <= SUGGESTION_EDITS_MAX && edits < name.len() / 2).then_some(known)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
