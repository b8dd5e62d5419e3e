//! Calls of the time bucketer: `run(config, operations)` gives one answer an operation, `rollup(buckets, factor, offset)` the wide buckets.

use crate::{argument, Failure, Value};
use task::{rollup, Bucket, Config, ConfigError, Fill, RollupError, TimeBucketer, Values};

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    match name {
        "run" => run(argument(args, 0)?, argument(args, 1)?.list()?),
        "rollup" => {
            let buckets = argument(args, 0)?.list()?.iter().map(read_bucket).collect::<Result<Vec<_>, _>>()?;
            match rollup(&buckets, argument(args, 1)?.int()?, argument(args, 2)?.int()?) {
                Ok(rolled) => Ok(show(rolled)),
                Err(RollupError::ZeroFactor) => Err(Failure::new("ZeroFactor", "")),
                Err(RollupError::Unsorted) => Err(Failure::new("Unsorted", "")),
                Err(RollupError::Misaligned) => Err(Failure::new("Misaligned", "")),
            }
        }
        other => Err(Failure::bad_call(format!("no function {}", other))),
    }
}

/// `[width, offset, lateness, fill, fill_limit]`
fn read_config(value: &Value) -> Result<Config, Failure> {
    let fill = match value.at(3)?.text()? {
        "skip" => Fill::Skip,
        "empty" => Fill::Empty,
        "carry" => Fill::Carry,
        other => return Err(Failure::bad_call(other)),
    };
    Ok(Config {
        width: value.at(0)?.int()?,
        offset: value.at(1)?.int()?,
        lateness: value.at(2)?.int()?,
        fill,
        fill_limit: value.at(4)?.int()?,
    })
}

fn run(config: &Value, operations: &[Value]) -> Result<Value, Failure> {
    let mut bucketer = match TimeBucketer::new(read_config(config)?) {
        Ok(bucketer) => bucketer,
        Err(ConfigError::ZeroWidth) => return Err(Failure::new("ZeroWidth", "")),
    };
    let mut answers = Vec::new();
    for operation in operations {
        answers.push(match operation.at(0)?.text()? {
            "push" => match bucketer.push(operation.at(1)?.int()?, operation.at(2)?.int()?) {
                Ok(closed) => show(closed),
                Err(_late) => "late".into(),
            },
            "flush" => show(bucketer.flush()),
            "watermark" => bucketer.watermark().into(),
            "late" => bucketer.late().into(),
            other => return Err(Failure::bad_call(format!("no operation {}", other))),
        });
    }
    Ok(Value::List(answers))
}

/// A bucket is `[start, end, count, sum, null or [first, last, min, max]]`.
fn show(buckets: Vec<Bucket>) -> Value {
    let rows = buckets.into_iter().map(|bucket| {
        let values = bucket.values.map(|values| vec![values.first, values.last, values.min, values.max]);
        Value::List(vec![bucket.start.into(), bucket.end.into(), bucket.count.into(), bucket.sum.into(), values.into()])
    });
    Value::List(rows.collect())
}

fn read_bucket(row: &Value) -> Result<Bucket, Failure> {
    let values = match row.at(4)? {
        Value::Null => None,
        four => Some(Values {
            first: four.at(0)?.int()?,
            last: four.at(1)?.int()?,
            min: four.at(2)?.int()?,
            max: four.at(3)?.int()?,
        }),
    };
    Ok(Bucket {
        start: row.at(0)?.int()?,
        end: row.at(1)?.int()?,
        count: row.at(2)?.int()?,
        sum: row.at(3)?.int()?,
        values,
    })
}
