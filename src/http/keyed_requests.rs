//! Requests of API keys: the same frames, asked by a program for a user whom a header names.

use actix_web::HttpRequest;
use highwater_wire::{Refusal, proto};
use proto::{client_frame::Request, server_frame::Body};

use super::{explain::account_of, rendering, requests::Client};
use crate::{
    actors::user,
    logic::{
        Principal,
        api_key_scopes::{self, Rule, rule},
        operation::{self, NO_DEVICE, Voucher},
    },
    model::{ApiKey, UserId, api_key::Scope},
};

/// Header that names the user for whom a key acts: an id in decimal, or a name in UTF-8.
pub(super) const ACT_FOR_HEADER: &str = "highwater-act-for";

impl Client {
    /// Answers what a key asks.
    pub(super) async fn answer_key(
        &self,
        http: &HttpRequest,
        secret: &str,
        request: Option<Request>,
    ) -> Result<Option<Body>, Refusal> {
        let key = self.accounts.prove_api_key(secret).await?;
        let result = self.answer_proven(http, &key, request).await;
        if let Err(refusal) = result
            && is_of_key(refusal)
        {
            self.accounts.note_refused_use(&key, refusal);
        }
        result
    }

    async fn answer_proven(
        &self,
        http: &HttpRequest,
        key: &ApiKey,
        request: Option<Request>,
    ) -> Result<Option<Body>, Refusal> {
        let request = request.ok_or(Refusal::UnknownRequest)?;
        let rule = rule(&request);
        api_key_scopes::check(key, rule)?;
        if !matches!(rule, Rule::ForUser(_)) && http.headers().contains_key(ACT_FOR_HEADER) {
            // It is for nobody, and who names somebody means something else.
            return Err(Refusal::InvalidField);
        }
        let voucher = Voucher::ApiKey(key.id);
        match (rule, request) {
            (_, Request::CreateUser(create)) => {
                self.accounts.make_user(voucher, create).await.map(Body::User).map(Some)
            }
            (Rule::ForUser(scope), request) => {
                let by = Principal { user: self.acted_for(http, key).await?, device: NO_DEVICE };
                if scope == Scope::Read {
                    return self.answer_user(http, by, rendering::of(http.headers())?, request).await;
                }
                let change = match request {
                    Request::Send(send) => operation::Request::Send(user::message(by, send)?),
                    request => user::change(&self.services, by, &request)?,
                };
                let decided = self.accounts.decide_for(voucher, change).await;
                self.services.link_attempts.note(by.user, self.services.clock.now(), &decided);
                decided.map(user::answer_body).map(Some)
            }
            (_, Request::Heartbeat(_)) => {
                let day = self.services.today().0;
                Ok(Some(Body::Heartbeat(proto::HeartbeatAnswer { day })))
            }
            _ => Err(Refusal::Forbidden),
        }
    }

    /// For whom the key acts in this request.
    async fn acted_for(&self, http: &HttpRequest, key: &ApiKey) -> Result<UserId, Refusal> {
        let named = http.headers().get(ACT_FOR_HEADER).map(|value| std::str::from_utf8(value.as_bytes()));
        let named = named.and_then(Result::ok).map(|named| named.trim().to_owned());
        let named = named.filter(|named| !named.is_empty()).ok_or(Refusal::InvalidField)?;
        let account = self.services.readers.ask(move |view| account_of(view, &named)).await?;
        api_key_scopes::admit(key, account.as_ref())
    }
}

/// Whether a refusal says that the key is not good for what was asked.
fn is_of_key(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Forbidden | Refusal::InvalidApiKey | Refusal::ScopeMissing | Refusal::NotForThisUser
    )
}
