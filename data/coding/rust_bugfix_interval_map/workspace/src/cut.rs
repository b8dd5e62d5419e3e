//! The two operations under all others: making room, and joining what belongs together.

use crate::IntervalMap;

impl<V: Clone + PartialEq> IntervalMap<V> {
    /// Takes `start..end` out of all runs; what stands left and right of it stays.
    pub(crate) fn cut_out(&mut self, start: i64, end: i64) {
        if start >= end {
            return;
        }
        // The run that begins before the range and reaches into it.
        if let Some((&left, &(reach, ref value))) = self.runs.range(..start).next_back() {
            if reach > start {
                let value = value.clone();
                self.runs.insert(left, (start, value));
            }
        }
        // The runs that begin in the range; the last of them may reach beyond it.
        let inside: Vec<i64> = self.runs.range(start..end).map(|(&left, _)| left).collect();
        for left in inside {
            if let Some((reach, value)) = self.runs.remove(&left) {
                if reach > end {
                    self.runs.insert(end, (reach, value));
                }
            }
        }
    }

    /// Joins the run that ends at `edge` with the one that begins there, if both have the same value.
    pub(crate) fn join_at(&mut self, edge: i64) {
        let left = match self.runs.range(..edge).next_back() {
            Some((&left, &(reach, _))) if reach == edge => left,
            _ => return,
        };
        let joined = match (self.runs.get(&left), self.runs.get(&edge)) {
            (Some((_, value)), Some((reach, same))) if value == same => *reach,
            _ => return,
        };
        self.runs.remove(&edge);
        if let Some((reach, _)) = self.runs.get_mut(&left) {
            *reach = joined;
        }
    }
}
