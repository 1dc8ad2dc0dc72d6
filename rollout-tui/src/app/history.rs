//! How a rollout's evidence and permits went, for the charts.
//!
//! Deliberately not here: the charts. Invariants: at most [`MOST`] points, oldest first, at the
//! server's time; the whole time that the server or the dashboard has seen is covered, with less
//! detail the longer it is.

use rollout_core::time::{Span, Timeline, Timestamp};
use rollout_http::body::v1::{LookBody, RolloutBody};

/// Most points that are kept; more than a screen has columns.
pub const MOST: usize = 512;
/// Finest distance of two points: bodies are read at most four times a second.
const FINEST: Span = Span(250);

/// One look at a rollout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
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
    fn of(body: &RolloutBody) -> Self {
        Self {
            ln_e_abort: body.gate.ln_e_abort,
            ln_e_pass: body.gate.ln_e_pass,
            lower: body.gate.lower,
            upper: body.gate.upper,
            in_flight: body.pace.in_flight,
            cap: [body.pace.cap, body.pace.max_in_flight].into_iter().flatten().min(),
        }
    }

    fn seen(look: &LookBody) -> Self {
        let &LookBody { ln_e_abort, ln_e_pass, lower, upper, in_flight, cap, .. } = look;
        Self { ln_e_abort, ln_e_pass, lower, upper, in_flight, cap }
    }
}

/// Looks at a rollout over time, the server's and the dashboard's own.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    line: Timeline<Point>,
}

impl Default for History {
    fn default() -> Self {
        Self { line: Timeline::new(MOST, FINEST) }
    }
}

impl History {
    /// Adds a look, at the server's time.
    pub fn push(&mut self, body: &RolloutBody, at_ms: u64) {
        self.line.push(Timestamp(at_ms), Point::of(body));
    }

    /// Takes over what the server has seen. What was seen here stays where the server has nothing:
    /// before its first look and after its newest.
    pub fn fill(&mut self, looks: &[LookBody]) {
        let (Some(first), Some(newest)) = (looks.first(), looks.last()) else { return };
        let mut filled = Timeline::new(MOST, FINEST);
        let own = self.line.points();
        let before = own.iter().take_while(|(at, _)| at.0 < first.at_ms).copied();
        let after = own.iter().skip_while(|(at, _)| at.0 <= newest.at_ms).copied();
        let looks = looks.iter().map(|look| (Timestamp(look.at_ms), Point::seen(look)));
        before.chain(looks).chain(after).for_each(|(at, point)| filled.push(at, point));
        self.line = filled;
    }

    /// The points, oldest first.
    pub fn points(&self) -> &[(Timestamp, Point)] {
        self.line.points()
    }

    /// One value for each of `columns` equal spans up to the newest point: the last that was known
    /// by then, nothing before the first.
    pub fn columns<T>(&self, columns: usize, value: impl Fn(&Point) -> T) -> Vec<Option<T>> {
        let points = self.points();
        let Some((first, _)) = points.first() else {
            return (0..columns).map(|_| None).collect();
        };
        let span = self.span_ms().max(1);
        let mut next = 0;
        (1..=columns as u64)
            .map(|column| {
                let until = first.0 + span * column / columns.max(1) as u64;
                while points.get(next).is_some_and(|(at, _)| at.0 <= until) {
                    next += 1;
                }
                points.get(next.checked_sub(1)?).map(|(_, point)| value(point))
            })
            .collect()
    }

    /// How long it was watched, milliseconds.
    pub fn span_ms(&self) -> u64 {
        match (self.points().first(), self.points().last()) {
            (Some((first, _)), Some((last, _))) => last.since(*first).0,
            (Some(_) | None, _) => 0,
        }
    }
}
