//! A question before something is done, and the answers that are typed.
//!
//! Deliberately not here: what the order will do, in numbers (`consequence`).
//!
//! Invariant: an order leaves here only with every field it needs.

use super::{Input, Order, OrderKind};
use rollout_core::time::Span;
use rollout_http::body::v1::{RolloutBody, RungBody, parse_when};

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Whether a rollout is given an order.
    Order {
        /// The rollout.
        rollout: String,
        /// The order.
        kind: OrderKind,
    },
    /// Which device is explained.
    Explain,
}

/// What a field is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Why.
    Reason,
    /// When it is looked at again.
    Review,
    /// A device.
    Device,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What for.
    pub kind: FieldKind,
    /// What was typed.
    pub input: Input,
}

impl Field {
    fn new(kind: FieldKind, text: &str) -> Self {
        Self { kind, input: Input::new(text) }
    }

    /// What is asked for.
    pub const fn label(&self) -> &'static str {
        match self.kind {
            FieldKind::Reason => "Reason (shown to everyone)",
            FieldKind::Review => "Look at it again in, or at",
            FieldKind::Device => "Device id",
        }
    }

    /// What is wrong with what was typed.
    fn problem(&self) -> Option<String> {
        let text = self.input.trimmed();
        match self.kind {
            FieldKind::Reason if text.is_empty() => Some("a reason is needed".into()),
            FieldKind::Device if text.is_empty() => Some("an id is needed".into()),
            FieldKind::Review if Span::parse(&text).is_none() && parse_when(&text).is_none() => {
                Some(format!("`{text}` is no time: 2h, 1d or 2027-01-15T08:00:00Z"))
            }
            FieldKind::Reason | FieldKind::Device | FieldKind::Review => None,
        }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What it is about.
    pub about: About,
    /// What is typed.
    pub fields: Vec<Field>,
    /// The field that is typed into.
    pub at: usize,
    /// What is wrong with an answer.
    pub problem: Option<String>,
}

impl Ask {
    /// Asks before an order.
    pub fn order(rollout: &str, kind: OrderKind) -> Self {
        let fields = match kind {
            OrderKind::Pause => {
                vec![Field::new(FieldKind::Reason, ""), Field::new(FieldKind::Review, "2h")]
            }
            OrderKind::Halt => vec![Field::new(FieldKind::Reason, "")],
            OrderKind::Start
            | OrderKind::Resume
            | OrderKind::Advance
            | OrderKind::Approve
            | OrderKind::Cancel
            | OrderKind::RollBack => Vec::new(),
        };
        let about = About::Order { rollout: rollout.into(), kind };
        Self { about, fields, at: 0, problem: None }
    }

    /// Asks for a device.
    pub fn explain() -> Self {
        let fields = vec![Field::new(FieldKind::Device, "")];
        Self { about: About::Explain, fields, at: 0, problem: None }
    }

    /// The field that is typed into.
    pub fn field(&mut self) -> Option<&mut Input> {
        self.fields.get_mut(self.at).map(|field| &mut field.input)
    }

    /// Goes to the next field.
    pub fn next_field(&mut self) {
        if !self.fields.is_empty() {
            self.at = (self.at + 1) % self.fields.len();
        }
    }

    /// What was typed into the field of a kind.
    pub fn typed(&self, kind: FieldKind) -> String {
        let field = self.fields.iter().find(|field| field.kind == kind);
        field.map(|field| field.input.trimmed()).unwrap_or_default()
    }

    /// Looks for the first field that is wrong, and goes there.
    pub fn is_complete(&mut self) -> bool {
        let wrong = self.fields.iter().enumerate();
        let wrong = wrong.filter_map(|(at, field)| field.problem().map(|why| (at, why))).next();
        self.problem = wrong.map(|(at, why)| {
            self.at = at;
            why
        });
        self.problem.is_none()
    }

    /// The order, once it is complete.
    pub fn given(&self, kind: OrderKind, body: &RolloutBody) -> Option<Order> {
        Some(match kind {
            OrderKind::Start => Order::Start,
            OrderKind::Pause => Order::Pause {
                reason: self.typed(FieldKind::Reason),
                review: self.typed(FieldKind::Review),
            },
            OrderKind::Resume => Order::Resume,
            OrderKind::Advance => Order::Advance,
            OrderKind::Approve => Order::Approve { rung: rung_to_approve(body)?.rung.clone() },
            OrderKind::Halt => Order::Halt { reason: self.typed(FieldKind::Reason) },
            OrderKind::Cancel => Order::Cancel,
            OrderKind::RollBack => Order::RollBack,
        })
    }
}

/// The first rung that still needs people.
pub fn rung_to_approve(body: &RolloutBody) -> Option<&RungBody> {
    body.ladder.iter().find(|rung| {
        rung.state != "done" && rung.approved_by.len() < usize::from(rung.approvals_needed)
    })
}
