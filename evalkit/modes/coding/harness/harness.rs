//! The part of a Rust program in a box that is not the candidate's: it reads calls, hands them to the task's driver and writes answers.
//!
//! `EVALKIT_PIPES="R,W"` names two inherited descriptors. One request line is read from R, one answer line is written to W, until R ends.
//! Lines are values in prefix notation, one space between tokens:
//! `n` null, `t` and `f` booleans, `i12` integer, `d1.5` float (also `nan`, `inf`, `-inf`), `sa%20b` percent-encoded UTF-8,
//! `a2` a list and then its elements, `o1` an object and then key (an `s` token) and value in turn.
//! Request: `call s<function> a<count> …`. Answer: `ok <value>` or `error s<kind> s<message>`.
//!
//! The expected values are not in this process: what the candidate may do to it only costs the candidate answers. A panic becomes an
//! answer of the kind `Panic`; a program that ends itself, before `main` or in a call, answers nothing more.
//!
//! The driver (`driver.rs`, beside this file) has `pub fn call(name: &str, args: &[Value]) -> Result<Value, Failure>`.

#![allow(dead_code)]

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::io::FromRawFd;
use std::panic::{self, AssertUnwindSafe};

mod driver;

/// The longest message of an error, in characters.
const MESSAGE_CHARS: usize = 200;

/// Descriptors of the harness are moved to this number or above, away from those that a candidate opens or closes by habit.
const FIRST_DESCRIPTOR: i32 = 200;

/// A value on the wire: what JSON can say, with integers and floats told apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// An error that is the answer of a call: its kind, which is compared, and a message for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub kind: String,
    pub message: String,
}

impl Failure {
    /// A failure of this kind. The message is cut when it is sent.
    pub fn new(kind: &str, message: impl fmt::Display) -> Failure {
        Failure {
            kind: kind.to_string(),
            message: message.to_string(),
        }
    }

    /// A call that the driver cannot make: the task's own mistake, of the kind `BadCall`.
    pub fn bad_call(message: impl fmt::Display) -> Failure {
        Failure::new("BadCall", message)
    }
}

impl Value {
    /// The integer, if it fits `T`; else `BadCall`.
    pub fn int<T: TryFrom<i128>>(&self) -> Result<T, Failure> {
        match self {
            Value::Int(number) => {
                T::try_from(*number).map_err(|_| Failure::bad_call(format!("{} is out of range", number)))
            }
            other => Err(Failure::bad_call(format!("not an integer: {:?}", other))),
        }
    }

    /// The float; an integer is taken as one.
    pub fn float(&self) -> Result<f64, Failure> {
        match self {
            Value::Float(number) => Ok(*number),
            Value::Int(number) => Ok(*number as f64),
            other => Err(Failure::bad_call(format!("not a number: {:?}", other))),
        }
    }

    /// The boolean.
    pub fn boolean(&self) -> Result<bool, Failure> {
        match self {
            Value::Bool(flag) => Ok(*flag),
            other => Err(Failure::bad_call(format!("not a boolean: {:?}", other))),
        }
    }

    /// The string.
    pub fn text(&self) -> Result<&str, Failure> {
        match self {
            Value::Text(text) => Ok(text),
            other => Err(Failure::bad_call(format!("not a string: {:?}", other))),
        }
    }

    /// The elements of the list.
    pub fn list(&self) -> Result<&[Value], Failure> {
        match self {
            Value::List(items) => Ok(items),
            other => Err(Failure::bad_call(format!("not a list: {:?}", other))),
        }
    }

    /// The elements of the list, each an integer of the type `T`.
    pub fn ints<T: TryFrom<i128>>(&self) -> Result<Vec<T>, Failure> {
        self.list()?.iter().map(Value::int).collect()
    }

    /// The element of the list at this index; `BadCall` where there is none.
    pub fn at(&self, index: usize) -> Result<&Value, Failure> {
        self.list()?
            .get(index)
            .ok_or_else(|| Failure::bad_call(format!("no element {}", index)))
    }

    /// The value of the object under this key, if there is one.
    pub fn key(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// An object of these pairs, in this order.
    pub fn object<const N: usize>(pairs: [(&str, Value); N]) -> Value {
        Value::Object(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
    }
}

/// The argument at this index; `BadCall` where there is none.
pub fn argument(args: &[Value], index: usize) -> Result<&Value, Failure> {
    args.get(index)
        .ok_or_else(|| Failure::bad_call(format!("argument {} is missing", index)))
}

macro_rules! value_of_integers {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Value {
            fn from(number: $kind) -> Value {
                Value::Int(number as i128)
            }
        })*
    };
}

value_of_integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, usize);

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<()> for Value {
    fn from(_: ()) -> Value {
        Value::Null
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(item: Option<T>) -> Value {
        item.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<A: Into<Value>, B: Into<Value>> From<(A, B)> for Value {
    fn from(pair: (A, B)) -> Value {
        Value::List(vec![pair.0.into(), pair.1.into()])
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>> From<(A, B, C)> for Value {
    fn from(triple: (A, B, C)) -> Value {
        Value::List(vec![triple.0.into(), triple.1.into(), triple.2.into()])
    }
}

/// What is wrong with a request line.
type Malformed = &'static str;

/// Reads the value that begins at the next token.
fn decode<'a>(tokens: &mut impl Iterator<Item = &'a str>) -> Result<Value, Malformed> {
    let token = tokens.next().ok_or("the line ends too early")?;
    let (kind, rest) = token.split_at(token.chars().next().map_or(0, char::len_utf8));
    match kind {
        "n" => Ok(Value::Null),
        "t" => Ok(Value::Bool(true)),
        "f" => Ok(Value::Bool(false)),
        "i" => rest.parse().map(Value::Int).map_err(|_| "not an integer"),
        "d" => rest.parse().map(Value::Float).map_err(|_| "not a float"),
        "s" => decode_text(rest).map(Value::Text),
        "a" => {
            let count: usize = rest.parse().map_err(|_| "not a count")?;
            (0..count).map(|_| decode(tokens)).collect::<Result<_, _>>().map(Value::List)
        }
        "o" => {
            let count: usize = rest.parse().map_err(|_| "not a count")?;
            let mut pairs = Vec::new();
            for _ in 0..count {
                match decode(tokens)? {
                    Value::Text(key) => pairs.push((key, decode(tokens)?)),
                    _ => return Err("a key is not a string"),
                }
            }
            Ok(Value::Object(pairs))
        }
        _ => Err("unknown token"),
    }
}

fn decode_text(encoded: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()).ok_or("cut escape")?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| "bad escape")?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8")
}

/// Appends the tokens of a value, a space before each.
fn encode(value: &Value, line: &mut String) {
    match value {
        Value::Null => line.push_str(" n"),
        Value::Bool(true) => line.push_str(" t"),
        Value::Bool(false) => line.push_str(" f"),
        Value::Int(number) => line.push_str(&format!(" i{}", number)),
        Value::Float(number) if number.is_nan() => line.push_str(" dnan"),
        Value::Float(number) => line.push_str(&format!(" d{:?}", number)),
        Value::Text(text) => encode_text(text, line),
        Value::List(items) => {
            line.push_str(&format!(" a{}", items.len()));
            items.iter().for_each(|item| encode(item, line));
        }
        Value::Object(pairs) => {
            line.push_str(&format!(" o{}", pairs.len()));
            for (key, item) in pairs {
                encode_text(key, line);
                encode(item, line);
            }
        }
    }
}

fn encode_text(text: &str, line: &mut String) {
    line.push_str(" s");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-') {
            line.push(byte as char);
        } else {
            line.push_str(&format!("%{:02X}", byte));
        }
    }
}

/// The function and the arguments that a request line asks for.
fn read_call(line: &str) -> Result<(String, Vec<Value>), Malformed> {
    let mut tokens = line.split(' ');
    if tokens.next() != Some("call") {
        return Err("not a call");
    }
    match (decode(&mut tokens)?, decode(&mut tokens)?, tokens.next()) {
        (Value::Text(name), Value::List(args), None) => Ok((name, args)),
        _ => Err("a call has a name and a list of arguments"),
    }
}

/// Makes the call; a panic of the candidate is a failure like any other.
fn answer(request: &str) -> Result<Value, Failure> {
    let (name, args) = read_call(request).map_err(Failure::bad_call)?;
    panic::catch_unwind(AssertUnwindSafe(|| driver::call(&name, &args))).unwrap_or_else(|payload| {
        let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => text.to_string(),
            (_, Some(text)) => text.clone(),
            _ => "no message".to_string(),
        };
        std::mem::forget(payload); // its destructor is the candidate's, and may panic again
        Err(Failure::new("Panic", message))
    })
}

/// The answer's line, with its end.
fn answer_line(answer: Result<Value, Failure>) -> String {
    let mut line = String::new();
    match answer {
        Ok(value) => {
            line.push_str("ok");
            encode(&value, &mut line);
        }
        Err(failure) => {
            line.push_str("error");
            encode_text(&failure.kind, &mut line);
            encode_text(&failure.message.chars().take(MESSAGE_CHARS).collect::<String>(), &mut line);
        }
    }
    line.push('\n');
    line
}

extern "C" {
    fn fcntl(descriptor: i32, command: i32, ...) -> i32;
    fn close(descriptor: i32) -> i32;
}

/// Moves an inherited descriptor to a high number that programs started from here do not inherit.
fn take_descriptor(inherited: i32) -> File {
    const DUPLICATE: i32 = 0; // F_DUPFD
    const SET_FLAGS: i32 = 2; // F_SETFD
    const CLOSE_ON_EXEC: i32 = 1; // FD_CLOEXEC
    // SAFETY: plain calls on a descriptor that nobody else in this program owns.
    unsafe {
        let moved = fcntl(inherited, DUPLICATE, FIRST_DESCRIPTOR);
        let descriptor = if moved < 0 { inherited } else { moved };
        fcntl(descriptor, SET_FLAGS, CLOSE_ON_EXEC);
        if descriptor != inherited {
            close(inherited);
        }
        File::from_raw_fd(descriptor)
    }
}

/// The two descriptors of `EVALKIT_PIPES`, which leaves the environment.
fn take_pipes() -> Option<(File, File)> {
    let pipes = std::env::var("EVALKIT_PIPES").ok()?;
    std::env::remove_var("EVALKIT_PIPES");
    let (requests, answers) = pipes.split_once(',')?;
    let (requests, answers) = (requests.parse().ok()?, answers.parse().ok()?);
    Some((take_descriptor(requests), take_descriptor(answers)))
}

fn main() {
    let (requests, mut answers) = match take_pipes() {
        Some(pipes) => pipes,
        None => {
            eprintln!("EVALKIT_PIPES must name two descriptors");
            std::process::exit(2);
        }
    };
    for request in BufReader::new(requests).lines() {
        let line = match request {
            Ok(text) => answer_line(answer(&text)),
            Err(_) => break,
        };
        if answers.write_all(line.as_bytes()).is_err() {
            break;
        }
    }
    std::process::exit(0);
}
