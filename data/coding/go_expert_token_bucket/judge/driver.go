package main

import (
	"errors"
	"sync"
	"sync/atomic"
	"task/ratelimit"
	"time"
)

// shownClock shows the time that the case sets.
type shownClock struct{ now time.Time }

func (clock *shownClock) Now() time.Time { return clock.now }

// call: run(capacity, refill, period_ns, [[operation, argument, ...], ...]) -> one answer for each operation but advance.
func call(name string, args []any) (any, error) {
	clock := &shownClock{time.Date(2024, 2, 28, 12, 0, 0, 0, time.UTC)}
	if name == "new_without_clock" {
		_, err := ratelimit.New(asInt64(args[0]), asInt64(args[1]), time.Duration(asInt64(args[2])), nil)
		return kindOf(err), nil
	}
	if name != "run" {
		return nil, Failure{"unknown", name}
	}
	bucket, err := ratelimit.New(asInt64(args[0]), asInt64(args[1]), time.Duration(asInt64(args[2])), clock)
	if err != nil {
		return nil, Failure{kindOf(err), "New"}
	}
	answers := []any{}
	var reservations []*ratelimit.Reservation
	for _, item := range asList(args[3]) {
		operation := asList(item)
		number := func(index int) int64 { return asInt64(operation[index]) }
		switch asString(operation[0]) {
		case "advance":
			clock.now = clock.now.Add(time.Duration(number(1)))
		case "allow":
			answers = append(answers, bucket.Allow(number(1)))
		case "available":
			answers = append(answers, bucket.Available())
		case "reserve":
			reservation, err := bucket.Reserve(number(1), time.Duration(number(2)))
			if err != nil {
				answers = append(answers, kindOf(err))
				continue
			}
			reservations = append(reservations, reservation)
			answers = append(answers, int64(reservation.Delay()))
		case "delay":
			answers = append(answers, int64(reservations[number(1)].Delay()))
		case "cancel":
			answers = append(answers, reservations[number(1)].Cancel())
		case "set_rate":
			answers = append(answers, kindOf(bucket.SetRate(number(1), time.Duration(number(2)))))
		case "set_capacity":
			answers = append(answers, kindOf(bucket.SetCapacity(number(1))))
		case "parallel":
			answers = append(answers, inParallel(bucket, int(number(1)), int(number(2))))
		}
	}
	return answers, nil
}

// inParallel lets goroutines call Allow(1) often and counts how often that was allowed.
func inParallel(bucket *ratelimit.Bucket, goroutines, calls int) int64 {
	var allowed int64
	var group sync.WaitGroup
	for goroutine := 0; goroutine < goroutines; goroutine++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := 0; number < calls; number++ {
				if bucket.Allow(1) {
					atomic.AddInt64(&allowed, 1)
				}
			}
		}()
	}
	group.Wait()
	return allowed
}

func asInt64(value any) int64 { return value.(int64) }

func kindOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ratelimit.ErrInvalid):
		return "ErrInvalid"
	case errors.Is(err, ratelimit.ErrTooMany):
		return "ErrTooMany"
	case errors.Is(err, ratelimit.ErrTooLong):
		return "ErrTooLong"
	}
	return "another error"
}
