//! Parameters of the routes, each with its form, its bounds and an example.
//!
//! Not here: reading them. Invariant: a form that is described here is the form that is checked
//! where it is read; the run of Schemathesis compares the two.

use serde_json::{Value, json};

/// Where a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// What a parameter looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// A text that fits a regular expression.
    Text(&'static str),
    /// A UUID.
    Uuid,
    /// A whole number in bounds, both included.
    Whole(u64, u64),
    /// `true` or `false`.
    Flag,
    /// Any text of at most so many characters.
    Free(usize),
    /// Any text.
    Any,
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub place: Place,
    pub name: &'static str,
    pub form: Form,
    pub about: &'static str,
    /// As it would be written.
    pub example: &'static str,
}

macro_rules! params {
    ($($id:ident = $place:ident $name:literal $form:expr, $about:literal, $sample:literal;)*) => {
        $(#[doc = $about]
        pub(crate) const $id: Param = Param {
            place: Place::$place,
            name: $name,
            form: $form,
            about: $about,
            example: $sample,
        };)*
    };
}

/// Names of products, cohorts and channels.
const NAME: Form = Form::Text("^[a-z0-9-]{1,31}$");
/// Ids of devices, and names of people.
const DEVICE: Form = Form::Text("^[A-Za-z0-9._:-]{1,128}$");
const RELEASE_ID: Form =
    Form::Text("^[a-z0-9-]{1,31}@(0|[1-9][0-9]{0,8})(\\.(0|[1-9][0-9]{0,8})){2}(-[a-z]{1,8})?$");
const DIGEST: Form = Form::Text("^[0-9a-f]{64}$");
const SEQ: Form = Form::Whole(0, 1 << 53);

params! {
    PRODUCT = Path "product" NAME, "A product.", "vacuum";
    FREEZE = Path "freeze" NAME, "A freeze of the fleet.", "christmas-2027";
    CHANNEL = Path "channel" NAME, "A channel of the product.", "beta";
    SELECTS = Query "query" Form::Free(1024), "Devices that this selects, RSQL.",
        "model==bench-1;region=in=(eu-west,eu-central)";
    SORT = Query "sort" Form::Text("^-?[A-Za-z0-9._-]{1,64}$"),
        "Order: `id`, `last_seen` or any attribute; with `-` before it, falling.", "-last_seen";
    AFTER_PLACE = Query "after" Form::Text("^[A-Za-z0-9._:-]{1,1024}$"),
        "Begin behind this device; in another order than by id, the `next` of the page before.",
        "dev-000";
    RELEASE = Path "id" RELEASE_ID, "A release, `product@version`.", "vacuum@1.1.0";
    ROOT_VERSION = Path "version" Form::Whole(1, 1 << 53), "A version of the root document.", "1";
    IMAGE = Path "digest" DIGEST, "SHA-256 of the image, hexadecimal.",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    COHORT = Path "name" NAME, "A named cohort.", "dogfood";
    DEVICE_ID = Path "id" DEVICE, "A device.", "dev-000";
    OF_DEVICE = Path "device" DEVICE, "A device.", "dev-000";
    ROLLOUT = Path "id" Form::Uuid, "A rollout.", "0192f7a0-0000-7000-8000-000000000001";
    TOKEN = Path "id" Form::Text("^[0-9a-f]{1,32}$"), "Public id of a token.", "5f2c0a7e91d3b846";
    NEW_ROLLOUT = Query "id" Form::Uuid, "Id of the draft; with one, twice is once.",
        "0192f7a0-0000-7000-8000-000000000001";
    DRY_RUN = Query "dry_run" Form::Flag, "Check the plan, and change nothing.", "true";
    PAGE = Query "limit" Form::Whole(1, 500), "Most of the page.", "100";
    AFTER_ROLLOUT = Query "after" Form::Uuid, "Begin behind this rollout.",
        "0192f7a0-0000-7000-8000-000000000001";
    AFTER_RELEASE = Query "after" RELEASE_ID, "Begin behind this release.", "vacuum@1.1.0";
    AFTER_DEVICE = Query "after" DEVICE, "Begin behind this device.", "dev-000";
    AFTER_PRODUCT = Query "after" NAME, "Begin behind this product.", "vacuum";
    AFTER_CHANNEL = Query "after" NAME, "Begin behind this channel.", "beta";
    AFTER_DEAD_END = Query "after" Form::Free(256),
        "Begin behind this one, the `next` of the page before.", "bench-1 <1.2";
    AFTER_COHORT = Query "after" NAME, "Begin behind this cohort.", "dogfood";
    AFTER_TOKEN = Query "after" Form::Text("^[0-9a-f]{1,32}$"), "Begin behind this public id.",
        "5f2c0a7e91d3b846";
    BUCKET = Query "bucket" Form::Text("^[a-z_]{1,32}$"), "Those in this bucket alone.", "failed";
    DEVICES = Query "limit" Form::Whole(1, 500), "Most devices of the page.", "100";
    AFTER = Query "after" SEQ, "Begin behind this entry.", "0";
    ENTRIES = Query "limit" Form::Whole(1, 1000), "Most entries of the page.", "100";
    OF_ROLLOUT = Query "rollout" Form::Uuid, "Entries of this rollout alone.",
        "0192f7a0-0000-7000-8000-000000000001";
    BY_DEVICE = Query "device" DEVICE, "Entries of this device alone.", "dev-000";
    KIND = Query "kind" Form::Text("^[a-z_]{1,32}(,[a-z_]{1,32}){0,7}$"),
        "Entries of these kinds alone.", "offered,permitted";
    ROW = Query "row" Form::Text("^[A-Za-z0-9._-]{1,64}$"),
        "Attribute of the rows; `model` if absent.", "model";
    COLUMN = Query "column" Form::Text("^[A-Za-z0-9._-]{1,64}$"),
        "Attribute of the columns; `version` if absent.", "version";
    LAST_EVENT_ID = Header "Last-Event-ID" SEQ, "The last entry the caller has; wins over `after`.",
        "0";
    KEY = Header "Idempotency-Key" Form::Text("^[!-~]{1,128}$"),
        "Drawn by the caller, once for each request: sent again, it is carried out once.",
        "7f0c2c4e-8d0a-4f3b-9c1e-2b7a51d0e6aa";
    IF_MATCH = Header "If-Match" Form::Any,
        "Tags of which one must be current, or the answer is 412.", "*";
    IF_NONE_MATCH = Header "If-None-Match" Form::Any,
        "Tags that the caller has; the answer is 304 if one is current.", "\"0\"";
    RANGE = Header "Range" Form::Free(64), "A part of the image, such as `bytes=0-65535`.",
        "bytes=0-65535";
    SIGNED_DEVICE = Query "device" DEVICE, "For which device the path was signed.", "dev-000";
    SIGNED_UNTIL = Query "expires" SEQ, "Until when the path is good, Unix seconds.", "1800000000";
    SIGNATURE = Query "signature" DIGEST, "HMAC-SHA256 of the path.",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
}

impl Param {
    /// As OpenAPI describes it. Of a query, only what is `needed` is required.
    pub(super) fn described(&self, needed: bool) -> Value {
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        json!({
            "name": self.name,
            "in": place,
            "required": needed || self.place == Place::Path,
            "description": self.about,
            "schema": self.form.schema(),
            "example": self.value(),
        })
    }

    /// The example, as JSON.
    fn value(&self) -> Value {
        match self.form {
            Form::Text(_) | Form::Uuid | Form::Free(_) | Form::Any => json!(self.example),
            Form::Whole(..) | Form::Flag => serde_json::from_str(self.example).unwrap_or_default(),
        }
    }
}

impl Form {
    fn schema(self) -> Value {
        match self {
            Self::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
            Self::Uuid => json!({ "type": "string", "format": "uuid" }),
            Self::Whole(least, most) => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Self::Flag => json!({ "type": "boolean" }),
            Self::Any => json!({ "type": "string" }),
            Self::Free(most) => json!({ "type": "string", "maxLength": most }),
        }
    }
}
