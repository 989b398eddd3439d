//! Devices that were ended, by another device of the user, by the operator, or with their user: from then on they are given
//! nothing.

use std::collections::HashMap;

use crate::asked::Asked;
use crate::findings::{Bucket, Findings};
use crate::history::{Change, Ended, History};
use crate::requests::Request;

/// Notes at each lineage when its device ended, if anybody tried to end it.
pub(crate) fn mark(history: &mut History, requests: &[Request]) {
    let numbers: HashMap<String, usize> =
        history.lineages.iter().enumerate().map(|(number, lineage)| (lineage.name.clone(), number)).collect();
    let by_users = requests.iter().filter_map(|request| match &request.asked {
        // A lineage that wrote nothing at all is none: nothing can have been given to it.
        Asked::End(lineage) if !request.refused => {
            Some((*numbers.get(lineage)?, Ended { begun: request.begun, done: request.done }))
        }
        _ => None,
    });
    let by_operator = history.operator_ends.iter();
    let by_operator = by_operator.map(|end| (end.lineage as usize, Ended { begun: end.t, done: end.done }));
    let by_erasure = history.erasures.iter().flat_map(|erasure| {
        let own = history.lineages.iter().enumerate().filter(|(_, lineage)| lineage.user == erasure.user);
        own.map(|(number, _)| (number, Ended { begun: erasure.t, done: erasure.done }))
    });
    let ends: Vec<(usize, Ended)> = by_users.chain(by_operator).chain(by_erasure).collect();
    for (number, end) in ends {
        let ended = history.lineages[number].ended.get_or_insert(end);
        ended.begun = ended.begun.min(end.begun);
        ended.done = [ended.done, end.done].into_iter().flatten().min();
    }
}

/// Reports each answer that was given to a request begun after the end of the device (leaked), whatever it holds. An
/// answer that was on its way may still come.
pub(crate) fn judge(history: &History, findings: &mut Findings) {
    for lineage in &history.lineages {
        let Some(done) = lineage.ended.and_then(|ended| ended.done) else {
            continue;
        };
        for step in &lineage.steps {
            let Change::Apply(apply) = &step.change else { continue };
            if apply.flags.asked_at.is_some_and(|asked| asked > done) {
                findings.report(Bucket::Leaked, step.at, || {
                    format!("{} asked after its device had ended, and was answered", lineage.name)
                });
            }
        }
    }
}
