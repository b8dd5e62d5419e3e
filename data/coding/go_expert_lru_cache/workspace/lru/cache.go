// Package lru keeps the most recently used entries within a limit of cost.
package lru

import "time"

// Cache is a cache with a limit of cost. It is safe for use by several goroutines.
type Cache[K comparable, V any] struct {
}

// New makes an empty cache.
func New[K comparable, V any](options Options[K, V]) (*Cache[K, V], error) {
	panic("not implemented")
}

// Put stores a value that lives for the TTL of the options.
func (cache *Cache[K, V]) Put(key K, value V, cost int64) error {
	panic("not implemented")
}

// PutTTL stores a value that lives for ttl; 0: for ever.
func (cache *Cache[K, V]) PutTTL(key K, value V, cost int64, ttl time.Duration) error {
	panic("not implemented")
}

// Get gives the value of a key and makes it the most recently used.
func (cache *Cache[K, V]) Get(key K) (V, bool) {
	panic("not implemented")
}

// Peek gives the value of a key and changes nothing.
func (cache *Cache[K, V]) Peek(key K) (V, bool) {
	panic("not implemented")
}

// Remove takes an entry out.
func (cache *Cache[K, V]) Remove(key K) bool {
	panic("not implemented")
}

// Pin keeps an entry from expiring and from making room.
func (cache *Cache[K, V]) Pin(key K) bool {
	panic("not implemented")
}

// Unpin takes one Pin back.
func (cache *Cache[K, V]) Unpin(key K) bool {
	panic("not implemented")
}

// Resize changes the limit of cost.
func (cache *Cache[K, V]) Resize(maxCost int64) error {
	panic("not implemented")
}

// Keys gives the keys, the most recently used first.
func (cache *Cache[K, V]) Keys() []K {
	panic("not implemented")
}

// Len gives the number of entries.
func (cache *Cache[K, V]) Len() int {
	panic("not implemented")
}

// Cost gives the sum of the costs of all entries.
func (cache *Cache[K, V]) Cost() int64 {
	panic("not implemented")
}

// Stats gives the counts so far.
func (cache *Cache[K, V]) Stats() Stats {
	panic("not implemented")
}
