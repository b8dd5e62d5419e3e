//! Calls of the path functions, each by its own name.

use crate::{argument, Failure, Value};

pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
    let text = |index: usize| -> Result<&str, Failure> { argument(args, index)?.text() };
    match name {
        "normalize" => Ok(task::normalize(text(0)?).into()),
        "join" => Ok(task::join(text(0)?, text(1)?).into()),
        "parent" => Ok(task::parent(text(0)?).into()),
        "file_name" => Ok(task::file_name(text(0)?).into()),
        "relative" => Ok(task::relative(text(0)?, text(1)?).into()),
        "is_inside" => Ok(task::is_inside(text(0)?, text(1)?).into()),
        other => Err(Failure::bad_call(format!("no function {}", other))),
    }
}
