//! What answers a call: its media, and what that wants of the call.

mod announcement;
mod bridge;
mod keep;
mod menu;
mod sounds;

use std::{future::pending, sync::Arc};

use offhook::{Invitation, message::UriBuf};
use offhook_media::{AudioEnd, AudioHandler, BareHandler, Key, KeyTones, Player};
use offhook_webrtc::{Profile, WebRtcHandler};
use tokio::sync::mpsc;

use self::{announcement::Announcement, bridge::Place, menu::Choosing, sounds::beep};
pub(crate) use self::{
    bridge::Bridges,
    keep::{Keep, LONGEST, Recordings},
    menu::{Choice, Menu},
    sounds::melody,
};
use crate::{
    configuration::{Answer, Configuration, Media},
    negotiation::{Handler, profile},
};

/// What the media of a call wants of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cue {
    HangUp,
    Transfer(UriBuf),
}

/// The media of one call.
pub(crate) struct Answering {
    pub(crate) handler: Handler,
    /// Of the media that wants anything.
    cues: Option<mpsc::Receiver<Cue>>,
    /// What hears and speaks; an echo has none.
    end: Option<AudioEnd>,
    keep: Option<Box<Keep>>,
    /// Its place in a bridge, until we hang up or the call is over.
    place: Option<Box<Place>>,
}

impl Answering {
    /// Our side of the call for the route of `user`, on the address that faces the caller.
    pub(crate) fn new(
        user: &str,
        answer: &Answer,
        invitation: &Invitation,
        configuration: &Configuration,
        bridges: &Arc<Bridges>,
    ) -> Self {
        let (mut cues, mut keep, mut place) = (None, None, None);
        let mut cue = || {
            let (cue, receiver) = mpsc::channel(MOST_CUES);
            cues = Some(receiver);
            cue
        };
        let end = match &answer.media {
            Media::Echo | Media::Bare => None,
            // It is over when the route says so.
            Media::Play(sound) if answer.hangup_after.is_some() => {
                Some(AudioEnd::new(Player::new(sound.clone())))
            }
            Media::Play(sound) => Some(AudioEnd::new(Announcement::new(sound.clone(), cue()))),
            Media::Dtmf => Some(AudioEnd::new(KeyTones::default())),
            Media::Menu(menu) => {
                let choosing = Choosing::new(menu, &invitation.flow(), cue());
                Some(AudioEnd::new(choosing))
            }
            Media::Record => {
                keep = Keep::new(
                    &configuration.recordings,
                    answer.hangup_after,
                    &invitation.call_id(),
                )
                .map(Box::new);
                let recording = keep.as_ref().map(|keep| keep.recording.clone());
                let beep = Player::new(beep());
                Some(match recording {
                    Some(recording) => AudioEnd::new((beep, recording)),
                    None => AudioEnd::new(beep),
                })
            }
            Media::Bridge => {
                let ours = Box::new(Place::new(bridges, user, cue()));
                Some(place.insert(ours).end())
            }
        };
        Self {
            handler: handler(answer, end.clone(), invitation, configuration),
            cues,
            end,
            keep,
            place,
        }
    }

    /// The call stands now.
    pub(crate) fn confirmed(&self) {
        if let Some(place) = &self.place {
            place.enter();
        }
    }

    /// Takes a key that the caller pressed by INFO.
    pub(crate) fn key(&self, key: Key) {
        if let Some(end) = &self.end {
            end.key(key);
        }
    }

    /// Waits for what the media wants of the call.
    ///
    /// May be dropped and begun again: it loses nothing.
    pub(crate) async fn cue(&mut self) -> Cue {
        if let Some(cues) = &mut self.cues
            && let Some(cue) = cues.recv().await
        {
            return cue;
        }
        pending().await
    }

    /// Nothing is heard or said any more, and nobody is joined to the call: that may be long before it is over.
    pub(crate) fn close(&mut self) {
        self.place = None;
        self.handler.close();
    }

    /// What is to be written when the call is over, which it is now.
    pub(crate) fn keep(self) -> Option<Box<Keep>> {
        self.keep
    }
}

fn handler(
    answer: &Answer,
    end: Option<AudioEnd>,
    invitation: &Invitation,
    configuration: &Configuration,
) -> Handler {
    let local = invitation.flow().local.ip();
    let ports = &configuration.rtp_ports;
    let is_bare = answer.media == Media::Bare;
    match (profile(invitation), end) {
        (Profile::WebRtc, Some(end)) => Box::new(WebRtcHandler::new(local, ports, end)),
        // A browser gets a port in any case: nothing comes from it.
        (Profile::WebRtc, None) if is_bare => {
            Box::new(WebRtcHandler::new(local, ports, AudioEnd::new(())))
        }
        (Profile::WebRtc, None) => Box::new(WebRtcHandler::echo(local, ports)),
        (Profile::Plain, None) if is_bare => Box::new(BareHandler::new(local)),
        (Profile::Plain, end) => {
            let handler = match end {
                Some(end) => AudioHandler::new(local, ports, end),
                None => AudioHandler::echo(local, ports),
            };
            Box::new(handler.patient_for(configuration.media_timeout))
        }
    }
}

/// More are not waited for: the first ends the call.
const MOST_CUES: usize = 4;
