//! Named operators from outside: made, proven, taken back.

use highwater_wire::Refusal;

use super::{Accounts, secret_hash};
use crate::{
    logic::operation::{OperatorChange, Request},
    model::{NamedOperator, OperatorRole, Operators, operator::is_operator_name},
    store::secrets::OPERATOR_TOKEN_PREFIX,
};

impl Accounts {
    /// Makes an operator, whose token is told once.
    ///
    /// # Errors
    /// `InvalidField`, `OperatorNameTaken`, `TooManyOperators`, or that nothing can be written now.
    pub async fn make_operator(&self, name: String, role: OperatorRole) -> Result<String, Refusal> {
        if !is_operator_name(&name) {
            return Err(Refusal::InvalidField);
        }
        let token = self.secret(OPERATOR_TOKEN_PREFIX);
        let created = self.services.clock.now();
        let operator = NamedOperator { name, role, token: secret_hash(&token), created };
        self.decide(Request::Operator(OperatorChange::Make(operator))).await?;
        Ok(token)
    }

    /// Every named operator, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn operators(&self) -> Result<Operators, Refusal> {
        self.services.readers.ask(|view| view.operators()).await
    }

    /// Takes an operator back: whatever comes with the token after the answer is refused.
    ///
    /// # Errors
    /// `NoSuchOperator`, or that nothing can be written now.
    pub async fn revoke_operator(&self, name: String) -> Result<(), Refusal> {
        if self.operators().await?.named(&name).is_none() {
            return Err(Refusal::NoSuchOperator);
        }
        self.decide(Request::Operator(OperatorChange::Revoke(name))).await.map(drop)
    }

    /// The operator of a token.
    ///
    /// # Errors
    /// `InvalidOperatorToken`, or that the store cannot be read now.
    pub async fn prove_operator(&self, token: &str) -> Result<NamedOperator, Refusal> {
        let hash = secret_hash(token);
        let found = self.services.readers.ask(move |view| Ok(view.operators()?.of_token(&hash).cloned()));
        found.await?.ok_or(Refusal::InvalidOperatorToken)
    }
}
