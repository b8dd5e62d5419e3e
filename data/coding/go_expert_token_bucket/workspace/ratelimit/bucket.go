// Package ratelimit limits how often something happens.
package ratelimit

import (
	"errors"
	"time"
)

var (
	// ErrInvalid says that an argument is out of its range.
	ErrInvalid = errors.New("ratelimit: invalid argument")
	// ErrTooMany says that more tokens are wanted than the bucket can ever hold.
	ErrTooMany = errors.New("ratelimit: more tokens than the capacity")
	// ErrTooLong says that the tokens would come later than the caller wants to wait.
	ErrTooLong = errors.New("ratelimit: wait is too long")
)

// Bucket is a token bucket. It is safe for use by several goroutines.
type Bucket struct {
}

// Reservation is a number of tokens taken from a bucket, perhaps before they are there.
type Reservation struct {
}

// New makes a full bucket that gains refill tokens per period.
func New(capacity, refill int64, period time.Duration, clock Clock) (*Bucket, error) {
	panic("not implemented")
}

// Allow takes n tokens if they are there.
func (bucket *Bucket) Allow(n int64) bool {
	panic("not implemented")
}

// Available gives the number of whole tokens that are there.
func (bucket *Bucket) Available() int64 {
	panic("not implemented")
}

// Reserve takes n tokens, going into debt if they will be there within maxWait.
func (bucket *Bucket) Reserve(n int64, maxWait time.Duration) (*Reservation, error) {
	panic("not implemented")
}

// SetRate changes how fast the bucket fills from now on.
func (bucket *Bucket) SetRate(refill int64, period time.Duration) error {
	panic("not implemented")
}

// SetCapacity changes how many tokens the bucket holds.
func (bucket *Bucket) SetCapacity(capacity int64) error {
	panic("not implemented")
}

// Delay gives how long the caller has to wait, counted from the moment of the reservation.
func (reservation *Reservation) Delay() time.Duration {
	panic("not implemented")
}

// Cancel gives the tokens back if the reservation is not due yet.
func (reservation *Reservation) Cancel() bool {
	panic("not implemented")
}
