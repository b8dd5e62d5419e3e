package main

import (
	"errors"
	"sync"
	"task/lru"
	"time"
)

// call: run({max_cost, ttl_ms, observe}, [[operation, argument, ...], ...]) -> [[answer, [[key, value, reason], ...]], ...], a pair for
// each operation but advance. With observe, each event also has the cache's length and keys as OnEvict finds them.
// shared(max_cost, goroutines, keys) -> [length, cost, hits + misses] after goroutines used one cache at once.
func call(name string, args []any) (any, error) {
	switch name {
	case "run":
		return run(args[0].(map[string]any), asList(args[1]))
	case "shared":
		return shared(args[0].(int64), asInt(args[1]), asInt(args[2]))
	}
	return nil, Failure{"unknown", name}
}

func run(given map[string]any, operations []any) (any, error) {
	now := time.Date(2024, 2, 28, 12, 0, 0, 0, time.UTC)
	events := []any{}
	var cache *lru.Cache[string, int64]
	observe, _ := given["observe"].(bool)
	options := lru.Options[string, int64]{MaxCost: given["max_cost"].(int64), Now: func() time.Time { return now }}
	if ttl, found := given["ttl_ms"]; found {
		options.TTL = milliseconds(ttl)
	}
	options.OnEvict = func(key string, value int64, reason lru.Reason) {
		event := []any{key, value, string(reason)}
		if observe {
			event = append(event, cache.Len(), cache.Keys())
		}
		events = append(events, event)
	}
	if silent, _ := given["silent"].(bool); silent {
		options.OnEvict = nil
	}
	cache, err := lru.New(options)
	if err != nil {
		return nil, Failure{kindOf(err), "New"}
	}
	answers := []any{}
	for _, item := range operations {
		operation := asList(item)
		if asString(operation[0]) == "advance" {
			now = now.Add(milliseconds(operation[1]))
			continue
		}
		events = []any{}
		answer := do(cache, asString(operation[0]), operation[1:])
		answers = append(answers, []any{answer, events})
	}
	return answers, nil
}

func do(cache *lru.Cache[string, int64], operation string, args []any) any {
	switch operation {
	case "put":
		return kindOf(cache.Put(asString(args[0]), args[1].(int64), args[2].(int64)))
	case "put_ttl":
		return kindOf(cache.PutTTL(asString(args[0]), args[1].(int64), args[2].(int64), milliseconds(args[3])))
	case "get":
		value, found := cache.Get(asString(args[0]))
		return []any{value, found}
	case "peek":
		value, found := cache.Peek(asString(args[0]))
		return []any{value, found}
	case "remove":
		return cache.Remove(asString(args[0]))
	case "pin":
		return cache.Pin(asString(args[0]))
	case "unpin":
		return cache.Unpin(asString(args[0]))
	case "resize":
		return kindOf(cache.Resize(args[0].(int64)))
	case "keys":
		return cache.Keys()
	case "len":
		return cache.Len()
	case "cost":
		return cache.Cost()
	case "stats":
		stats := cache.Stats()
		return []int{stats.Hits, stats.Misses, stats.Evictions, stats.Expirations}
	}
	return "unknown operation"
}

// shared lets every goroutine put and get all keys; what is left does not depend on their order.
func shared(maxCost int64, goroutines, keys int) (any, error) {
	cache, err := lru.New(lru.Options[int, string]{MaxCost: maxCost})
	if err != nil {
		return nil, Failure{kindOf(err), "New"}
	}
	var group sync.WaitGroup
	for goroutine := 0; goroutine < goroutines; goroutine++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for key := 0; key < keys; key++ {
				_ = cache.Put(key, "value", 2)
				cache.Get(key)
			}
		}()
	}
	group.Wait()
	stats := cache.Stats()
	return []any{cache.Len(), cache.Cost(), stats.Hits + stats.Misses}, nil
}

func milliseconds(value any) time.Duration { return time.Duration(asInt(value)) * time.Millisecond }

func kindOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, lru.ErrInvalid):
		return "ErrInvalid"
	case errors.Is(err, lru.ErrNoRoom):
		return "ErrNoRoom"
	}
	return "another error"
}
