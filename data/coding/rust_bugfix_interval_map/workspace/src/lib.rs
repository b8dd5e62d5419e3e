//! A map from the whole numbers to values, kept as runs: stretches of numbers with one value.

mod cut;

use std::collections::BTreeMap;

/// Numbers `start <= n < end` that have the same value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<V> {
    pub start: i64,
    pub end: i64,
    pub value: V,
}

/// The map. Its runs are as long as they can be: two runs that touch have different values.
#[derive(Debug, Clone)]
pub struct IntervalMap<V> {
    /// From the start of a run to its end and its value. Runs never overlap.
    runs: BTreeMap<i64, (i64, V)>,
}

impl<V> Default for IntervalMap<V> {
    fn default() -> Self {
        IntervalMap { runs: BTreeMap::new() }
    }
}

impl<V: Clone + PartialEq> IntervalMap<V> {
    pub fn new() -> Self {
        IntervalMap::default()
    }

    /// Gives all numbers of `start..end` the value, whatever they had before.
    pub fn insert(&mut self, start: i64, end: i64, value: V) {
        if start >= end {
            return;
        }
        self.cut_out(start, end);
        self.runs.insert(start, (end, value));
        self.join_at(start);
    }

    /// Takes the values of all numbers of `start..end` away.
    pub fn remove(&mut self, start: i64, end: i64) {
        self.cut_out(start, end);
    }

    /// The value of a number.
    pub fn get(&self, number: i64) -> Option<&V> {
        let (_, (end, value)) = self.runs.range(..=number).next_back()?;
        if number < *end {
            Some(value)
        } else {
            None
        }
    }

    /// All runs, from left to right.
    pub fn runs(&self) -> Vec<Run<V>> {
        self.runs.iter().map(|(&start, (end, value))| Run { start, end: *end, value: value.clone() }).collect()
    }

    /// What lies within `start..end`, from left to right; runs that reach beyond it are cut at its edges.
    pub fn within(&self, start: i64, end: i64) -> Vec<Run<V>> {
        if start >= end {
            return Vec::new();
        }
        self.runs
            .range(start..end)
            .map(|(&left, (right, value))| Run { start: left.max(start), end: *right, value: value.clone() })
            .collect()
    }

    /// The parts of `start..end` that have no value, from left to right, each as long as it can be.
    pub fn gaps(&self, start: i64, end: i64) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        let mut at = start;
        for run in self.within(start, end) {
            if at < run.start {
                gaps.push((at, run.start));
            }
            at = run.end;
        }
        gaps
    }

    /// How many numbers of `start..end` have a value.
    pub fn covered(&self, start: i64, end: i64) -> u64 {
        self.within(start, end).iter().map(|run| run.end.wrapping_sub(run.start) as u64).sum()
    }

    /// Replaces what stands in `start..end`: `change` sees each value (`None` for what has none) and gives the new one (`None`: none any more).
    pub fn update(&mut self, start: i64, end: i64, change: impl Fn(Option<&V>) -> Option<V>) {
        let mut pieces: Vec<(i64, i64, Option<V>)> = Vec::new();
        for run in self.within(start, end) {
            pieces.push((run.start, run.end, change(Some(&run.value))));
        }
        for (left, right) in self.gaps(start, end) {
            pieces.push((left, right, change(None)));
        }
        for (left, right, value) in pieces {
            if let Some(value) = value {
                self.insert(left, right, value);
            }
        }
    }
}
