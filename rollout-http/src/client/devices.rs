//! Devices in operators' hands: one method for each route.
//!
//! Invariant: a table is sent as it is read, however long it is; no more of it is held than the
//! piece that is being sent.

use super::calls::calls;
use super::transfer::{Sent, in_pieces, so_long_as_it_moves};
use super::{Client, Error, answer};
use crate::body::v1::{
    AddDevice, DeviceBody, DevicePage, DevicePatch, DeviceToken, ExplanationBody, Imported,
    NoteRequest, OfferRequest, Reasoned, ReplaceRequest, RolloutBody,
};
use reqwest::{Method, header};
use std::path::Path;

/// Which devices, in which order, and how many of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sought<'a> {
    /// Devices that this selects, RSQL; all of them if absent.
    pub query: Option<&'a str>,
    /// `id`, `last_seen` or an attribute, with `-` before it falling; by id if absent.
    pub sort: Option<&'a str>,
    /// The `next` of the page before.
    pub after: Option<&'a str>,
    /// Most devices of the page, 500 at most.
    pub limit: u32,
}

calls! {
    /// A device.
    device(id: &str) -> DeviceBody = get("read a device", &["v1", "devices", id], &[]);
    /// Adds a device by hand; its token is in this answer alone.
    add_device(device: &AddDevice) -> DeviceToken =
        send("add a device", Method::POST, &["v1", "devices"], device);
    /// Gives a device another token, which is in this answer alone.
    rotate_token(id: &str) -> DeviceToken =
        post("give a device another token", &["v1", "devices", id, "token"]);
    /// Keeps a device out for a while.
    hold(id: &str, reason: &str) -> DeviceBody = send(
        "hold a device",
        Method::POST,
        &["v1", "devices", id, "hold"],
        &Reasoned { reason: reason.into() }
    );
    /// Lets a device that is held take part again.
    release_device(id: &str) -> DeviceBody =
        post("release a device", &["v1", "devices", id, "release"]);
    /// Ends a device's part, for good.
    retire(id: &str, reason: &str) -> DeviceBody = send(
        "retire a device",
        Method::POST,
        &["v1", "devices", id, "retire"],
        &Reasoned { reason: reason.into() }
    );
    /// Writes something about a device.
    note(id: &str, text: &str) -> DeviceBody = send(
        "write a note",
        Method::POST,
        &["v1", "devices", id, "notes"],
        &NoteRequest { text: text.into() }
    );
    /// Changes what is registered of a device.
    set_attributes(id: &str, asked: &DevicePatch) -> DeviceBody =
        send("set attributes of a device", Method::PATCH, &["v1", "devices", id], asked);
    /// Puts another device in a device's place; its token is in this answer alone.
    replace(id: &str, by: &ReplaceRequest) -> DeviceToken =
        send("replace a device", Method::POST, &["v1", "devices", id, "replace"], by);
    /// Offers a release to a device alone; twice is once.
    offer(id: &str, asked: &OfferRequest) -> RolloutBody =
        send("offer a release to a device", Method::POST, &["v1", "devices", id, "offer"], asked);
    /// Leaves a device out of a rollout.
    exclude(rollout: &str, device: &str, reason: &str) -> ExplanationBody = send(
        "leave a device out",
        Method::POST,
        &["v1", "rollouts", rollout, "devices", device, "exclude"],
        &Reasoned { reason: reason.into() }
    );
    /// Takes a device into a rollout again.
    include(rollout: &str, device: &str) -> ExplanationBody =
        post("take a device in", &["v1", "rollouts", rollout, "devices", device, "include"]);
}

impl Client {
    /// A page of devices by id, after `after`, at most `limit` (500).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn devices(&self, after: Option<&str>, limit: u32) -> Result<DevicePage, Error> {
        self.devices_of(&Sought { after, limit, ..Sought::default() }).await
    }

    /// A page of some devices, in some order.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn devices_of(&self, sought: &Sought<'_>) -> Result<DevicePage, Error> {
        let Sought { query, sort, after, limit } = sought;
        let limit = limit.to_string();
        let given = [("query", *query), ("sort", *sort), ("after", *after)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let asked: Vec<_> = std::iter::once(("limit", limit.as_str())).chain(given).collect();
        self.get("list devices", &["v1", "devices"], &asked).await
    }

    /// Adds the devices of a table, CSV; with `dry_run` it is only checked. `sent` is told how much
    /// of it has left. The same table may be sent again, whatever became of it.
    ///
    /// # Errors
    /// [`Error`]; the rows before the one that is refused are in.
    pub async fn import_devices(
        &self,
        table: &Path,
        dry_run: bool,
        sent: &Sent,
    ) -> Result<Imported, Error> {
        let wrong = |source| Error::File { path: table.display().to_string(), source };
        let file = std::fs::File::open(table).map_err(wrong)?;
        self.import_opened(file, &table.display().to_string(), dry_run, sent).await
    }

    /// The same with a table that is open already, such as a pipe; `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error`]; the rows before the one that is refused are in.
    pub async fn import_opened(
        &self,
        table: std::fs::File,
        name: &str,
        dry_run: bool,
        sent: &Sent,
    ) -> Result<Imported, Error> {
        let wrong = |source| Error::File { path: name.into(), source };
        let about = table.metadata().map_err(wrong)?;
        if about.is_dir() {
            return Err(wrong(std::io::ErrorKind::IsADirectory.into()));
        }
        let (body, moved) = in_pieces(tokio::fs::File::from_std(table), sent);
        let dry_run: &[_] = if dry_run { &[("dry_run", "true")] } else { &[] };
        let request = self
            .unbounded(Method::POST, &["v1", "devices", "import"], dry_run)
            .header(header::CONTENT_TYPE, "text/csv")
            .body(body);
        // What comes through a pipe has no length yet.
        let request = match about.is_file() {
            true => request.header(header::CONTENT_LENGTH, about.len()),
            false => request,
        };
        let doing = "import devices";
        so_long_as_it_moves(doing, &moved, answer(doing, request)).await
    }
}
