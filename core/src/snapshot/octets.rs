//! Texts and what may be missing as the octets of a snapshot: each text behind its length. Numbers are big-endian.
//! Reading takes from the front; `None` is the end, or what was never written so.

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BufMut};

/// A byte that says whether something follows, and then that.
pub(super) fn put_optional<T>(
    octets: &mut Vec<u8>,
    value: Option<T>,
    put: impl FnOnce(&mut Vec<u8>, T),
) {
    octets.put_u8(value.is_some().into());
    if let Some(value) = value {
        put(octets, value);
    }
}

pub(super) fn put_text(octets: &mut Vec<u8>, text: &[u8]) {
    octets.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    octets.extend(text);
}

/// The scope of a link-local address is nothing to others, and left out.
pub(super) fn put_address(octets: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => put_text(octets, &ip.octets()),
        IpAddr::V6(ip) => put_text(octets, &ip.octets()),
    }
    octets.put_u16(address.port());
}

#[expect(
    clippy::option_option,
    reason = "the outer one is the end of the octets"
)]
pub(super) fn take_optional<'a, T>(
    octets: &mut &'a [u8],
    take: impl FnOnce(&mut &'a [u8]) -> Option<T>,
) -> Option<Option<T>> {
    match octets.try_get_u8().ok()? {
        0 => Some(None),
        1 => Some(Some(take(octets)?)),
        _ => None,
    }
}

pub(super) fn take_text<'a>(octets: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = octets.try_get_u32().ok()?;
    octets.split_off(..usize::try_from(length).ok()?)
}

pub(super) fn take_address(octets: &mut &[u8]) -> Option<SocketAddr> {
    let text = take_text(octets)?;
    let v4 = <[u8; 4]>::try_from(text).map(IpAddr::from);
    let ip = v4.or_else(|_| <[u8; 16]>::try_from(text).map(IpAddr::from));
    Some(SocketAddr::new(ip.ok()?, octets.try_get_u16().ok()?))
}
