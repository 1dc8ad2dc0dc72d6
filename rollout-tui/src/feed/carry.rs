//! Carries orders and questions to the server, and its answers back.
//!
//! Deliberately not here: whether an order should be given. Invariant: one at a time, in the order
//! in which they were given.

use super::{Gone, Sink};
use crate::app::{Command, DeviceNews, DevicesNews, Fetch, Order, What};
use crate::words;
use rollout_http::body::v1::PauseRequest;
use rollout_http::client::{Client, Error};
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

/// Devices of a page.
const DEVICES: u32 = 100;
/// Events of a device.
const EVENTS: u32 = 200;

/// Carries until nobody orders.
pub async fn carry(
    client: Client,
    sink: Sink,
    changed: Arc<Notify>,
    mut orders: mpsc::Receiver<Command>,
) -> Result<(), Gone> {
    while let Some(command) = orders.recv().await {
        match command {
            Command::Fetch(Fetch::Now) => changed.notify_one(),
            Command::Fetch(fetch) => fetch_one(&client, &sink, fetch).await?,
            Command::Steer { rollout, order } => {
                let said = steer(&client, &rollout, &order).await;
                changed.notify_one();
                match said {
                    Ok(said) => sink.send(What::Done { said }).await?,
                    Err(error) => {
                        let doing = format!("{} the rollout", verb(&order));
                        sink.failed(&doing, &error).await?;
                    }
                }
            }
            Command::Quit | Command::Watch(_) | Command::Travel(_) => {}
        }
    }
    Ok(())
}

const fn verb(order: &Order) -> &'static str {
    match order {
        Order::Start => "start",
        Order::Pause { .. } => "pause",
        Order::Resume => "resume",
        Order::Advance => "advance",
        Order::Approve { .. } => "approve",
        Order::Halt { .. } => "halt",
        Order::Cancel => "cancel",
        Order::RollBack => "roll back",
    }
}

/// Gives an order; what is said about it names the state it led to.
async fn steer(client: &Client, id: &str, order: &Order) -> Result<String, Error> {
    let body = match order {
        Order::Start => client.start(id).await?,
        Order::Pause { reason, review } => {
            let asked = PauseRequest { reason: reason.clone(), review: review.clone() };
            client.pause(id, &asked).await?
        }
        Order::Resume => {
            let body = client.resume(id).await?;
            return Ok(words::resumed(&body.line.name, &body));
        }
        Order::Advance => client.advance(id).await?,
        Order::Approve { rung } => {
            let body = client.approve(id, rung).await?;
            return Ok(words::approved(rung, &body.line.name, &body));
        }
        Order::Halt { reason } => client.halt(id, reason).await?,
        Order::Cancel => client.cancel(id).await?,
        Order::RollBack => {
            let draft = client.rollback(id).await?;
            let (target, devices) = (draft.target, draft.devices);
            return Ok(format!("drafted the way back to {target} for {devices} devices: start it"));
        }
    };
    let phase = words::spaced(&body.line.phase);
    Ok(format!("{}: done, {} is {phase}", verb(order), body.line.name))
}

async fn fetch_one(client: &Client, sink: &Sink, fetch: Fetch) -> Result<(), Gone> {
    let (doing, answer) = match &fetch {
        Fetch::Now => return Ok(()),
        Fetch::Devices { query, sort, after } => {
            let query = selector(query);
            let page = client.devices_by(&query, sort, after.as_deref(), DEVICES).await;
            let news = page.map(|page| DevicesNews { asked: fetch.clone(), page });
            ("list devices", news.map(|news| What::Devices(Box::new(news))))
        }
        Fetch::Device { id, rollout } => return device(client, sink, id, rollout.as_deref()).await,
        Fetch::Census { row, column } => {
            ("count devices", client.census(row, column).await.map(What::Census))
        }
        Fetch::Releases => ("list releases", client.releases().await.map(What::Releases)),
    };
    match answer {
        Ok(what) => sink.send(what).await,
        Err(error) => sink.failed(doing, &error).await,
    }
}

/// A query, or the beginning of an id.
pub fn selector(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.contains(['=', '<', '>', '!']) {
        text.into()
    } else {
        format!("device=={}*", text.trim_end_matches('*'))
    }
}

/// A device, why it has the image or not, and what happened to it: what can be had of that.
async fn device(client: &Client, sink: &Sink, id: &str, rollout: Option<&str>) -> Result<(), Gone> {
    let device = match client.device(id).await {
        Ok(device) => device,
        Err(error) => return sink.failed(&format!("show {id}"), &error).await,
    };
    let explanation = match rollout {
        None => None,
        Some(rollout) => match client.explain(rollout, id).await {
            Ok(said) => Some(said),
            Err(error) => {
                sink.failed(&format!("explain {id}"), &error).await?;
                None
            }
        },
    };
    let events = match client.events_of(id, EVENTS).await {
        Ok(events) => events,
        Err(error) => {
            sink.failed(&format!("read what happened to {id}"), &error).await?;
            Vec::new()
        }
    };
    sink.send(What::Device(Box::new(DeviceNews { device, explanation, events }))).await
}
