//! Channels, and releases that are promoted along them.
//!
//! Not here: what a release must have passed before; the core says so. Invariant: a channel's plan
//! can be started as it stands, or the channel is refused with the key that is wrong.

use super::devices::bad_cursor;
use super::{Answer, Asked, Behind, PAGE, json, page_limit, page_of, query, status_of};
use crate::auth::{Operation, authorize};
use crate::backend::{Backend, Problem, Terms};
use crate::body::v1::{
    ChannelBody, ChannelRequest, Channels, PromoteRequest, PromotedBody, parse_template,
};
use crate::desk::Desk;
use crate::openapi::{Table, delete, get, param, post, put};
use crate::{input, show};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use rollout_core::fleet::{Fleet, RegistryError};
use rollout_core::id::{ChannelId, ProductId};
use rollout_core::journal::ChannelRecord;
use rollout_core::release::ReleaseId;
use rollout_core::rollout::{Plan, PlanError};

/// The routes of channels.
pub(crate) fn table<B: Backend>(table: Table<Desk<B>>) -> Table<Desk<B>> {
    let one = "/v1/products/{product}/channels/{channel}";
    let named = &[param::PRODUCT, param::CHANNEL];
    table
        .add(
            get("list_channels", "/v1/products/{product}/channels", "Channels of a product.")
                .asks(Operation::Read)
                .takes(&[param::PRODUCT, param::AFTER_CHANNEL, param::PAGE])
                .answers::<Channels>(200, "Each behind the one it follows, a page at a time."),
            list::<B>,
        )
        .add(
            get("read_channel", one, "A channel.")
                .asks(Operation::Read)
                .takes(named)
                .answers::<ChannelBody>(200, "Its plan and what it follows.")
                .refuses(&[404]),
            show::<B>,
        )
        .add(
            put("set_channel", one, "Give a channel a plan.")
                .asks(Operation::SetChannel)
                .takes(named)
                .reads::<ChannelRequest>()
                .answers::<ChannelBody>(200, "It was just so.")
                .answers::<ChannelBody>(201, "It is so from now on.")
                .refuses(&[404, 409]),
            set::<B>,
        )
        .add(
            delete("remove_channel", one, "Remove a channel that none follows.")
                .asks(Operation::SetChannel)
                .takes(named)
                .answers_nothing(204, "It is gone; rollouts along it go on.")
                .refuses(&[404, 409]),
            remove::<B>,
        )
        .add(
            post("promote", "/v1/releases/{id}/promote", "Carry a release to a channel.")
                .asks(Operation::Promote)
                .takes(&[param::RELEASE])
                .reads::<PromoteRequest>()
                .answers::<PromotedBody>(200, "It was promoted before, by this rollout.")
                .answers::<PromotedBody>(201, "The rollout that carries it, started.")
                .refuses(&[404, 409]),
            promote::<B>,
        )
}

/// A release to try a template with; it need not be there.
const SAMPLE_VERSION: &str = "0.0.0";

/// `GET /v1/products/{product}/channels?after=&limit=`
pub(crate) async fn list<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(product): Path<String>,
    behind: Asked<Behind>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let product = ProductId::new(&product)?;
    let Behind { after, limit } = query(behind)?;
    let limit = page_limit(limit, PAGE)?;
    let after = after.as_deref().map(ChannelId::new).transpose()?;
    let body = backend.read(|fleet| {
        let ordered = show::channels(fleet, &product);
        let from = match &after {
            None => 0,
            Some(after) => 1 + ordered.iter().position(|(name, _)| *name == after)?,
        };
        let rest = ordered.into_iter().skip(from);
        let (page, next) = page_of(rest, limit, |(name, _)| name.to_string());
        let shown = page.into_iter().map(|(name, one)| show::channel(fleet, &product, name, one));
        Some(Channels { channels: shown.collect(), next })
    });
    json(StatusCode::OK, &body.ok_or_else(bad_cursor)?)
}

/// `GET /v1/products/{product}/channels/{channel}`
pub(crate) async fn show<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path((product, channel)): Path<(String, String)>,
) -> Answer {
    authorize(&backend, &headers, Operation::Read)?;
    let (product, channel) = (ProductId::new(&product)?, ChannelId::new(&channel)?);
    json(StatusCode::OK, &found(&backend, product, channel)?)
}

fn found<B: Backend>(
    backend: &B,
    product: ProductId,
    channel: ChannelId,
) -> Result<ChannelBody, Problem> {
    let place = (product, channel);
    let body = backend.read(|fleet| {
        let known = fleet.channels.get(&place)?;
        Some(show::channel(fleet, &place.0, &place.1, known))
    });
    body.ok_or_else(|| Problem::unknown("channel", &place.1))
}

/// `PUT /v1/products/{product}/channels/{channel}`
pub(crate) async fn set<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path((product, channel)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::SetChannel)?;
    let (product, channel) = (ProductId::new(&product)?, ChannelId::new(&channel)?);
    let asked: ChannelRequest = input::operator_json(&headers, body).await?;
    let after = asked.after.as_deref().map(ChannelId::new).transpose()?;
    let sample = ReleaseId::parse(&format!("{product}@{SAMPLE_VERSION}"))?;
    backend.read(|fleet| plan_for(fleet, &asked.plan, &sample, &channel))?;
    let record = ChannelRecord { template: asked.plan, after };
    let (of, named) = (product.clone(), channel.clone());
    let check = move |fleet: &Fleet, _| Ok(fleet.set_channel(of, named, record, by)?);
    let written = backend.register(Box::new(check), Terms::default()).await?;
    json(status_of(&written), &found(&backend, product, channel)?)
}

/// `DELETE /v1/products/{product}/channels/{channel}`
pub(crate) async fn remove<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path((product, channel)): Path<(String, String)>,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::SetChannel)?;
    let (product, channel) = (ProductId::new(&product)?, ChannelId::new(&channel)?);
    let check = move |fleet: &Fleet, _| Ok(fleet.remove_channel(product, channel, by)?);
    backend.register(Box::new(check), Terms::default()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /v1/releases/{id}/promote`
pub(crate) async fn promote<B: Backend>(
    State(Desk { backend, .. }): State<Desk<B>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let by = authorize(&backend, &headers, Operation::Promote)?;
    let release = ReleaseId::parse(&id)?;
    let PromoteRequest { to } = input::operator_json(&headers, body).await?;
    let channel = ChannelId::new(&to)?;
    let (carried, named) = (release.clone(), channel.clone());
    let check = move |fleet: &Fleet, now| {
        let place = (carried.product.clone(), named.clone());
        let known = fleet.channels.get(&place);
        let known = known.ok_or_else(|| Problem::unknown("channel", &named))?;
        let plan = plan_for(fleet, &known.record.template, &carried, &named)?;
        Ok(fleet.promote(&carried, &named, plan, by, now)?.registered)
    };
    let written = backend.register(Box::new(check), Terms::default()).await?;
    let rollout = backend.read(|fleet| {
        let id = fleet.passed(&release, &channel).rollout()?;
        fleet.rollouts.get(&id).map(show::line)
    });
    let body = PromotedBody {
        release: release.to_string(),
        channel: channel.to_string(),
        rollout: rollout.ok_or_else(|| Problem::from(RegistryError::unknown("channel", to)))?,
        was_there: written.is_empty(),
    };
    json(status_of(&written), &body)
}

/// The plan that carries a release to a channel.
fn plan_for(
    fleet: &Fleet,
    template: &str,
    release: &ReleaseId,
    channel: &ChannelId,
) -> Result<Plan, PlanError> {
    let name = format!("{release} to {channel}");
    parse_template(template, release, &name, &|cohort| {
        fleet.cohorts.get(cohort).map(|known| known.record.clone())
    })
}
