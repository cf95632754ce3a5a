//! In the place of SRTP where it is not built in: no description has keys that we can use.

use crate::session_description::Media;

/// What there is none of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Crypto {}

pub(crate) type Keys = Crypto;
pub(crate) type Srtp = Crypto;

#[derive(Clone, Debug)]
pub(crate) struct MasterKey;

impl MasterKey {
    pub(crate) fn random() -> Self {
        Self
    }
}

impl Crypto {
    pub(crate) fn read(_media: &Media<'_>) -> Option<Self> {
        None
    }

    pub(crate) fn offered(_key: MasterKey) -> Option<Self> {
        None
    }

    pub(crate) fn answered(&self, _key: MasterKey) -> Self {
        match *self {}
    }

    pub(crate) fn agrees_with(&self, _ours: &Self) -> bool {
        match *self {}
    }

    pub(crate) fn keys(&self, _ours: MasterKey) -> Keys {
        match *self {}
    }

    pub(crate) fn value(&self) -> String {
        match *self {}
    }

    pub(crate) fn new(keys: &Keys) -> Self {
        match *keys {}
    }

    pub(crate) fn rekeyed(self, _before: &Keys, _keys: &Keys) -> Self {
        match self {}
    }

    pub(crate) fn protect(&mut self, _packet: &[u8]) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn protect_rtcp(&mut self, _packet: &[u8]) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn unprotect(&mut self, _packet: &mut [u8]) -> Option<usize> {
        match *self {}
    }

    pub(crate) fn unprotect_rtcp(&mut self, _packet: &mut [u8]) -> Option<usize> {
        match *self {}
    }
}
