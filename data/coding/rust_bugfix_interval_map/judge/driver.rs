//! Calls of the interval map: `run(operations)` gives one answer an operation.

use crate::{argument, Failure, Value};
use task::{IntervalMap, Run};

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    if name != "run" {
        return Err(Failure::bad_call(format!("no function {}", name)));
    }
    let mut map: IntervalMap<i64> = IntervalMap::new();
    let mut answers = Vec::new();
    for operation in argument(args, 0)?.list()? {
        answers.push(step(&mut map, operation)?);
    }
    Ok(Value::List(answers))
}

fn step(map: &mut IntervalMap<i64>, operation: &Value) -> Result<Value, Failure> {
    let number = |index: usize| -> Result<i64, Failure> { operation.at(index)?.int() };
    Ok(match operation.at(0)?.text()? {
        "insert" => map.insert(number(1)?, number(2)?, number(3)?).into(),
        "remove" => map.remove(number(1)?, number(2)?).into(),
        "get" => map.get(number(1)?).copied().into(),
        "runs" => show(map.runs()),
        "within" => show(map.within(number(1)?, number(2)?)),
        "gaps" => map.gaps(number(1)?, number(2)?).into(),
        "covered" => map.covered(number(1)?, number(2)?).into(),
        "add" => {
            let amount = number(3)?;
            map.update(number(1)?, number(2)?, |value| value.map(|value| value + amount)).into()
        }
        "fill" => {
            let filler = number(3)?;
            map.update(number(1)?, number(2)?, |value| Some(value.copied().unwrap_or(filler))).into()
        }
        "drop" => {
            let unwanted = number(3)?;
            map.update(number(1)?, number(2)?, |value| value.copied().filter(|&value| value != unwanted)).into()
        }
        "invert" => {
            let filler = number(3)?;
            map.update(number(1)?, number(2)?, |value| if value.is_some() { None } else { Some(filler) }).into()
        }
        other => return Err(Failure::bad_call(format!("no operation {}", other))),
    })
}

fn show(runs: Vec<Run<i64>>) -> Value {
    Value::List(runs.into_iter().map(|run| vec![run.start, run.end, run.value].into()).collect())
}
