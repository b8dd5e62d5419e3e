//! What is known of the events of one bucket.

/// Values of a bucket's events. `first` and `last` go by time, not by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Values {
    pub first: i64,
    pub last: i64,
    pub min: i64,
    pub max: i64,
}

/// The events with `start <= time < end`. The edges may lie outside of `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub start: i128,
    pub end: i128,
    /// The number of events; 0 in a bucket that only fills a gap.
    pub count: u64,
    pub sum: i128,
    /// `None` in a bucket without events, unless it carries the values of an earlier one.
    pub values: Option<Values>,
}

impl Bucket {
    /// A bucket without events.
    pub fn empty(start: i128, end: i128, values: Option<Values>) -> Bucket {
        Bucket { start, end, count: 0, sum: 0, values }
    }
}
