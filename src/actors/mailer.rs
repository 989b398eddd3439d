//! Mail to operators: makes of a letter a mail that is recognised when it comes twice, and hands it over, one by one, to
//! those who are written to.

use std::time::{Duration, UNIX_EPOCH};

pub use lettre::{Address, address::AddressError};
use lettre::{
    Message,
    address::Envelope,
    message::{
        Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::smtp::{HandOver, SmtpFault};
use crate::{
    model::{Clock, record::SecretHash},
    monitor::{alarms::Letter, reports::Picture},
};

/// See the module.
pub struct Mailer {
    hand_over: HandOver,
    from: Address,
    to: Vec<Address>,
    /// What the server is called in subjects; may be empty.
    name: String,
    /// Tells mails of this server from those of others.
    salt: SecretHash,
    clock: Clock,
    /// One mail is tried out at a time.
    trying_out: Mutex<()>,
}

/// A mail as it goes over the wire.
pub struct Mail(Vec<u8>);

/// Who was written to, and what the mail server said.
pub type Answered = (String, Result<String, SmtpFault>);

/// What became of a mail for one of those who are written to.
pub struct Outcome<'a> {
    /// Who.
    pub to: &'a Address,
    /// What the mail server said.
    pub answer: Result<String, SmtpFault>,
}

/// Who writes to whom.
pub struct Correspondents {
    /// Who writes.
    pub from: Address,
    /// To whom; at least one.
    pub to: Vec<Address>,
    /// What the server is called in subjects; may be empty.
    pub name: String,
}

const IS_MAIL: &str = "a mail with who writes, to whom, and a text is always one";

/// Where a picture of a mail lies, for the HTML of the same mail.
#[must_use]
pub fn picture_address(picture: &Picture) -> String {
    format!("cid:{}", content_id(picture))
}

fn content_id(picture: &Picture) -> String {
    format!("{}@highwater", picture.name)
}

impl Mailer {
    /// Writes by `hand_over`. `salt` is the same for as long as the data of a server, and another for every other server.
    #[must_use]
    pub fn new(hand_over: HandOver, who: Correspondents, salt: SecretHash, clock: Clock) -> Mailer {
        let Correspondents { from, to, name } = who;
        assert!(!to.is_empty(), "mail is for somebody");
        Mailer { hand_over, from, to, name, salt, clock, trying_out: Mutex::new(()) }
    }

    /// To whom it is written.
    #[must_use]
    pub fn recipients(&self) -> &[Address] {
        &self.to
    }

    /// What the server is called; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A letter as a mail. The same letter has the same Message-ID, so that a mail that comes twice is shown once.
    #[must_use]
    pub fn written(&self, letter: &Letter) -> Mail {
        let mail = self.headed(letter).header(ContentType::TEXT_PLAIN).body(letter.text.clone());
        Mail(mail.expect(IS_MAIL).formatted())
    }

    /// A letter as a mail with pictures: for whoever reads HTML, `html`, which names each picture by [`picture_address`]; for
    /// everybody else the text of the letter.
    #[must_use]
    pub fn written_with(&self, letter: &Letter, html: String, pictures: &[Picture]) -> Mail {
        let png = ContentType::parse("image/png").expect("a type with a slash is always one");
        let mut related = MultiPart::related().singlepart(SinglePart::html(html));
        for picture in pictures {
            let named = Attachment::new_inline(content_id(picture));
            related = related.singlepart(named.body(picture.png.clone(), png.clone()));
        }
        let plain = SinglePart::plain(letter.text.clone());
        let both = MultiPart::alternative().singlepart(plain).multipart(related);
        Mail(self.headed(letter).multipart(both).expect(IS_MAIL).formatted())
    }

    fn headed(&self, letter: &Letter) -> MessageBuilder {
        let mailbox = |address: &Address| Mailbox::new(None, address.clone());
        let to = self.to.iter().map(mailbox);
        let called = if self.name.is_empty() { String::new() } else { format!(" {}", self.name) };
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(self.clock.now().0).unwrap_or_default());
        let builder = to.fold(Message::builder().from(mailbox(&self.from)), |builder, to| builder.to(to));
        builder
            .subject(format!("[Highwater{called}] {}", letter.subject))
            .message_id(Some(self.message_id(letter)))
            .date(now)
            // Nobody's absence is to be told to an alarm: RFC 3834, 5.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
    }

    /// Hands a mail over for each who is left, and takes those off of whom it was taken. When the server is not heard of, the
    /// others are not tried.
    pub fn hand_over(&self, mail: &Mail, left: &mut Vec<Address>, mut tell: impl FnMut(Outcome<'_>)) {
        let mut is_reached = true;
        left.retain(|to| {
            if !is_reached {
                return true;
            }
            let envelope = Envelope::new(Some(self.from.clone()), vec![to.clone()]);
            let answer = (self.hand_over)(&envelope.expect("it is for somebody"), &mail.0);
            let is_left = answer.is_err();
            is_reached = answer.as_ref().err().is_none_or(|fault| fault.is_answer);
            tell(Outcome { to, answer });
            is_left
        });
    }

    /// Writes to all that mail arrives, and answers what the server said of each, with whether it took the mail; `None` if
    /// that is being done already. Blocks.
    #[must_use]
    pub fn try_out(&self) -> Option<Vec<Answered>> {
        let _one = self.trying_out.try_lock()?;
        let letter = Letter {
            subject: "a mail to see that mail arrives".to_owned(),
            text: "Somebody asked this server for a mail. Alarms come the same way.\n".to_owned(),
            identity: format!("try_out {}", self.clock.now().0),
        };
        let (mail, mut outcomes) = (self.written(&letter), Vec::new());
        self.hand_over(&mail, &mut self.to.clone(), |outcome| {
            outcomes.push((outcome.to.to_string(), outcome.answer));
        });
        Some(outcomes)
    }

    fn message_id(&self, letter: &Letter) -> String {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(letter.identity.as_bytes());
        let hex: String = hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("<{hex}@{}>", self.from.domain())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex as StdMutex};

    use super::*;

    type Said = fn(&str) -> Result<String, SmtpFault>;

    /// A mailer for three, a list of those that it tried, and what it is answered.
    fn mailer(said: Said, salt: u8) -> (Mailer, Arc<StdMutex<Vec<String>>>) {
        let tried = Arc::<StdMutex<Vec<String>>>::default();
        let shared = Arc::clone(&tried);
        let hand_over: HandOver = Arc::new(move |envelope, _| {
            let to: Vec<String> = envelope.to().iter().map(ToString::to_string).collect();
            shared.lock().unwrap().extend(to.clone());
            said(&to[0])
        });
        let address = |text: &str| text.parse::<Address>().unwrap();
        let to = ["a@b.example", "c@d.example", "e@f.example"].map(address).to_vec();
        let who = Correspondents { from: address("hw@chat.example"), to, name: String::new() };
        let clock = Clock::new(|| 1_763_784_000_000, || 0);
        (Mailer::new(hand_over, who, [salt; 32], clock), tried)
    }

    fn fault(is_answer: bool) -> Result<String, SmtpFault> {
        Err(SmtpFault { says: "no".to_owned(), is_answer, may_be_taken: false })
    }

    fn letter(identity: &str) -> Letter {
        Letter { subject: "s".to_owned(), text: "t\n".to_owned(), identity: identity.to_owned() }
    }

    #[test]
    fn who_is_refused_is_left_and_when_nothing_is_heard_the_others_are_not_tried() {
        let (refusing, tried) =
            mailer(|to| if to == "a@b.example" { fault(true) } else { Ok(String::new()) }, 1);
        let mail = refusing.written(&letter("x"));
        let mut left = refusing.recipients().to_vec();
        refusing.hand_over(&mail, &mut left, |_| {});
        assert_eq!(left, refusing.recipients()[..1], "the others have it");
        refusing.hand_over(&mail, &mut left, |_| {});
        assert_eq!(*tried.lock().unwrap(), ["a@b.example", "c@d.example", "e@f.example", "a@b.example"]);
        let (silent, tried) =
            mailer(|to| if to == "c@d.example" { fault(false) } else { Ok(String::new()) }, 1);
        let mut left = silent.recipients().to_vec();
        silent.hand_over(&silent.written(&letter("x")), &mut left, |_| {});
        assert_eq!(left, silent.recipients()[1..]);
        assert_eq!(*tried.lock().unwrap(), ["a@b.example", "c@d.example"]);
    }

    #[test]
    fn a_letter_has_one_message_id_on_one_server() {
        let id = |salt, identity: &str| {
            let mail = mailer(|_| fault(true), salt).0.written(&letter(identity)).0;
            let text = String::from_utf8(mail).unwrap();
            text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned()
        };
        assert_eq!(id(1, "x"), id(1, "x"));
        assert_ne!(id(1, "x"), id(1, "y"));
        assert_ne!(id(1, "x"), id(2, "x"), "another server's");
    }
}
