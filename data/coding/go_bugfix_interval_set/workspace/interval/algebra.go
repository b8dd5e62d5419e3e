package interval

// Union gives the numbers that are in a or in b.
func Union(a, b *Set) *Set {
	result := a.Clone()
	for _, span := range b.Intervals() {
		result.Add(span.Low, span.High)
	}
	return result
}

// Difference gives the numbers that are in a but not in b.
func Difference(a, b *Set) *Set {
	result := a.Clone()
	for _, span := range b.Intervals() {
		result.Remove(span.Low, span.High)
	}
	return result
}

// Intersection gives the numbers that are in a and in b.
func Intersection(a, b *Set) *Set {
	result := &Set{}
	for i, j := 0, 0; i < len(a.spans) && j < len(b.spans); {
		low := larger(a.spans[i].Low, b.spans[j].Low)
		high := smaller(a.spans[i].High, b.spans[j].High)
		if low < high {
			result.spans = append(result.spans, Interval{low, high})
		}
		if a.spans[i].Low < b.spans[j].Low {
			i++
		} else {
			j++
		}
	}
	return result
}
