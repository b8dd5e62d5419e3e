//! The stream side: events in, closed buckets out.

use crate::bucket::{Bucket};

/// What stands for the buckets without events between two with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Nothing.
    Skip,
    /// Buckets without values.
    Empty,
    /// Buckets whose four values are the `last` of the bucket before the gap.
    Carry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The width of a bucket.
    pub width: u64,
    /// One of the bucket edges; all others lie whole widths away from it, before and after.
    pub offset: i64,
    /// How long a bucket waits for events that come out of order.
    pub lateness: u64,
    pub fill: Fill,
    /// A gap of more buckets than this is not filled at all.
    pub fill_limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigError {
    ZeroWidth,
}

/// The event came too late: its bucket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late;

#[derive(Debug)]
pub struct TimeBucketer {
    config: Config,
}

impl TimeBucketer {
    pub fn new(config: Config) -> Result<TimeBucketer, ConfigError> {
        let _ = (config, TimeBucketer { config }.config);
        todo!("new")
    }

    /// Takes an event; gives the buckets that it closes.
    pub fn push(&mut self, time: i64, value: i64) -> Result<Vec<Bucket>, Late> {
        let _ = (time, value);
        todo!("push")
    }

    /// Closes all buckets.
    pub fn flush(&mut self) -> Vec<Bucket> {
        todo!("flush")
    }

    /// The greatest time taken so far, less the lateness.
    pub fn watermark(&self) -> Option<i128> {
        todo!("watermark")
    }

    /// The number of events that came too late.
    pub fn late(&self) -> u64 {
        todo!("late")
    }
}
