//! What actions do to the model.
//!
//! Deliberately not here: which key stands for an action, and what the server says.
//!
//! Invariant: nothing that changes a rollout happens without a question that was answered.

use super::ask::{About, Ask, FieldKind};
use super::seat::{Local, ROWS, Routine, Search};
use super::update::say;
use super::{Command, Fetch, Focus, Input, Link, Model, NoticeKind, OrderKind, Screen};
use crate::keymap::{Action, Edit, Go, List, Move};

/// Lines of a page, when the size of the list is not at hand.
const PAGE: isize = 10;
/// How old devices, census and releases may become on the screen: as old as anything else there.
const AGAIN_MS: u64 = 5_000;

/// Does what an action stands for.
pub fn act(model: &mut Model, action: Action) -> Option<Command> {
    model.notice = None;
    match action {
        Action::Move(by) => move_by(model, by),
        Action::Go(to) => go(model, to),
        Action::Order(kind) => ask(model, kind),
        Action::List(change) => list(model, change),
        Action::Edit(edit) => type_(model, edit),
        Action::Time(time) => Some(Command::Travel(time)),
        Action::Open => open(model),
        Action::Submit => submit(model),
        Action::Quit => Some(Command::Quit),
        Action::Back => {
            back(model);
            None
        }
        Action::Acknowledge => {
            let halted = model.chosen_line().filter(|line| line.phase == "halted");
            let id = halted.map(|line| line.id.clone());
            model.seat.noted.extend(id);
            None
        }
        Action::Explain => {
            model.seat.ask = Some(Ask::explain());
            None
        }
        Action::Search => {
            let before = model.seat.searched().clone();
            model.seat.search = Some(Search { input: Input::new(&before), before });
            None
        }
        Action::Clock => {
            model.seat.local = match model.seat.local {
                Local::Off => Local::On,
                Local::On => Local::Off,
            };
            None
        }
    }
}

/// Leaves the question, the search or the screen, whichever is in front.
fn back(model: &mut Model) {
    if model.seat.ask.take().is_some() {
        return;
    }
    match model.seat.search.take() {
        Some(search) => *model.seat.searched() = search.before,
        None => model.seat.back(),
    }
}

fn go(model: &mut Model, to: Go) -> Option<Command> {
    match to {
        Go::Help if model.seat.screen() == Screen::Help => {
            model.seat.back();
            None
        }
        Go::Help => {
            model.seat.go(Screen::Help);
            None
        }
        Go::Events => {
            model.seat.go(Screen::Events);
            None
        }
        Go::Devices => {
            model.seat.go(Screen::Devices);
            Some(devices(model, None))
        }
        Go::Releases => {
            model.seat.go(Screen::Releases);
            Some(Command::Fetch(Fetch::Releases))
        }
        Go::Matrix => {
            model.seat.go(Screen::Matrix);
            Some(census(model))
        }
    }
}

fn list(model: &mut Model, change: List) -> Option<Command> {
    let seat = &mut model.seat;
    match change {
        List::Sort => {
            seat.sort = seat.sort.next();
            seat.line = 0;
            Some(devices(model, None))
        }
        List::NextPage => {
            let next = model.data.devices.as_ref().and_then(|news| news.page.next.clone());
            if next.is_none() {
                say(model, NoticeKind::Told, "this is the last page", "");
                return None;
            }
            model.seat.line = 0;
            Some(devices(model, next))
        }
        List::FirstPage => {
            seat.line = 0;
            Some(devices(model, None))
        }
        List::OtherRow => {
            seat.row = (seat.row + 1) % ROWS.len();
            Some(census(model))
        }
        List::Routine => {
            seat.routine = match seat.routine {
                Routine::Hidden => Routine::Shown,
                Routine::Shown => Routine::Hidden,
            };
            seat.line = 0;
            None
        }
    }
}

fn move_by(model: &mut Model, by: Move) -> Option<Command> {
    step(
        model,
        match by {
            Move::Up => -1,
            Move::Down => 1,
            Move::PageUp => -PAGE,
            Move::PageDown => PAGE,
            Move::First => isize::MIN,
            Move::Last => isize::MAX,
        },
    )
}

fn devices(model: &Model, after: Option<String>) -> Command {
    let (query, sort) = (model.seat.device_query.clone(), model.seat.sort.name().into());
    Command::Fetch(Fetch::Devices { query, sort, after })
}

/// Asks again for what the screen shows, if that is some time ago. What was refused is not asked
/// again unasked.
pub fn again(model: &Model) -> Option<Command> {
    let old = model.now_ms.saturating_sub(model.data.asked_at_ms);
    let is_live = model.data.link == Link::Live && model.focus == Focus::Gained;
    if !is_live || model.data.refused.is_some() || old < AGAIN_MS {
        return None;
    }
    match model.seat.screen() {
        Screen::Devices => Some(Command::Fetch(model.data.devices.as_ref()?.asked.clone())),
        Screen::Device => {
            let id = model.seat.device.clone()?;
            Some(Command::Fetch(Fetch::Device { id, rollout: model.seat.chosen.clone() }))
        }
        Screen::Matrix => Some(census(model)),
        Screen::Releases => Some(Command::Fetch(Fetch::Releases)),
        Screen::Overview | Screen::Rollout | Screen::Events | Screen::Help => None,
    }
}

fn census(model: &Model) -> Command {
    let row = ROWS.get(model.seat.row).copied().unwrap_or("model").into();
    Command::Fetch(Fetch::Census { row, column: "version".into() })
}

/// Moves the cursor of the list that is shown.
pub fn step(model: &mut Model, by: isize) -> Option<Command> {
    let last = model.line_count().checked_sub(1)?;
    match model.seat.screen() {
        Screen::Overview | Screen::Rollout => {
            let lines = model.lines();
            let chosen = model.seat.chosen.as_ref();
            let at = lines.iter().position(|line| Some(&line.id) == chosen);
            let to = at.map_or(0, |at| at.saturating_add_signed(by).min(last));
            let id = lines.get(to).map(|line| line.id.clone())?;
            choose(model, id)
        }
        Screen::Events
        | Screen::Devices
        | Screen::Device
        | Screen::Matrix
        | Screen::Releases
        | Screen::Help => {
            model.seat.line = model.seat.line.min(last).saturating_add_signed(by).min(last);
            None
        }
    }
}

/// Chooses a rollout.
pub fn choose(model: &mut Model, id: String) -> Option<Command> {
    if model.seat.chosen.as_ref() == Some(&id) {
        return None;
    }
    model.seat.chosen = Some(id.clone());
    Some(Command::Watch(Some(id)))
}

/// Looks closer at what the cursor is on.
pub fn open(model: &mut Model) -> Option<Command> {
    match model.seat.screen() {
        Screen::Overview => {
            model.chosen_line()?;
            model.seat.go(Screen::Rollout);
            None
        }
        Screen::Devices => {
            let page = &model.data.devices.as_ref()?.page;
            let id = page.devices.get(model.seat.line)?.id.clone();
            Some(open_device(model, id))
        }
        Screen::Events => {
            let event = model.shown_events().get(model.seat.line).map(|event| (*event).clone())?;
            match (event.device, event.rollout) {
                (Some(device), _) => Some(open_device(model, device)),
                (None, Some(rollout)) => {
                    let command = choose(model, rollout);
                    model.seat.go(Screen::Rollout);
                    command
                }
                (None, None) => {
                    say(model, NoticeKind::Told, "this event has no device and no rollout", "");
                    None
                }
            }
        }
        Screen::Rollout | Screen::Device | Screen::Matrix | Screen::Releases | Screen::Help => None,
    }
}

fn open_device(model: &mut Model, id: String) -> Command {
    model.seat.device = Some(id.clone());
    model.seat.go(Screen::Device);
    Command::Fetch(Fetch::Device { id, rollout: model.seat.chosen.clone() })
}

/// Asks before an order, or says why there is nothing to ask.
fn ask(model: &mut Model, kind: OrderKind) -> Option<Command> {
    match (model.may(kind), model.seat.chosen.clone()) {
        (Ok(()), Some(id)) => {
            model.seat.ask = Some(Ask::order(&id, kind));
            let known = model.data.rollouts.contains_key(&id);
            (!known).then_some(Command::Watch(Some(id)))
        }
        (Err(refused), _) => {
            say(model, NoticeKind::Refused, refused.text().to_string(), "");
            None
        }
        (Ok(()), None) => None,
    }
}

/// The field that characters go to.
pub fn typed_into(model: &mut Model) -> Option<&mut Input> {
    match (&mut model.seat.ask, &mut model.seat.search) {
        (Some(ask), _) => ask.field(),
        (None, Some(search)) => Some(&mut search.input),
        (None, None) => None,
    }
}

/// Types text into the field. What was wrong with an answer is not said of the next one.
pub fn insert(model: &mut Model, text: &str) {
    if let Some(input) = typed_into(model) {
        input.insert(text);
    }
    if let Some(ask) = &mut model.seat.ask {
        ask.problem = None;
    }
}

/// Changes what is typed.
fn type_(model: &mut Model, edit: Edit) -> Option<Command> {
    if edit == Edit::NextField {
        if let Some(ask) = &mut model.seat.ask {
            ask.next_field();
        }
        return None;
    }
    if let Some(ask) = &mut model.seat.ask {
        ask.problem = None;
    }
    let input = typed_into(model)?;
    match edit {
        Edit::NextField => {}
        Edit::Erase => input.erase(),
        Edit::EraseNext => input.erase_next(),
        Edit::EraseAll => input.erase_all(),
        Edit::Left => input.step(-1),
        Edit::Right => input.step(1),
        Edit::Start => input.to_start(),
        Edit::End => input.to_end(),
    }
    None
}

fn submit(model: &mut Model) -> Option<Command> {
    if let Some(search) = model.seat.search.take() {
        *model.seat.searched() = search.input.trimmed();
        model.seat.line = 0;
        let is_devices = model.seat.screen() == Screen::Devices;
        return is_devices.then(|| devices(model, None));
    }
    let ask = model.seat.ask.as_mut()?;
    if !ask.is_complete() {
        return None;
    }
    let ask = ask.clone();
    match &ask.about {
        About::Explain => {
            model.seat.ask = None;
            Some(open_device(model, ask.typed(FieldKind::Device)))
        }
        About::Order { rollout, kind } => give(model, &ask, rollout, *kind),
    }
}

/// Gives an order. What made it possible may have changed while the question was open.
fn give(model: &mut Model, ask: &Ask, rollout: &str, kind: OrderKind) -> Option<Command> {
    let Some(body) = model.data.rollouts.get(rollout) else {
        let waits = "the numbers are not there yet; an order without them is not given";
        if let Some(ask) = &mut model.seat.ask {
            ask.problem = Some(waits.into());
        }
        return None;
    };
    let possible = kind.fits(&body.line.phase).err();
    let order = ask.given(kind, body);
    model.seat.ask = None;
    if let Some(refused) = possible {
        say(model, NoticeKind::Refused, refused.text().to_string(), "");
        return None;
    }
    let order = order?;
    let (verb, _) = kind.words();
    say(model, NoticeKind::Told, format!("asked to {verb} {}", model.name_of(rollout)), "");
    Some(Command::Steer { rollout: rollout.into(), order })
}
