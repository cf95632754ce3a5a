//! Our description, made of what str0m says of the one stream it knows.

use offhook_media::{
    Direction, Incompatibility,
    session_description::{Description, Lines, Media},
};

use crate::remote_stream::RemoteStream;

/// Our line of the one stream, as str0m wrote it but for what is said here.
pub(crate) struct LocalStream<'a> {
    written: Media<'a>,
    port: u16,
    direction: Direction,
    protocol: &'a str,
    formats: String,
    /// The name of the stream, where it has one.
    mid: Option<&'a str>,
    is_bundled: bool,
}

impl<'a> LocalStream<'a> {
    /// Reads the line in a description that str0m wrote.
    pub(crate) fn read(
        written: &'a str,
        port: u16,
        direction: Direction,
    ) -> Result<Self, Incompatibility> {
        let written = Description::read(written).ok();
        let mut lines = written.into_iter().flat_map(|it| it.medias);
        let written = lines.next().ok_or(Incompatibility::MediaSecurity)?;
        Ok(Self {
            port,
            direction,
            protocol: written.protocol,
            formats: written.formats.to_owned(),
            mid: written.mid(),
            is_bundled: true,
            written,
        })
    }

    /// Speaks as the offer that is answered does: its transport protocol, its order of formats, and neither a name nor a
    /// group where it has none.
    pub(crate) fn follow(&mut self, offer: &Description<'a>, stream: &RemoteStream) {
        let mut groups = offer.session.all("group");
        self.is_bundled = groups.any(|group| group.starts_with("BUNDLE"));
        let Some(theirs) = offer.medias.get(stream.place) else {
            return;
        };
        self.protocol = theirs.protocol;
        self.mid = self.mid.filter(|_| theirs.section.has("mid"));
        let order = stream.formats.list();
        let rank = |number: &&str| order.split(' ').position(|it| it == *number);
        let mut formats: Vec<_> = self.formats.split_ascii_whitespace().collect();
        formats.sort_by_key(rank);
        self.formats = formats.join(" ");
    }

    /// Writes the line. The address is that of the session, which is our default candidate (RFC 8839 section 4.2.1).
    fn write(&self, lines: &mut Lines) {
        lines.media(self.written.kind, self.port, self.protocol, &self.formats);
        for (name, value) in self.written.section.attributes() {
            if Direction::parse(name).is_some() {
                lines.attribute(self.direction.as_str(), "");
            } else if name != "mid" || self.mid.is_some() {
                lines.attribute(name, value);
            }
        }
    }
}

/// Fills our description, with our stream at `place`. The other lines of `others` are refused.
pub(crate) fn fill(
    lines: &mut Lines,
    ours: Option<&LocalStream<'_>>,
    others: &[Media<'_>],
    place: usize,
) {
    lines.attribute("ice-lite", "");
    let bundled = ours.filter(|ours| ours.is_bundled);
    if let Some(mid) = bundled.and_then(|ours| ours.written.mid()) {
        lines.put(&["a=group:BUNDLE ", mid]);
    }
    for (index, other) in others.iter().enumerate() {
        match ours {
            Some(ours) if index == place => ours.write(lines),
            _ => lines.refused(other),
        }
    }
    if let Some(ours) = ours.filter(|_| place >= others.len()) {
        ours.write(lines);
    }
}
