//! Calls of the chunk iterator: `chunks`, `pulls`, `hint` and `errors`.

use crate::{argument, Failure, Value};
use task::{ChunkExt, ChunkIter, Remainder, ZeroLength};

/// Gives 0, 1, … and notes how often it was asked. It is not fused: it gives more after its `None`.
struct Counter {
    next: u64,
    end: u64,
    pulls: std::rc::Rc<std::cell::Cell<u64>>,
}

impl Iterator for Counter {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.pulls.set(self.pulls.get() + 1);
        if self.next == self.end {
            self.end = u64::MAX;
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }
}

/// Promises any size.
struct Promise(usize, Option<usize>);

impl Iterator for Promise {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0, self.1)
    }
}

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    match name {
        "chunks" => {
            let items: Vec<i64> = argument(args, 0)?.ints()?;
            chunks(shaped(items.into_iter(), &args[1..])?)
        }
        "pulls" => {
            let pulls = std::rc::Rc::default();
            let counter = Counter { next: 0, end: argument(args, 0)?.int()?, pulls: std::rc::Rc::clone(&pulls) };
            let mut chunks = shaped(counter, &args[1..])?;
            let calls: usize = argument(args, 4)?.int()?;
            let rows = (0..calls).map(|_| Value::List(vec![chunks.next().into(), pulls.get().into()]));
            Ok(Value::List(rows.collect()))
        }
        "hint" => {
            let upper = argument(args, 1)?;
            let upper = if upper.is_null() { None } else { Some(upper.int()?) };
            let source = Promise(argument(args, 0)?.int()?, upper);
            Ok(shaped(source, &args[2..])?.size_hint().into())
        }
        other => Err(Failure::bad_call(format!("no function {}", other))),
    }
}

/// The chunk iterator that `[size, step or null, "keep" or "drop"]` asks for.
fn shaped<I: Iterator>(source: I, shape: &[Value]) -> Result<ChunkIter<I>, Failure> {
    let zero = |_: ZeroLength| Failure::new("ZeroLength", "");
    let mut chunks = source.chunk_iter(argument(shape, 0)?.int()?).map_err(zero)?;
    let step = argument(shape, 1)?;
    if !step.is_null() {
        chunks = chunks.step(step.int()?).map_err(zero)?;
    }
    Ok(match argument(shape, 2)?.text()? {
        "drop" => chunks.remainder(Remainder::Drop),
        "keep" => chunks.remainder(Remainder::Keep),
        _ => chunks,
    })
}

/// All chunks, the hint before each call of `next` and after the end, and what was left over before, during and after.
fn chunks<I: Iterator<Item = i64>>(mut source: ChunkIter<I>) -> Result<Value, Failure> {
    let (mut chunks, mut hints, mut early): (Vec<Value>, Vec<Value>, Vec<i64>) = Default::default();
    loop {
        hints.push(source.size_hint().into());
        early.extend(source.leftover());
        match source.next() {
            Some(chunk) => chunks.push(chunk.into()),
            None => break,
        }
    }
    hints.push(source.size_hint().into());
    if source.next().is_some() {
        return Err(Failure::new("NotFused", "a chunk after the end"));
    }
    let leftover = source.leftover().to_vec();
    Ok(Value::object([
        ("chunks", Value::List(chunks)),
        ("hints", Value::List(hints)),
        ("leftover", leftover.into()),
        ("leftover_early", early.into()),
    ]))
}
