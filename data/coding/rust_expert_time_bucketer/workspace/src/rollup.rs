//! The batch side: narrow buckets into wide ones.

use crate::bucket::Bucket;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollupError {
    /// A factor of 0.
    ZeroFactor,
    /// A bucket starts before the end of the one before it.
    Unsorted,
    /// A bucket has another width than the first one, or its start does not lie whole widths away from the offset.
    Misaligned,
}

/// Rolls buckets of one width up into buckets of `factor` times that width, with an edge at `offset`.
pub fn rollup(buckets: &[Bucket], factor: u32, offset: i64) -> Result<Vec<Bucket>, RollupError> {
    let _ = (buckets, factor, offset);
    todo!("rollup")
}
