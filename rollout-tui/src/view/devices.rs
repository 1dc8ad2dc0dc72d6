//! Devices of a search.
//!
//! Deliberately not here: one device in full. Invariant: how many there are in all is said, and
//! whether there is another page.

use super::{events, height, panel, put, width};
use crate::app::Model;
use crate::theme::Tone;
use crate::view::say;
use crate::widget::{Row, wrapped};
use crate::words::figure::{figure, span};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use rollout_http::body::v1::DeviceBody;

/// The screen.
pub fn devices(model: &Model, area: Rect, buffer: &mut Buffer) {
    let palette = model.look.palette;
    let query = &model.seat.device_query;
    let asked = if query.is_empty() { "all".to_string() } else { format!("/{query}") };
    let Some(news) = &model.data.devices else {
        let inside = panel(palette, area, buffer, &format!("Devices  {asked}"), "");
        put(buffer, inside, say::awaited(model, "asking", width(inside)));
        return;
    };
    let page = &news.page;
    let more = if page.next.is_some() { ", n shows more" } else { ", the last page" };
    let title = format!("Devices  {asked}");
    let aside = format!("{} here of {}{more}", page.devices.len(), figure(page.total, 10));
    let inside = panel(palette, area, buffer, &title, &aside);
    let room = width(inside);
    if page.devices.is_empty() {
        let text = "none fits. / searches: the beginning of an id, or a query such as \
                    model==v980;version<2.4.1";
        put(buffer, inside, wrapped(palette, Tone::Quiet, text, 1, room));
        return;
    }
    let mut lines = vec![head(model, room)];
    let at = model.seat.line.min(page.devices.len() - 1);
    for place in super::window(page.devices.len(), at, height(inside).saturating_sub(1)) {
        let row = row(model, &page.devices[place], room);
        lines.push(if place == at { row.chosen() } else { row.line() });
    }
    put(buffer, inside, lines);
}

/// Widths of id, model, version, standing; 0 for a column there is no room for.
fn columns(room: usize) -> [usize; 4] {
    let id = (room * 3 / 10).clamp(12, 40);
    match room {
        0..60 => [id, 0, 9, 0],
        60..76 => [id, 8, 11, 0],
        _ => [id, (room / 7).clamp(8, 14), (room / 7).clamp(10, 16), 9],
    }
}

fn head(model: &Model, room: usize) -> Line<'static> {
    let [id, hardware, version, standing] = columns(room);
    let sorted = |name: &str, is: bool| if is { format!("{name} ▼") } else { name.to_string() };
    let sort = model.seat.sort.name();
    Row::new(model.look.palette, room)
        .gap(1)
        .cell(Tone::Quiet, sorted("id", sort.is_empty()), id)
        .cell(Tone::Quiet, "model", hardware)
        .cell(Tone::Quiet, sorted("version", sort == "version"), version)
        .cell(Tone::Quiet, "standing", standing)
        .put(Tone::Quiet, sorted("heard of", sort == "last_seen"))
        .line()
}

/// When a device was heard of: glyph, words, meaning.
pub fn heard(model: &Model, device: &DeviceBody) -> (String, Tone) {
    if device.last_seen == 0 {
        return ("○ never".into(), Tone::Quiet);
    }
    let ago = model.server_now_ms().saturating_sub(device.last_seen.saturating_mul(1_000));
    let ago = span(ago / 1_000 * 1_000);
    if device.reachable {
        (format!("● {ago} ago"), Tone::Good)
    } else {
        (format!("◐ {ago} ago"), Tone::Hold)
    }
}

fn row(model: &Model, device: &DeviceBody, room: usize) -> Row {
    let [id, hardware, version, standing] = columns(room);
    let confirmed = match device.confirmed {
        Some(false) => " ?",
        Some(true) | None => "",
    };
    let runs = device.version.as_deref().unwrap_or("–");
    let (heard, tone) = heard(model, device);
    let open = device.open.as_ref().map(|id| format!("  in {}", model.name_of(id)));
    let standing_tone = if device.standing == "active" { Tone::Plain } else { Tone::Hold };
    let row = Row::new(model.look.palette, room)
        .gap(1)
        .cell(Tone::Title, &device.id, id - 1)
        .gap(1)
        .cell(Tone::Plain, &device.hardware, hardware.saturating_sub(1))
        .gap(hardware.min(1))
        .cell(Tone::Plain, format!("{runs}{confirmed}"), version - 1)
        .gap(1)
        .cell(standing_tone, &device.standing, standing)
        .put(tone, heard);
    let row = if standing == 0 && device.standing != "active" {
        row.put(Tone::Hold, format!("  {}", device.standing))
    } else {
        row
    };
    let far = device.last_seen > 0 && !device.reachable;
    let row = if far { row.whole(Tone::Hold, ", out of reach") } else { row };
    row.put(Tone::Moving, open.unwrap_or_default())
}

/// The line of the list at a place.
pub fn line_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let count = model.data.devices.as_ref().map_or(0, |news| news.page.devices.len());
    events::list_at(area, at, count, model.seat.line, 1)
}
