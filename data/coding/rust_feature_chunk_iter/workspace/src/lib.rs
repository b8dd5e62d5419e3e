//! `chunk_iter`: an iterator's items in chunks of equal size, side by side, overlapping or with gaps between them.

/// What becomes of items at the end that do not fill a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remainder {
    /// They are given as a last, shorter chunk.
    Keep,
    /// They are not given; `leftover` has them.
    Drop,
}

/// A size or a step of 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroLength;

/// Gives every iterator the method `chunk_iter`.
pub trait ChunkExt: Iterator + Sized {
    /// Chunks of `size` items, side by side; a shorter last chunk is kept.
    fn chunk_iter(self, size: usize) -> Result<ChunkIter<Self>, ZeroLength> {
        ChunkIter::new(self, size)
    }
}

impl<I: Iterator> ChunkExt for I {}

/// See `ChunkExt::chunk_iter`.
pub struct ChunkIter<I: Iterator> {
    source: I,
    size: usize,
    step: usize,
    remainder: Remainder,
    // Add what you need.
}

impl<I: Iterator> ChunkIter<I> {
    fn new(source: I, size: usize) -> Result<Self, ZeroLength> {
        if size == 0 {
            return Err(ZeroLength);
        }
        Ok(ChunkIter { source, size, step: size, remainder: Remainder::Keep })
    }

    /// The distance from the start of a chunk to the start of the next one.
    pub fn step(mut self, step: usize) -> Result<Self, ZeroLength> {
        self.step = step;
        Ok(self)
    }

    /// What becomes of items at the end that do not fill a chunk.
    pub fn remainder(mut self, remainder: Remainder) -> Self {
        self.remainder = remainder;
        self
    }

    /// After the end: the items at the end of the source that were dropped.
    pub fn leftover(&self) -> &[I::Item] {
        todo!("leftover")
    }
}

impl<I> Iterator for ChunkIter<I>
where
    I: Iterator,
    I::Item: Clone,
{
    type Item = Vec<I::Item>;

    // Works for chunks side by side only.
    fn next(&mut self) -> Option<Vec<I::Item>> {
        let chunk: Vec<I::Item> = self.source.by_ref().take(self.size).collect();
        if chunk.is_empty() || (chunk.len() < self.size && self.remainder == Remainder::Drop) {
            return None;
        }
        Some(chunk)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}
