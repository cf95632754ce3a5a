//! Our description, made of what str0m says of the one stream it knows.

use std::net::SocketAddr;

use offhook_media::Incompatibility;
use sdp_types::{Attribute, Connection, Direction, Media, Origin, Session, Time};

use crate::remote_stream::{RemoteStream, mid_of};

/// Everything of our description but its version.
pub(crate) struct LocalDescription {
    pub(crate) origin: Origin,
    /// Our default candidate (RFC 8839 section 4.2.1).
    pub(crate) address: SocketAddr,
    pub(crate) time: Time,
    pub(crate) direction: Direction,
}

impl LocalDescription {
    /// `stream` is the description that str0m wrote for one stream. The other lines of `others` are refused; the line at
    /// `place` is ours.
    pub(crate) fn write(
        self,
        stream: &str,
        others: &[Media],
        place: usize,
    ) -> Result<Session, Incompatibility> {
        let mut ours = Session::parse(stream.as_bytes())
            .ok()
            .and_then(|session| session.medias.into_iter().next())
            .ok_or(Incompatibility::MediaSecurity)?;
        ours.port = self.address.port();
        ours.connections.clear();
        for attribute in &mut ours.attributes {
            if attribute.attribute.parse::<Direction>().is_ok() {
                *attribute = self.direction.into();
            }
        }

        let mut session = self.session();
        if let Some(mid) = mid_of(&ours) {
            let group = Attribute::with_value("group", format!("BUNDLE {mid}"));
            session.attributes.push(group);
        }
        let lines = others.len().max(place + 1);
        let mut ours = Some(ours);
        session.medias = (0..lines)
            .filter_map(|index| {
                if index == place {
                    ours.take()
                } else {
                    others.get(index).map(refused)
                }
            })
            .collect();
        Ok(session)
    }

    /// The description without m= lines.
    pub(crate) fn session(self) -> Session {
        let mut session = Session::new(self.origin, "-");
        session.connection = Some(Connection::from_ip_addr(self.address.ip()));
        session.times.push(self.time);
        session.attributes.push(Attribute::new("ice-lite"));
        session
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

/// The line that refuses this one (RFC 3264 section 6): port zero, and one of its formats because the grammar wants one.
pub(crate) fn refused(media: &Media) -> Media {
    let mut line = media.clone();
    line.port = 0;
    let format = media.fmt.split_ascii_whitespace().next();
    line.fmt = format.unwrap_or("0").into();
    line.num_ports = None;
    line.media_title = None;
    line.connections.clear();
    line.bandwidths.clear();
    line.key = None;
    line.attributes.retain(|a| a.attribute == "mid");
    line
}
