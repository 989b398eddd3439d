//! The languages in which the server itself says something to people, and the few sentences that it says.

/// A language of ours; everything else is English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    English,
    /// Chinese, simplified.
    Chinese,
}

/// What the server has to say in place of something that cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// A message that this device's level has no form for, and that brought no text of its own.
    NotShownHere,
    /// One whose name is not known.
    Somebody,
    /// One whose account was erased.
    DeletedAccount,
    /// A message whose sender was erased.
    DeletedMessage,
    /// What the last entry of an erased sender says.
    AccountDeleted,
}

impl Locale {
    /// Every one.
    pub const ALL: [Locale; 2] = [Locale::English, Locale::Chinese];

    /// The language of a tag such as `zh-Hans-CN` (BCP 47), by its first part.
    #[must_use]
    pub fn of_tag(tag: &str) -> Locale {
        Locale::known(tag).unwrap_or_default()
    }

    /// The language that an `Accept-Language` prefers among ours (RFC 9110, 12.5.4); of two that weigh the same, the first.
    #[must_use]
    pub fn accepted(header: &str) -> Locale {
        let mut preferred = (0, Locale::default());
        for range in header.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight_of(weight);
            if let Some(locale) = Locale::known(tag).filter(|_| weight > preferred.0) {
                preferred = (weight, locale);
            }
        }
        preferred.1
    }

    fn known(tag: &str) -> Option<Locale> {
        let language = tag.trim().split('-').next().unwrap_or_default();
        let is = |known: &str| language.eq_ignore_ascii_case(known);
        match () {
            () if is("en") => Some(Locale::English),
            () if is("zh") => Some(Locale::Chinese),
            () => None,
        }
    }

    /// The sentence. It names nothing of what it stands for.
    #[must_use]
    pub const fn says(self, phrase: Phrase) -> &'static str {
        match (phrase, self) {
            (Phrase::NotShownHere, Locale::English) => "This version of the app cannot show this message.",
            (Phrase::NotShownHere, Locale::Chinese) => {
                "\u{5f53}\u{524d}\u{7248}\u{672c}\u{65e0}\u{6cd5}\u{663e}\u{793a}\u{6b64}\u{6d88}\u{606f}\u{3002}"
            }
            (Phrase::Somebody, Locale::English) => "somebody",
            (Phrase::Somebody, Locale::Chinese) => "\u{67d0}\u{4eba}",
            (Phrase::DeletedAccount, Locale::English) => "deleted account",
            (Phrase::DeletedAccount, Locale::Chinese) => "\u{5df2}\u{6ce8}\u{9500}\u{7528}\u{6237}",
            (Phrase::DeletedMessage, Locale::English) => {
                "This message was deleted with its sender's account."
            }
            (Phrase::DeletedMessage, Locale::Chinese) => {
                "\u{53d1}\u{9001}\u{8005}\u{5df2}\u{6ce8}\u{9500}\u{ff0c}\u{6b64}\u{6d88}\u{606f}\u{5df2}\u{5220}\u{9664}\u{3002}"
            }
            (Phrase::AccountDeleted, Locale::English) => {
                "This account was deleted, with everything it wrote."
            }
            (Phrase::AccountDeleted, Locale::Chinese) => {
                "\u{8be5}\u{8d26}\u{53f7}\u{5df2}\u{6ce8}\u{9500}\u{ff0c}\u{5176}\u{6d88}\u{606f}\u{5df2}\u{5168}\u{90e8}\u{5220}\u{9664}\u{3002}"
            }
        }
    }
}

/// `q=0.75` in thousandths; what cannot be read weighs nothing.
fn weight_of(weight: &str) -> u16 {
    let number = weight.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    let number = number.and_then(|number| number.trim().parse::<f32>().ok());
    // Weights go from 0 to 1; the cast cuts off what lies outside.
    number.map_or(0, |number| (number.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_a_tag_is_its_language() {
        for (tag, locale) in [
            ("", Locale::English),
            ("en", Locale::English),
            ("zh", Locale::Chinese),
            ("ZH-Hans-CN", Locale::Chinese),
            ("zh-TW", Locale::Chinese),
            ("zha", Locale::English),
            ("de-CH", Locale::English),
            ("-zh", Locale::English),
        ] {
            assert_eq!(Locale::of_tag(tag), locale, "{tag}");
        }
    }

    #[test]
    fn the_heaviest_of_ours_is_accepted() {
        for (header, locale) in [
            ("", Locale::English),
            ("*", Locale::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Locale::Chinese),
            ("en-GB, zh;q=0.9", Locale::English),
            ("de, zh;q=0.2, fr;q=0.1", Locale::Chinese),
            ("en;q=0.1, zh ; q=0.2", Locale::Chinese),
            ("zh;q=0, fr", Locale::English),
            ("zh;q=x, en;q=0.1", Locale::English),
            ("zh,en", Locale::Chinese),
            ("en,zh", Locale::English),
            ("zh;q=NaN", Locale::English),
        ] {
            assert_eq!(Locale::accepted(header), locale, "{header}");
        }
    }

    #[test]
    fn every_sentence_is_said_in_every_language() {
        use Phrase::*;
        for phrase in [NotShownHere, Somebody, DeletedAccount, DeletedMessage, AccountDeleted] {
            let said = Locale::ALL.map(|locale| locale.says(phrase));
            assert!(said.iter().all(|sentence| !sentence.is_empty()) && said[0] != said[1]);
        }
    }
}
