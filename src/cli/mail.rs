//! `highwater admin mail test`: whether mail arrives.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    ServerFlags,
    admin::AdminFault,
    operator_port::{OperatorFault, OperatorPort},
};

/// The command.
#[derive(Debug, Subcommand)]
pub(super) enum MailNamed {
    /// Mail to operators.
    Mail {
        #[command(subcommand)]
        act: MailAct,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum MailAct {
    /// Write to all who are told of alarms, and say what the mail server answered.
    Test {
        #[command(flatten)]
        server: ServerFlags,
    },
}

impl From<MailNamed> for ServerFlags {
    fn from(MailNamed::Mail { act: MailAct::Test { server } }: MailNamed) -> ServerFlags {
        server
    }
}

/// Has mails sent, and says of each what the mail server answered.
pub(super) fn try_out(port: &OperatorPort) -> Result<String, AdminFault> {
    Ok(listing(&port.ask("/v1/mail/test", &json!({}))?)?)
}

fn listing(answer: &Value) -> Result<String, OperatorFault> {
    let mails = answer["mails"].as_array();
    let mails = mails.ok_or_else(|| OperatorFault::Answer("it names no mails".to_owned()))?;
    let text = |mail: &Value, key: &str| mail[key].as_str().unwrap_or_default().to_owned();
    let lines = mails.iter().map(|mail| format!("{}: {}", text(mail, "to"), text(mail, "answer")));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mail_is_a_line() {
        let answer = json!({ "mails": [{ "to": "a@b.example", "taken": true, "answer": "250 queued" }] });
        assert_eq!(listing(&answer).ok().as_deref(), Some("a@b.example: 250 queued"));
        assert!(listing(&json!({})).is_err());
    }
}
