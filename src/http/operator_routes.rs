//! The routes of the operator's port, made from the rows of the table, and what answers each.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse, Route,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    middleware::from_fn,
    web,
};
use highwater_wire::Refusal;

use super::{
    accounts, alarms, api_keys, audit, bots, broadcasts, curves, devices, explain, explain_group,
    explain_message, export, group_looks, groups, host_ids, live, mail, messages, openapi,
    operator::{self, refused, refused_since},
    operator_guard, operator_pages, operators, points, reports, settings, users,
};
use crate::logic::operators::{OperatorRoute, Verb};

/// Adds the operator's routes, each behind the guard that knows its row.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut by_path: BTreeMap<&'static str, Vec<OperatorRoute>> = BTreeMap::new();
    for route in OperatorRoute::ALL {
        by_path.entry(route.row().path()).or_default().push(*route);
    }
    for (path, routes) in by_path {
        let allowed: Vec<&str> = routes.iter().map(|route| route.row().verb.name()).collect();
        let allowed = allowed.join(", ");
        let mut resource = web::resource(path);
        for route in routes {
            let guard = from_fn(move |request, next| operator_guard::guard(route, request, next));
            resource = resource.route(handler(route).wrap(guard));
        }
        let other = web::to(move || std::future::ready(takes_no_such_method(&allowed)));
        config.service(resource.default_service(other));
    }
    config.default_service(web::to(|| std::future::ready(refused(Refusal::NotFound))));
}

/// 405, with the methods that the path takes: RFC 9110, 15.5.6.
fn takes_no_such_method(allowed: &str) -> HttpResponse {
    let mut response = refused_since(Refusal::NotFound, format!("this path takes {allowed} alone"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    if let Ok(value) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// What answers a route.
fn handler(route: OperatorRoute) -> Route {
    let verb = match route.row().verb {
        Verb::Get => web::get(),
        Verb::Post => web::post(),
        Verb::Put => web::put(),
    };
    match route {
        OperatorRoute::FirstPage => verb.to(curves::first_page),
        OperatorRoute::Asset => verb.to(operator_pages::asset),
        OperatorRoute::Curves => verb.to(curves::page),
        OperatorRoute::Metrics => verb.to(curves::metrics),
        OperatorRoute::Points => verb.to(points::answer),
        OperatorRoute::Reports => verb.to(reports::answer),
        OperatorRoute::OpenApi => verb.to(openapi::answer),
        OperatorRoute::Setup => verb.to(operator::setup),
        OperatorRoute::Provision => verb.to(operator::provision),
        OperatorRoute::Invite => verb.to(operator::invite),
        OperatorRoute::MakeBot => verb.to(bots::make),
        OperatorRoute::Send => verb.to(bots::send),
        OperatorRoute::MakeApiKey => verb.to(api_keys::make),
        OperatorRoute::ListApiKeys => verb.to(api_keys::list),
        OperatorRoute::RevokeApiKey => verb.to(api_keys::revoke),
        OperatorRoute::EndDevice => verb.to(devices::end),
        OperatorRoute::Export => verb.to(export::of_anybody),
        OperatorRoute::Suspend => verb.to(accounts::suspend),
        OperatorRoute::Erase => verb.to(accounts::erase),
        OperatorRoute::Turn => verb.to(groups::turn),
        OperatorRoute::Broadcast => verb.to(broadcasts::set),
        OperatorRoute::ListBroadcasts => verb.to(broadcasts::list),
        OperatorRoute::SetPassword => verb.to(accounts::set_password),
        OperatorRoute::PutDocument => verb.to(operator::put_document),
        OperatorRoute::AcceptTime => verb.to(operator::accept_time),
        OperatorRoute::Alarms => verb.to(alarms::list),
        OperatorRoute::AcknowledgeAlarm => verb.to(alarms::acknowledge),
        OperatorRoute::SilenceAlarm => verb.to(alarms::silence),
        OperatorRoute::TryOutMail => verb.to(mail::try_out),
        OperatorRoute::ExplainUser => verb.to(explain::user),
        OperatorRoute::ExplainGroup => verb.to(explain_group::group),
        OperatorRoute::ExplainMessage => verb.to(explain_message::message),
        OperatorRoute::ExplainSnapshot => verb.to(explain::snapshot),
        OperatorRoute::ListUsers => verb.to(users::list),
        OperatorRoute::GetUser => verb.to(users::get),
        OperatorRoute::ListGroups => verb.to(group_looks::list),
        OperatorRoute::GetGroup => verb.to(group_looks::get),
        OperatorRoute::GetMessages => verb.to(messages::get),
        OperatorRoute::RevealMessages => verb.to(messages::reveal),
        OperatorRoute::Live => verb.to(live::answer),
        OperatorRoute::RegisterIds => verb.to(host_ids::register),
        OperatorRoute::ListIds => verb.to(host_ids::list),
        OperatorRoute::RemoveIds => verb.to(host_ids::remove),
        OperatorRoute::Report => verb.to(host_ids::report),
        OperatorRoute::Audit => verb.to(audit::page),
        OperatorRoute::Config => verb.to(settings::config),
        OperatorRoute::Reload => verb.to(settings::reload),
        OperatorRoute::SetLogLevel => verb.to(settings::set_log_level),
        OperatorRoute::Me => verb.to(operators::me),
        OperatorRoute::MakeOperator => verb.to(operators::make),
        OperatorRoute::ListOperators => verb.to(operators::list),
        OperatorRoute::RevokeOperator => verb.to(operators::revoke),
    }
}
