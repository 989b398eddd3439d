//! Mail on the operator's port: whether it arrives.

use actix_web::{HttpRequest, HttpResponse, web};
use highwater_wire::Refusal;
use serde_json::json;

use super::operator::{Operator, refused, refused_since, refused_with};
use crate::actors::mailer::Answered;

/// `POST /v1/mail/test`: writes to all who are written to, and says what the mail server answered of each.
pub(super) async fn try_out(operator: web::Data<Operator>, http: HttpRequest) -> HttpResponse {
    if let Err(refusal) = operator.authorise(&http) {
        return refused(refusal);
    }
    let Some(mailer) = operator.mailer.clone() else {
        return refused_since(Refusal::MailOff, "no mail server is set: [mail]");
    };
    match web::block(move || mailer.try_out()).await {
        Ok(Some(outcomes)) => said(&outcomes),
        Ok(None) => refused_since(Refusal::MailOff, "a mail is being tried out"),
        // A panic in there was logged.
        Err(_) => refused(Refusal::Internal),
    }
}

/// 200 if all were taken, else 502 with what the server said of those that were not.
fn said(outcomes: &[Answered]) -> HttpResponse {
    let told = |(to, answer): &Answered| match answer {
        Ok(says) => json!({ "to": to, "taken": true, "answer": says }),
        Err(fault) => json!({ "to": to, "taken": false, "answer": fault.says }),
    };
    let mails: Vec<_> = outcomes.iter().map(told).collect();
    let faults = outcomes.iter().filter_map(|(to, answer)| Some((to, answer.as_ref().err()?)));
    let faults: Vec<String> = faults.map(|(to, fault)| format!("{to}: {fault}")).collect();
    if faults.is_empty() {
        return HttpResponse::Ok().json(json!({ "mails": mails }));
    }
    refused_with(Refusal::MailNotTaken, json!({ "message": faults.join("; "), "mails": mails }))
}
