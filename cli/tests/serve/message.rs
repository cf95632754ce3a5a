//! Just enough of SIP's syntax to read what the program sends.

/// A message as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message(String);

impl Message {
    pub(crate) fn new(octets: &[u8]) -> Self {
        Self(String::from_utf8(octets.to_vec()).expect("what we are sent is UTF-8"))
    }

    /// The status of a response, `None` for a request.
    pub(crate) fn status(&self) -> Option<u16> {
        let status = self.0.strip_prefix("SIP/2.0 ")?;
        status.get(..3)?.parse().ok()
    }

    pub(crate) fn method(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// The value of the one header of this name.
    pub(crate) fn header(&self, name: &str) -> &str {
        let values = self.headers(name);
        match values[..] {
            [value] => value,
            _ => panic!("{} headers {name} in {self:?}", values.len()),
        }
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let (head, _) = self.split();
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        fields
            .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    pub(crate) fn body(&self) -> &str {
        self.split().1
    }

    /// The port of the audio stream in the body.
    pub(crate) fn audio_port(&self) -> u16 {
        let audio = self
            .body()
            .lines()
            .find_map(|line| line.strip_prefix("m=audio "));
        let port = audio.and_then(|audio| audio.split(' ').next()?.parse().ok());
        port.unwrap_or_else(|| panic!("no audio in {self:?}"))
    }

    fn split(&self) -> (&str, &str) {
        self.0
            .split_once("\r\n\r\n")
            .expect("a head ends with a blank line")
    }
}
