//! Sorts a stream of events into buckets of equal width, closes buckets by a watermark, and rolls buckets up into wider ones.

mod bucket;
mod bucketer;
mod rollup;

pub use bucket::{Bucket, Values};
pub use bucketer::{Config, ConfigError, Fill, Late, TimeBucketer};
pub use rollup::{rollup, RollupError};
