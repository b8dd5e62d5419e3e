//! A least-recently-used cache with weights, times to live, pins and an injected clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// Why the cache refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheError {
    /// A weight of 0.
    ZeroWeight,
    /// A time to live of 0.
    ZeroTtl,
    /// The weight is greater than the capacity.
    TooHeavy,
    /// What is pinned leaves too little room.
    Pinned,
}

/// What has happened since the cache was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    pub hits: u64,
    pub misses: u64,
    pub evictions: u64,
    pub expirations: u64,
}

/// The cache. Times are ticks of any unit; `now` never goes backwards from one call to the next.
pub struct LruCache<K, V> {
    capacity: u64,
    // Suggestions only: choose the fields you need.
    entries: HashMap<K, V>,
    recency: BTreeMap<u64, K>,
    expiries: BTreeSet<(u64, u64)>,
    stats: Stats,
}

impl<K: Eq + Hash + Clone, V> LruCache<K, V> {
    pub fn new(capacity: u64) -> Self {
        LruCache {
            capacity,
            entries: HashMap::new(),
            recency: BTreeMap::new(),
            expiries: BTreeSet::new(),
            stats: Stats::default(),
        }
    }

    /// Stores `value`; gives the entries that were evicted for it, in the order of eviction.
    pub fn put(&mut self, now: u64, key: K, value: V, weight: u64, ttl: Option<u64>) -> Result<Vec<(K, V)>, CacheError> {
        let _ = (now, key, value, weight, ttl, self.capacity, &mut self.recency, &mut self.expiries);
        todo!("put")
    }

    /// The value under `key`, which becomes the most recently used.
    pub fn get(&mut self, now: u64, key: &K) -> Option<&V> {
        let _ = (now, key, &self.entries);
        todo!("get")
    }

    /// The value under `key`, without any effect on the cache.
    pub fn peek(&self, now: u64, key: &K) -> Option<&V> {
        let _ = (now, key);
        todo!("peek")
    }

    /// Takes the entry out and gives its value.
    pub fn remove(&mut self, now: u64, key: &K) -> Option<V> {
        let _ = (now, key);
        todo!("remove")
    }

    /// Protects the entry from eviction; `false` if there is none.
    pub fn pin(&mut self, now: u64, key: &K) -> bool {
        let _ = (now, key);
        todo!("pin")
    }

    /// Ends the protection; `false` if there is no such entry.
    pub fn unpin(&mut self, now: u64, key: &K) -> bool {
        let _ = (now, key);
        todo!("unpin")
    }

    /// Changes the capacity; gives the entries that were evicted for it, in the order of eviction.
    pub fn resize(&mut self, now: u64, capacity: u64) -> Result<Vec<(K, V)>, CacheError> {
        let _ = (now, capacity);
        todo!("resize")
    }

    /// The number of live entries.
    pub fn len(&self, now: u64) -> usize {
        let _ = now;
        todo!("len")
    }

    /// The sum of the weights of the live entries.
    pub fn weight(&self, now: u64) -> u64 {
        let _ = now;
        todo!("weight")
    }

    /// The keys of the live entries, the most recently used first.
    pub fn keys(&self, now: u64) -> Vec<K> {
        let _ = now;
        todo!("keys")
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }
}
