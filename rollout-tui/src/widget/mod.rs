//! Parts of screens: rows that fit, bars that sum, charts with their limits.
//!
//! Each takes numbers and a width and returns lines. Deliberately not here: the model.
//!
//! Invariant: nothing takes more columns than it was given.

mod bar;
mod chart;
mod interval;
mod row;
mod spark;

pub use bar::{Part, cells, sum_bar};
pub use chart::{Series, chart, columns as chart_columns};
pub use interval::{Interval, interval};
pub use row::{Row, wrapped};
pub use spark::spark;
