package main

import "task/interval"

// call: run([[operation, argument, ...], ...]) -> one answer for each operation that asks. Sets have names; an unknown name is an empty set.
func call(name string, args []any) (any, error) {
	if name != "run" {
		return nil, Failure{"unknown", name}
	}
	sets := map[string]*interval.Set{}
	named := func(value any) *interval.Set {
		if sets[asString(value)] == nil {
			sets[asString(value)] = interval.New()
		}
		return sets[asString(value)]
	}
	var held []interval.Interval
	answers := []any{}
	answer := func(value any) { answers = append(answers, value) }
	for _, item := range asList(args[0]) {
		operation := asList(item)
		number := func(index int) int64 { return operation[index].(int64) }
		switch asString(operation[0]) {
		case "new":
			sets[asString(operation[1])] = interval.New(intervalsOf(operation[2])...)
		case "add":
			named(operation[1]).Add(number(2), number(3))
		case "remove":
			named(operation[1]).Remove(number(2), number(3))
		case "clone":
			sets[asString(operation[1])] = named(operation[2]).Clone()
		case "union":
			sets[asString(operation[1])] = interval.Union(named(operation[2]), named(operation[3]))
		case "intersection":
			sets[asString(operation[1])] = interval.Intersection(named(operation[2]), named(operation[3]))
		case "difference":
			sets[asString(operation[1])] = interval.Difference(named(operation[2]), named(operation[3]))
		case "hold":
			held = named(operation[1]).Intervals()
		case "held":
			answer(pairs(held))
		case "scribble":
			list := named(operation[1]).Intervals()
			for index := range list {
				list[index] = interval.Interval{Low: -1, High: 0}
			}
		case "list":
			answer(pairs(named(operation[1]).Intervals()))
		case "contains":
			answer(named(operation[1]).Contains(number(2)))
		case "covers":
			answer(named(operation[1]).Covers(number(2), number(3)))
		case "overlaps":
			answer(named(operation[1]).Overlaps(number(2), number(3)))
		case "size":
			answer(named(operation[1]).Size())
		case "nth":
			found, exists := named(operation[1]).Nth(uint64(number(2)))
			answer([]any{found, exists})
		case "nth_from_2_63":
			found, exists := named(operation[1]).Nth(1<<63 + uint64(number(2)))
			answer([]any{found, exists})
		case "gaps":
			answer(pairs(named(operation[1]).Gaps(number(2), number(3))))
		default:
			return nil, Failure{"unknown", asString(operation[0])}
		}
	}
	return answers, nil
}

func intervalsOf(value any) []interval.Interval {
	intervals := []interval.Interval{}
	for _, item := range asList(value) {
		pair := asList(item)
		intervals = append(intervals, interval.Interval{Low: pair[0].(int64), High: pair[1].(int64)})
	}
	return intervals
}

func pairs(intervals []interval.Interval) []any {
	list := []any{}
	for _, one := range intervals {
		list = append(list, []int64{one.Low, one.High})
	}
	return list
}
