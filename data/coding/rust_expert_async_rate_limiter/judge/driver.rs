//! Calls of the rate limiter: `run(start, capacity, refill, period, operations)` gives one answer an operation.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::{argument, Failure, Value};
use task::{Acquire, AcquireError, Clock, ConfigError, RateLimiter};

#[derive(Clone)]
struct HandClock(Arc<AtomicU64>);

impl Clock for HandClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

type Log = Arc<Mutex<Vec<Value>>>;

/// Notes that it was woken; a curious one then asks the limiter.
struct Note {
    tag: String,
    log: Log,
    ask: Option<RateLimiter<HandClock>>,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut line: Vec<Value> = vec![self.tag.as_str().into()];
        if let Some(limiter) = &self.ask {
            line.push(limiter.available().into());
            line.push(limiter.waiting().into());
        }
        self.log.lock().unwrap().push(Value::List(line));
    }
}

struct Bench {
    clock: HandClock,
    limiter: RateLimiter<HandClock>,
    futures: HashMap<String, Pin<Box<Acquire<HandClock>>>>,
    log: Log,
}

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    if name != "run" {
        return Err(Failure::bad_call(format!("no function {}", name)));
    }
    let number = |index: usize| -> Result<u64, Failure> { argument(args, index)?.int() };
    let clock = HandClock(Arc::new(AtomicU64::new(number(0)?)));
    let limiter = match RateLimiter::new(clock.clone(), number(1)?, number(2)?, number(3)?) {
        Ok(limiter) => limiter,
        Err(ConfigError) => return Err(Failure::new("ConfigError", "")),
    };
    let mut bench = Bench { clock, limiter, futures: HashMap::new(), log: Log::default() };
    let mut answers = Vec::new();
    for operation in argument(args, 4)?.list()? {
        answers.push(bench.step(operation)?);
    }
    Ok(Value::List(answers))
}

impl Bench {
    fn step(&mut self, operation: &Value) -> Result<Value, Failure> {
        let word = |index: usize| -> Result<&str, Failure> { operation.at(index)?.text() };
        Ok(match word(0)? {
            "time" => {
                self.clock.0.store(operation.at(1)?.int()?, Ordering::SeqCst);
                Value::Null
            }
            "acquire" => {
                let future = Box::pin(self.limiter.clone().acquire(operation.at(2)?.int()?));
                self.futures.insert(word(1)?.to_string(), future);
                Value::Null
            }
            "poll" => self.poll(word(1)?, word(2)?, None)?,
            "poll_curious" => self.poll(word(1)?, word(2)?, Some(self.limiter.clone()))?,
            "drop" => {
                self.futures.remove(word(1)?);
                Value::Null
            }
            "try" => show(self.limiter.try_acquire(operation.at(1)?.int()?)),
            "tick" => self.limiter.tick().into(),
            "available" => self.limiter.available().into(),
            "waiting" => self.limiter.waiting().into(),
            "close" => {
                self.limiter.close();
                Value::Null
            }
            "wakes" => Value::List(std::mem::take(&mut *self.log.lock().unwrap())),
            other => return Err(Failure::bad_call(format!("no operation {}", other))),
        })
    }

    /// Polls a future; a ready one is dropped.
    fn poll(&mut self, name: &str, tag: &str, ask: Option<RateLimiter<HandClock>>) -> Result<Value, Failure> {
        let waker = Waker::from(Arc::new(Note { tag: tag.to_string(), log: Arc::clone(&self.log), ask }));
        let future = self.futures.get_mut(name).ok_or_else(|| Failure::bad_call(format!("no future {}", name)))?;
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => Ok("pending".into()),
            Poll::Ready(answer) => {
                self.futures.remove(name);
                Ok(show(answer))
            }
        }
    }
}

fn show(answer: Result<(), AcquireError>) -> Value {
    Value::from(match answer {
        Ok(()) => "ok",
        Err(AcquireError::Closed) => "Closed",
        Err(AcquireError::TooMany) => "TooMany",
        Err(AcquireError::WouldBlock) => "WouldBlock",
    })
}
