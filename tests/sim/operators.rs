//! Named operators: made and taken back among everything else; whoever reads finds those that are durable, over crashes and
//! older copies, and a name is one operator's.

use highwater::{
    logic::{Request, operation::OperatorChange},
    model::{NamedOperator, OperatorRole},
    store::view::View,
};

use crate::{operations::Ticket, world::World};

/// Names of operators: few, so that one is asked for again while it is there.
const NAMES: usize = 3;

impl World {
    /// An operator is made or taken back; at times both at once, and at times one that there is, or is not.
    pub fn change_operators(&mut self) {
        for _ in 0..1 + self.any(2) {
            let name = format!("op{}", self.any(NAMES));
            let change = if self.random.one_in(3) {
                OperatorChange::Revoke(name)
            } else {
                OperatorChange::Make(NamedOperator {
                    name,
                    role: OperatorRole::ALL[self.any(OperatorRole::ALL.len())],
                    token: std::array::from_fn(|_| self.random.next_u64() as u8),
                    created: self.now,
                })
            };
            self.submit(Request::Operator(change), Ticket::Other);
        }
    }

    /// A name was refused as taken: it is, or was when it was decided.
    pub fn operator_refused(&mut self, request: &Request, has_changed: bool) {
        let Request::Operator(OperatorChange::Make(operator)) = request else {
            panic!("no operator was made")
        };
        let is_taken = self.oracle.operators.named(&operator.name).is_some();
        assert!(is_taken || has_changed, "an operator's name was refused that nobody has");
        self.counts.saw("operator refused");
    }

    /// Those who are shown are those that are durable, to the token.
    pub fn check_operators(&mut self, view: &View) {
        let shown = view.operators().unwrap_or_else(|fault| panic!("G1: {fault}"));
        assert_eq!(shown, self.oracle.operators, "G1: other operators are shown than were made");
        if !shown.0.is_empty() {
            self.counts.saw("operators read");
        }
    }
}
