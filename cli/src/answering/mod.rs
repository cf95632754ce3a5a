//! What answers a call: its media, and what that wants of the call.

mod announcement;
mod bridge;
mod keep;
mod menu;
mod sounds;

use std::{future::pending, sync::Arc};

use offhook::{Invitation, Times, message::UriBuf};
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
    /// What the caller is to hear once the call stands. Before that it hears silence: a sound would be over.
    announcement: Option<Box<Announcement>>,
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
        let (mut cues, mut announcement, mut keep, mut place) = (None, None, None, None);
        let mut cue = || {
            let (cue, receiver) = mpsc::channel(MOST_CUES);
            cues = Some(receiver);
            cue
        };
        let end = match &answer.media {
            Media::Echo | Media::Bare => None,
            Media::Play(sound) => {
                // Where the route says when the call is over, the sound does not.
                let cue = answer.hangup_after.is_none().then(&mut cue);
                announcement = Some(Box::new(Announcement::new(sound.clone(), cue)));
                Some(AudioEnd::new(()))
            }
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
            announcement,
            keep,
            place,
        }
    }

    /// The call stands now.
    pub(crate) fn confirmed(&mut self) {
        self.handler.confirmed();
        if let Some(place) = &self.place {
            place.enter();
        }
        if let (Some(end), Some(announcement)) = (&self.end, self.announcement.take()) {
            end.replace(*announcement);
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
        (Profile::WebRtc, end) => {
            let handler = match end {
                Some(end) => WebRtcHandler::new(local, ports, end),
                // A browser gets a port in any case: nothing comes from it.
                None if is_bare => WebRtcHandler::new(local, ports, AudioEnd::new(())),
                None => WebRtcHandler::echo(local, ports),
            };
            let longest_wait = configuration.routes.longest_wait();
            Box::new(handler.ringing_for(longest_wait.max(Times::default().no_answer)))
        }
        (Profile::Plain, None) if is_bare => Box::new(BareHandler::new(local)),
        (Profile::Plain, end) => {
            let handler = match end {
                Some(end) => AudioHandler::new(local, ports, end),
                None => AudioHandler::echo(local, ports),
            };
            let handler = handler.patient_for(configuration.media_timeout);
            // There is no ACK before the audio that a route has early.
            Box::new(match answer.early {
                Some(_) => handler,
                None => handler.wary(),
            })
        }
    }
}

/// More are not waited for: the first ends the call.
const MOST_CUES: usize = 4;
