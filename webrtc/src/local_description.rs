//! Our description, made of what str0m says of the one stream it knows.

use offhook_media::{
    Direction, Incompatibility, OurLine,
    session_description::{Description, Media},
};

use crate::remote_stream::RemoteStream;

/// Writes our line as str0m `written` it, but for what is said here. The address is that of the session, which is our
/// default candidate (RFC 8839 section 4.2.1).
///
/// Where it answers a stream, it speaks as the offer does: with its transport protocol, its order of formats, and neither a
/// name nor a group where that has none.
pub(crate) fn write(
    written: &str,
    port: u16,
    line: OurLine<'_>,
    answered: Option<&RemoteStream>,
) -> Result<(), Incompatibility> {
    let written = Description::read(written).ok();
    let mut written = written.into_iter().flat_map(|it| it.medias);
    let written = written.next().ok_or(Incompatibility::MediaSecurity)?;
    let is_bundled = line
        .before
        .filter(|_| answered.is_some())
        .is_none_or(|offer| {
            let mut groups = offer.session.all("group");
            groups.any(|group| group.starts_with("BUNDLE"))
        });
    line.lines.attribute("ice-lite", "");
    if let Some(mid) = written.mid().filter(|_| is_bundled) {
        line.lines.put(&["a=group:BUNDLE ", mid]);
    }
    line.write(|lines, before, direction| {
        let offered = before.filter(|_| answered.is_some());
        let protocol = offered.map_or(written.protocol, |it| it.protocol);
        let is_named = offered.is_none_or(|it| it.section.has("mid"));
        lines.media(written.kind, port, protocol, &formats(&written, answered));
        for (name, value) in written.section.attributes() {
            if Direction::parse(name).is_some() {
                lines.attribute(direction.as_str(), "");
            } else if name != "mid" || is_named {
                lines.attribute(name, value);
            }
        }
    });
    Ok(())
}

/// In the order of the stream that is answered.
fn formats(written: &Media<'_>, answered: Option<&RemoteStream>) -> String {
    let order = answered.map(|stream| stream.formats.list());
    let order = order.unwrap_or_default();
    let rank = |number: &&str| order.split(' ').position(|it| it == *number);
    let mut formats: Vec<_> = written.formats.split_ascii_whitespace().collect();
    formats.sort_by_key(rank);
    formats.join(" ")
}
