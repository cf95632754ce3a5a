use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use super::error::Defect;

/// A kind of table that may stand any number of times.
pub(super) struct Tables {
    /// Between the brackets.
    pub(super) name: &'static str,
    /// The key that tells one from the other.
    pub(super) key: &'static str,
    /// What one is that lacks the key.
    pub(super) nameless: &'static str,
}

impl Tables {
    /// Reads the array that stands at `listed` in `text`: each table with its place. They are read
    /// one by one, so that an error can name the table it is in.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(
        &self,
        text: &str,
        listed: Spanned<DeValue<'_>>,
    ) -> Result<Vec<(usize, T)>, Defect> {
        let position = listed.span().start;
        let DeValue::Array(listed) = listed.into_inner() else {
            let name = self.name;
            let what = format!("a {name} begins with the line `[[{name}]]`, and its keys follow");
            return Err(Defect::at(text, position, what));
        };
        let tables = listed.into_iter();
        tables.map(|table| self.read_one(text, table)).collect()
    }

    /// An error in the table of this key.
    pub(super) fn defect(&self, text: &str, position: usize, key: &str, what: &str) -> Defect {
        Defect::at(text, position, format!("{} {key:?} {what}", self.name))
    }

    fn read_one<T: for<'de> Deserialize<'de>>(
        &self,
        text: &str,
        table: Spanned<DeValue<'_>>,
    ) -> Result<(usize, T), Defect> {
        let position = table.span().start;
        let key = table.get_ref().get(self.key);
        let label = match key.and_then(|key| key.get_ref().as_str()) {
            Some(key) => format!("{} {key:?}", self.name),
            None => self.nameless.to_owned(),
        };
        T::deserialize(ValueDeserializer::from(table))
            .map(|table| (position, table))
            .map_err(|error| Defect::in_table(text, position, &label, error))
    }
}
