// The members of an object that came over the wire, taken one by one, so that none is overlooked.
use crate::failure::Failure;
use crate::json::Value;

/// The members of one object; each is taken once, and what is left over is an error of the sender.
pub struct Members {
    of: &'static str,
    pub members: Vec<(String, Value)>,
}

impl Members {
    pub fn of(value: Value, of: &'static str) -> Result<Members, Failure> {
        match value {
            Value::Object(members) => Ok(Members { of, members }),
            _ => Err(Failure::usage(format!("{} is not an object", of))),
        }
    }

    pub fn optional(&mut self, key: &str) -> Option<Value> {
        let index = self.members.iter().position(|(known, _)| known == key)?;
        Some(self.members.swap_remove(index).1)
    }

    pub fn take(&mut self, key: &str) -> Result<Value, Failure> {
        self.optional(key).ok_or_else(|| Failure::usage(format!("{} has no {}", self.of, key)))
    }

    pub fn text(&mut self, key: &str) -> Result<String, Failure> {
        text(self.take(key)?, key)
    }

    /// A whole number from 1 to `max`.
    pub fn number(&mut self, key: &str, max: u16) -> Result<u16, Failure> {
        match self.take(key)? {
            Value::Number(number) if number.fract() == 0.0 && number >= 1.0 && number <= f64::from(max) => {
                Ok(number as u16)
            }
            _ => Err(Failure::usage(format!("{} is not a number from 1 to {}", key, max))),
        }
    }

    /// A whole number from 0 to `max`.
    pub fn whole(&mut self, key: &str, max: u64) -> Result<u64, Failure> {
        let value = self.take(key)?;
        Members::whole_of(value, key, max)
    }

    pub fn whole_of(value: Value, key: &str, max: u64) -> Result<u64, Failure> {
        match value {
            Value::Number(number) if number.fract() == 0.0 && number >= 0.0 && number <= max as f64 => {
                Ok(number as u64)
            }
            _ => Err(Failure::usage(format!("{} is not a whole number up to {}", key, max))),
        }
    }

    pub fn optional_text(&mut self, key: &str) -> Result<Option<String>, Failure> {
        self.optional(key).map(|value| text(value, key)).transpose()
    }

    /// Each of a list, which may be missing.
    pub fn each<T>(&mut self, key: &str, of: impl Fn(Value) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
        match self.optional(key) {
            None => Ok(Vec::new()),
            Some(Value::List(items)) => items.into_iter().map(of).collect(),
            Some(_) => Err(Failure::usage(format!("{} is not a list", key))),
        }
    }

    pub fn done(self) -> Result<(), Failure> {
        match self.members.first() {
            Some((key, _)) => Err(Failure::usage(format!("{} has an unknown member {:?}", self.of, key))),
            None => Ok(()),
        }
    }
}

pub fn text(value: Value, what: &str) -> Result<String, Failure> {
    match value {
        Value::Text(text) if !text.contains('\0') => Ok(text),
        Value::Text(_) => Err(Failure::usage(format!("{} has a zero byte", what))),
        _ => Err(Failure::usage(format!("{} is not a text", what))),
    }
}
