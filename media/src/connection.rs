//! Where the peer wants its media.

use std::net::{IpAddr, SocketAddr};

use crate::{
    Incompatibility,
    session_description::{Connection, Description, Media, family},
};

/// The peer's media address as its c= line tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemoteAddress {
    /// An IP address and the m= line's port.
    Known(SocketAddr),
    /// A host name, or no c= line at all: the address is learned from the first packet.
    Unknown,
    /// `0.0.0.0` or `::`: nothing is to be sent to the peer (RFC 3264 section 8.4).
    Unspecified,
}

impl RemoteAddress {
    /// Reads the address of a stream. One of another family than `local` cannot be reached.
    pub(crate) fn read<'a>(
        description: &Description<'a>,
        media: &Media<'a>,
        local: IpAddr,
    ) -> Result<Self, Incompatibility> {
        let Some(connection) = description.connection(media) else {
            return Ok(Self::Unknown);
        };
        let Some(address) = ip_address(connection) else {
            return Self::by_name(connection, local);
        };
        if connection.network != "IN" || address.is_ipv4() != local.is_ipv4() {
            return Err(Incompatibility::AddressFormat);
        }
        if address.is_multicast() {
            return Err(Incompatibility::Multicast);
        }
        if address.is_unspecified() {
            return Ok(Self::Unspecified);
        }
        Ok(Self::Known(SocketAddr::new(address, media.port)))
    }

    fn by_name(connection: Connection<'_>, local: IpAddr) -> Result<Self, Incompatibility> {
        if (connection.network, connection.family) == ("IN", family(local)) {
            Ok(Self::Unknown)
        } else {
            Err(Incompatibility::AddressFormat)
        }
    }
}

/// The address without the time-to-live that a multicast address carries.
fn ip_address(connection: Connection<'_>) -> Option<IpAddr> {
    let address = connection.address.split('/').next()?;
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str, local: &str) -> Result<RemoteAddress, Incompatibility> {
        let text = format!("v=0\r\n{lines}");
        let description = Description::read(&text).unwrap();
        RemoteAddress::read(&description, &description.medias[0], local.parse().unwrap())
    }

    #[test]
    fn the_streams_line_overrules_the_sessions() {
        assert_eq!(
            read(
                "c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.2\r\nc=IN IP4 192.0.2.3\r\n",
                "192.0.2.9"
            ),
            Ok(RemoteAddress::Known("192.0.2.2:4000".parse().unwrap()))
        );
        assert_eq!(
            read(
                "c=IN IP6 2001:db8::1\r\nm=audio 4000 RTP/AVP 0\r\n",
                "2001:db8::9"
            ),
            Ok(RemoteAddress::Known("[2001:db8::1]:4000".parse().unwrap()))
        );
    }

    #[test]
    fn a_name_or_nothing_is_learned_later() {
        for line in ["c=IN IP4 phone.example.com\r\n", ""] {
            assert_eq!(
                read(&format!("{line}m=audio 4000 RTP/AVP 0\r\n"), "192.0.2.9"),
                Ok(RemoteAddress::Unknown)
            );
        }
    }

    #[test]
    fn what_cannot_be_reached_is_refused() {
        let cases = [
            ("c=IN IP6 2001:db8::1", Incompatibility::AddressFormat),
            ("c=IN IP6 phone.example.com", Incompatibility::AddressFormat),
            ("c=ATM NSAP 47.0091", Incompatibility::AddressFormat),
            ("c=TN IP4 192.0.2.1", Incompatibility::AddressFormat),
            ("c=IN IP4 224.2.1.1/127", Incompatibility::Multicast),
        ];
        for (line, reason) in cases {
            assert_eq!(
                read(
                    &format!("{line}\r\nm=audio 4000 RTP/AVP 0\r\n"),
                    "192.0.2.9"
                ),
                Err(reason),
                "{line}"
            );
        }
    }

    #[test]
    fn an_unspecified_address_holds_the_stream() {
        assert_eq!(
            read(
                "c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 0\r\n",
                "192.0.2.9"
            ),
            Ok(RemoteAddress::Unspecified)
        );
    }
}
