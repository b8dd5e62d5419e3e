//! Calls of the LRU cache: `run(capacity, operations)` gives one answer an operation, `load(entries, rounds, seed)` a checksum.

use crate::{argument, Failure, Value};
use task::{CacheError, LruCache};

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    match name {
        "run" => run(argument(args, 0)?.int()?, argument(args, 1)?.list()?),
        "load" => load(argument(args, 0)?.int()?, argument(args, 1)?.int()?, argument(args, 2)?.int()?),
        other => Err(Failure::bad_call(format!("no function {}", other))),
    }
}

fn run(capacity: u64, operations: &[Value]) -> Result<Value, Failure> {
    let mut cache: LruCache<String, i64> = LruCache::new(capacity);
    let mut answers = Vec::new();
    for operation in operations {
        answers.push(step(&mut cache, operation)?);
    }
    Ok(Value::List(answers))
}

fn step(cache: &mut LruCache<String, i64>, operation: &Value) -> Result<Value, Failure> {
    let name = operation.at(0)?.text()?;
    if name == "stats" {
        let stats = cache.stats();
        return Ok(Value::object([
            ("hits", stats.hits.into()),
            ("misses", stats.misses.into()),
            ("evictions", stats.evictions.into()),
            ("expirations", stats.expirations.into()),
        ]));
    }
    let now = operation.at(1)?.int()?;
    let key = || -> Result<String, Failure> { Ok(operation.at(2)?.text()?.to_string()) };
    Ok(match name {
        "put" => {
            let ttl = operation.at(5)?;
            let ttl = if ttl.is_null() { None } else { Some(ttl.int()?) };
            evicted(cache.put(now, key()?, operation.at(3)?.int()?, operation.at(4)?.int()?, ttl))
        }
        "get" => cache.get(now, &key()?).copied().into(),
        "peek" => cache.peek(now, &key()?).copied().into(),
        "remove" => cache.remove(now, &key()?).into(),
        "pin" => cache.pin(now, &key()?).into(),
        "unpin" => cache.unpin(now, &key()?).into(),
        "resize" => evicted(cache.resize(now, operation.at(2)?.int()?)),
        "len" => cache.len(now).into(),
        "weight" => cache.weight(now).into(),
        "keys" => cache.keys(now).into(),
        other => return Err(Failure::bad_call(format!("no operation {}", other))),
    })
}

fn evicted(result: Result<Vec<(String, i64)>, CacheError>) -> Value {
    let error = match result {
        Ok(entries) => return entries.into(),
        Err(error) => error,
    };
    Value::from(match error {
        CacheError::ZeroWeight => "ZeroWeight",
        CacheError::ZeroTtl => "ZeroTtl",
        CacheError::TooHeavy => "TooHeavy",
        CacheError::Pinned => "Pinned",
    })
}

/// Fills a cache with `entries` entries, a quarter of them pinned, the pinned ones used longest ago, and then works on it.
fn load(entries: u64, rounds: u64, seed: u64) -> Result<Value, Failure> {
    let mut cache: LruCache<u64, u64> = LruCache::new(entries);
    for key in 0..entries {
        let _ = cache.put(0, key, key, 1, Some(1_000_000 + key));
        if key < entries / 4 {
            cache.pin(0, &key);
        }
    }
    let (mut state, mut sum) = (seed, 0u64);
    for round in 0..rounds {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let key = (state >> 33) % (2 * entries);
        let seen = match round % 3 {
            0 => cache.get(round, &key).copied(),
            1 => cache.put(round, key, round, 1, Some(5_000_000)).ok().and_then(|out| out.first().map(|entry| entry.1)),
            _ => cache.peek(round, &key).copied(),
        };
        sum = sum.wrapping_mul(31).wrapping_add(seen.unwrap_or(7)) % 1_000_000_007;
    }
    let stats = cache.stats();
    Ok(vec![sum, stats.hits, stats.misses, stats.evictions, stats.expirations].into())
}
