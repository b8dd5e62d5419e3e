// Package interval keeps sets of whole numbers as sorted intervals.
package interval

import "sort"

// Interval holds the numbers from Low up to, but without, High.
type Interval struct {
	Low, High int64
}

// Set is a set of int64 numbers. Its spans are sorted, not empty, and do not touch each other.
type Set struct {
	spans []Interval
}

// New makes a set of the numbers of all given intervals.
func New(intervals ...Interval) *Set {
	set := &Set{}
	for _, interval := range intervals {
		set.Add(interval.Low, interval.High)
	}
	return set
}

// Add puts all numbers of [low, high) into the set.
func (set *Set) Add(low, high int64) {
	if low >= high {
		return
	}
	// spans[first:last] are those that become one with the new interval.
	first := sort.Search(len(set.spans), func(i int) bool { return set.spans[i].High > low })
	last := sort.Search(len(set.spans), func(i int) bool { return set.spans[i].Low > high })
	if first < last {
		low = smaller(low, set.spans[first].Low)
		high = larger(high, set.spans[last-1].High)
	}
	tail := append([]Interval{{low, high}}, set.spans[last:]...)
	set.spans = append(set.spans[:first], tail...)
}

// Remove takes all numbers of [low, high) out of the set.
func (set *Set) Remove(low, high int64) {
	if low >= high {
		return
	}
	kept := set.spans[:0]
	for _, span := range set.spans {
		if span.High <= low || span.Low >= high {
			kept = append(kept, span)
			continue
		}
		if span.Low < low {
			kept = append(kept, Interval{span.Low, low})
		}
		if span.High > high {
			kept = append(kept, Interval{high, span.High})
		}
	}
	set.spans = kept
}

// Contains says whether a number is in the set.
func (set *Set) Contains(number int64) bool {
	index := set.after(number)
	return index < len(set.spans) && set.spans[index].Low <= number
}

// Covers says whether all numbers of [low, high) are in the set.
func (set *Set) Covers(low, high int64) bool {
	if low >= high {
		return true
	}
	return set.Contains(low) && set.Contains(high-1)
}

// Overlaps says whether at least one number of [low, high) is in the set.
func (set *Set) Overlaps(low, high int64) bool {
	index := set.after(low)
	return index < len(set.spans) && set.spans[index].Low < high
}

// after gives the index of the first span that ends after a number.
func (set *Set) after(number int64) int {
	return sort.Search(len(set.spans), func(i int) bool { return set.spans[i].High > number })
}

// Intervals gives the numbers of the set as few, sorted intervals.
func (set *Set) Intervals() []Interval {
	return set.spans
}

// Clone gives a set of the same numbers that changes on its own.
func (set *Set) Clone() *Set {
	return &Set{spans: set.spans}
}

// Size gives how many numbers are in the set.
func (set *Set) Size() uint64 {
	var size uint64
	for _, span := range set.spans {
		size += uint64(span.High - span.Low)
	}
	return size
}

// Nth gives the number that has n smaller ones in the set; false if there are too few.
func (set *Set) Nth(n uint64) (int64, bool) {
	for _, span := range set.spans {
		length := span.High - span.Low
		if int64(n) < length {
			return span.Low + int64(n), true
		}
		n -= uint64(length)
	}
	return 0, false
}

// Gaps gives the intervals of [low, high) that are not in the set.
func (set *Set) Gaps(low, high int64) []Interval {
	gaps := []Interval{}
	for _, span := range set.spans[set.after(low):] {
		if span.Low >= high {
			break
		}
		if span.Low > low {
			gaps = append(gaps, Interval{low, span.Low})
		}
		low = span.High
	}
	return append(gaps, Interval{low, high})
}

func smaller(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func larger(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}
