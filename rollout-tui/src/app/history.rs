//! How a rollout's evidence and permits went, for the charts.
//!
//! Deliberately not here: the charts. Invariants: at most [`MOST`] points, oldest first; the whole
//! time that was watched is covered, with less detail the longer it is.

use rollout_http::body::v1::RolloutBody;

/// Most points that are kept; more than a screen has columns.
pub const MOST: usize = 480;

/// One look at a rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When, UTC milliseconds.
    pub at_ms: u64,
    /// Evidence for an abort, as a natural logarithm.
    pub ln_e_abort: f64,
    /// Evidence for a pass, as a natural logarithm.
    pub ln_e_pass: f64,
    /// Highest rate that is proven to be exceeded.
    pub lower: f64,
    /// Highest rate that is not ruled out.
    pub upper: f64,
    /// Permitted and not confirmed.
    pub in_flight: u64,
    /// What may be in flight; absent without a bound.
    pub cap: Option<u64>,
}

impl Point {
    fn of(body: &RolloutBody, at_ms: u64) -> Self {
        Self {
            at_ms,
            ln_e_abort: body.gate.ln_e_abort,
            ln_e_pass: body.gate.ln_e_pass,
            lower: body.gate.lower,
            upper: body.gate.upper,
            in_flight: body.pace.in_flight,
            cap: [body.pace.cap, body.pace.max_in_flight].into_iter().flatten().min(),
        }
    }
}

/// Looks at a rollout over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    points: Vec<Point>,
    /// Points closer than this to the last one replace it.
    spacing_ms: u64,
}

impl History {
    /// Adds a look.
    pub fn push(&mut self, body: &RolloutBody, at_ms: u64) {
        let point = Point::of(body, at_ms);
        let before = self.points.len().checked_sub(2).and_then(|place| self.points.get(place));
        let is_close = before.is_some_and(|one| at_ms < one.at_ms.saturating_add(self.spacing_ms));
        match self.points.last_mut() {
            Some(last) if is_close || at_ms <= last.at_ms => *last = point,
            Some(_) | None => self.points.push(point),
        }
        if self.points.len() > MOST {
            self.thin();
        }
    }

    /// Keeps every second point.
    fn thin(&mut self) {
        let mut place = 0;
        self.points.retain(|_| {
            place += 1;
            place % 2 == 1
        });
        let span = match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => last.at_ms.saturating_sub(first.at_ms),
            (Some(_) | None, _) => 0,
        };
        self.spacing_ms = span / MOST as u64 * 2;
    }

    /// The points, oldest first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// One value for each of `columns` equal spans up to the newest point: the last that was known
    /// by then, nothing before the first.
    pub fn columns<T>(&self, columns: usize, value: impl Fn(&Point) -> T) -> Vec<Option<T>> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return (0..columns).map(|_| None).collect();
        };
        let span = last.at_ms.saturating_sub(first.at_ms).max(1);
        let mut next = 0;
        (1..=columns as u64)
            .map(|column| {
                let until = first.at_ms + span * column / columns.max(1) as u64;
                while self.points.get(next).is_some_and(|point| point.at_ms <= until) {
                    next += 1;
                }
                self.points.get(next.checked_sub(1)?).map(&value)
            })
            .collect()
    }

    /// How long it was watched, milliseconds.
    pub fn span_ms(&self) -> u64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => last.at_ms.saturating_sub(first.at_ms),
            (Some(_) | None, _) => 0,
        }
    }
}
