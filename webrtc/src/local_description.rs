//! Our description, made of what str0m says of the one stream it knows.

use offhook_media::{Incompatibility, session_description::refused};
use sdp_types::{Attribute, Direction, Media, Session};

use crate::remote_stream::{RemoteStream, mid_of};

/// Our line of the one stream in a description that str0m wrote, with our port and this direction.
pub(crate) fn stream(
    written: &str,
    port: u16,
    direction: Direction,
) -> Result<Media, Incompatibility> {
    let session = Session::parse(written.as_bytes()).ok();
    let mut lines = session.into_iter().flat_map(|it| it.medias);
    let mut ours = lines.next().ok_or(Incompatibility::MediaSecurity)?;
    // The address is that of the session, which is our default candidate (RFC 8839 section 4.2.1).
    ours.port = port;
    ours.connections.clear();
    for attribute in &mut ours.attributes {
        if attribute.attribute.parse::<Direction>().is_ok() {
            *attribute = direction.into();
        }
    }
    Ok(ours)
}

/// Fills our description, with our stream at `place`. The other lines of `others` are refused.
pub(crate) fn fill(session: &mut Session, ours: Option<Media>, others: &[Media], place: usize) {
    session.attributes.push(Attribute::new("ice-lite"));
    if let Some(mid) = ours.as_ref().and_then(mid_of) {
        let group = Attribute::with_value("group", format!("BUNDLE {mid}"));
        session.attributes.push(group);
    }
    session.medias = others.iter().map(refused).collect();
    match (session.medias.get_mut(place), ours) {
        (Some(line), Some(ours)) => *line = ours,
        (None, ours) => session.medias.extend(ours),
        (Some(_), None) => {}
    }
}

/// Makes an answer of str0m's speak as the offer does: its transport protocol, its order of formats, and neither a name
/// nor a group where it has none.
pub(crate) fn follow(answer: &mut Session, offer: &Session, stream: &RemoteStream) {
    let groups = offer.get_attribute_values("group").flatten();
    let is_bundled = groups.into_iter().any(|group| group.starts_with("BUNDLE"));
    if !is_bundled {
        answer.attributes.retain(|a| a.attribute != "group");
    }
    let (Some(ours), Some(theirs)) = (
        answer.medias.get_mut(stream.place),
        offer.medias.get(stream.place),
    ) else {
        return;
    };
    ours.proto.clone_from(&theirs.proto);
    if !theirs.has_attribute("mid") {
        ours.attributes.retain(|a| a.attribute != "mid");
    }
    let order = stream.formats.list();
    let rank = |number: &&str| order.split(' ').position(|it| it == *number);
    let mut formats: Vec<_> = ours.fmt.split_ascii_whitespace().collect();
    formats.sort_by_key(rank);
    ours.fmt = formats.join(" ");
}
