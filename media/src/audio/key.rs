//! The keys of a telephone.

use std::fmt;

/// One of the sixteen DTMF keys: `0` to `9`, `*`, `#` and `A` to `D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u8);

/// What is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key; expected 0 to 9, *, # or A to D")]
pub struct InvalidKey(char);

impl Key {
    /// The key of an event code; `None` for events that are no keys
    /// ([RFC 4733 §3.2](https://www.rfc-editor.org/rfc/rfc4733#section-3.2)).
    pub fn from_event(code: u8) -> Option<Self> {
        (usize::from(code) < KEYPAD.len()).then_some(Self(code))
    }

    /// Its event code, 0 to 15.
    pub const fn event(self) -> u8 {
        self.0
    }

    /// The two frequencies of its tone in Hz, the low one first
    /// ([ITU-T Q.23](https://www.itu.int/rec/T-REC-Q.23)).
    pub fn frequencies(self) -> (u16, u16) {
        let (row, column) = match self.0 {
            0 => (3, 1),
            10 => (3, 0),
            11 => (3, 2),
            letter @ 12.. => (letter - 12, 3),
            digit => ((digit - 1) / 3, (digit - 1) % 3),
        };
        let at = |group: [u16; 4], place: u8| group.into_iter().nth(place.into());
        let low = at([697, 770, 852, 941], row);
        let high = at([1209, 1336, 1477, 1633], column);
        (low.unwrap_or_default(), high.unwrap_or_default())
    }
}

impl TryFrom<char> for Key {
    type Error = InvalidKey;

    fn try_from(key: char) -> Result<Self, InvalidKey> {
        let code = KEYPAD.find(key.to_ascii_uppercase());
        let code = code.and_then(|code| u8::try_from(code).ok());
        code.map(Self).ok_or(InvalidKey(key))
    }
}

impl From<Key> for char {
    fn from(key: Key) -> Self {
        KEYPAD.chars().nth(key.0.into()).unwrap_or_default()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        char::from(*self).fmt(f)
    }
}

/// In the order of their event codes.
const KEYPAD: &str = "0123456789*#ABCD";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_code_a_letter_and_two_tones() {
        for (letter, code, tones) in [
            ('0', 0, (941, 1336)),
            ('1', 1, (697, 1209)),
            ('6', 6, (770, 1477)),
            ('*', 10, (941, 1209)),
            ('#', 11, (941, 1477)),
            ('A', 12, (697, 1633)),
            ('D', 15, (941, 1633)),
        ] {
            let key = Key::try_from(letter).unwrap();
            assert_eq!((key.event(), char::from(key)), (code, letter));
            assert_eq!(Key::from_event(code), Some(key));
            assert_eq!(key.frequencies(), tones, "{letter}");
        }
        assert_eq!(Key::try_from('d'), Key::try_from('D'));
        assert_eq!(Key::from_event(16), None);
        let error = Key::try_from('x').unwrap_err().to_string();
        assert!(error.starts_with("'x' is no key"));
    }
}
