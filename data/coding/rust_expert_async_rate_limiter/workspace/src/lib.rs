//! A rate limiter for asynchronous code that needs no runtime: futures are polled by whoever owns them, and the clock is handed in.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Where the limiter reads the time, in ticks of any unit.
pub trait Clock {
    fn now(&self) -> u64;
}

/// Capacity, refill or period is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigError;

/// Why permits were not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcquireError {
    /// The limiter was closed.
    Closed,
    /// More permits than the capacity.
    TooMany,
    /// Only from `try_acquire`: one would have to wait.
    WouldBlock,
}

struct State {
    // What the limiter and its futures share.
}

/// A handle to a limiter; clones are handles to the same one.
pub struct RateLimiter<C> {
    clock: Arc<C>,
    state: Arc<Mutex<State>>,
}

impl<C> Clone for RateLimiter<C> {
    fn clone(&self) -> Self {
        RateLimiter { clock: Arc::clone(&self.clock), state: Arc::clone(&self.state) }
    }
}

impl<C: Clock> RateLimiter<C> {
    /// A full bucket of `capacity` permits; every `period` ticks from now on, `refill` permits come in.
    pub fn new(clock: C, capacity: u64, refill: u64, period: u64) -> Result<Self, ConfigError> {
        let _ = (clock, capacity, refill, period);
        todo!("new")
    }

    /// A future that waits for its turn and then takes the permits. It does nothing before it is polled.
    pub fn acquire(&self, permits: u64) -> Acquire<C> {
        Acquire { limiter: self.clone(), permits }
    }

    /// Takes the permits now or not at all.
    pub fn try_acquire(&self, permits: u64) -> Result<(), AcquireError> {
        let _ = permits;
        todo!("try_acquire")
    }

    /// Serves those whose turn has come; gives the time at which the next of them can be served.
    pub fn tick(&self) -> Option<u64> {
        todo!("tick")
    }

    /// The permits in the bucket.
    pub fn available(&self) -> u64 {
        todo!("available")
    }

    /// The number of futures in the queue.
    pub fn waiting(&self) -> usize {
        todo!("waiting")
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        todo!("close")
    }
}

/// See `RateLimiter::acquire`.
pub struct Acquire<C: Clock> {
    limiter: RateLimiter<C>,
    permits: u64,
}

impl<C: Clock> Future for Acquire<C> {
    type Output = Result<(), AcquireError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let _ = (context, &self.limiter, self.permits);
        todo!("poll")
    }
}

impl<C: Clock> Drop for Acquire<C> {
    fn drop(&mut self) {
        // A future that is dropped before it is ready must leave no trace.
    }
}
