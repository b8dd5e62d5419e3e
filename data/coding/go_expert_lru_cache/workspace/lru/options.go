package lru

import (
	"errors"
	"time"
)

var (
	// ErrInvalid says that an argument is out of its range.
	ErrInvalid = errors.New("lru: invalid argument")
	// ErrNoRoom says that there is no room, even if everything that may go would go.
	ErrNoRoom = errors.New("lru: no room")
)

// Reason says why an entry left the cache.
type Reason string

const (
	ReasonExpired  Reason = "expired"  // its deadline is reached
	ReasonReplaced Reason = "replaced" // a new value was put under its key
	ReasonCapacity Reason = "capacity" // others needed the room
	ReasonRemoved  Reason = "removed"  // Remove was called
)

// Options say how a cache behaves.
type Options[K comparable, V any] struct {
	MaxCost int64                               // sum of costs that the cache holds, at least 1
	TTL     time.Duration                       // how long entries made by Put live; 0: for ever
	Now     func() time.Time                    // the clock; nil: time.Now
	OnEvict func(key K, value V, reason Reason) // told of every entry that leaves; nil: nobody is told
}

// Stats count what happened since the cache was made.
type Stats struct {
	Hits, Misses, Evictions, Expirations int
}
