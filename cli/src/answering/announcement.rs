//! What is said once.

use offhook_media::{Audio, Frame, Player, Sound};
use tokio::sync::mpsc;

use super::Cue;

/// A sound, behind which we hang up where there is a cue for that. Only it knows when that is: it stands still while the
/// caller cannot hear it.
pub(super) struct Announcement {
    player: Player,
    /// How many frames of silence are left to say behind it.
    rest: u8,
    cue: Option<mpsc::Sender<Cue>>,
}

impl Announcement {
    pub(super) fn new(sound: Sound, cue: Option<mpsc::Sender<Cue>>) -> Self {
        Self {
            player: Player::new(sound),
            rest: REST,
            cue,
        }
    }
}

impl Audio for Announcement {
    fn speak(&mut self, frame: &mut Frame) {
        if !self.player.is_over() {
            self.player.speak(frame);
        } else if self.rest > 0 {
            self.rest -= 1;
        } else if let Some(cue) = &self.cue {
            // Where there is no room, it has been said already.
            let _ = cue.try_send(Cue::HangUp);
        }
    }
}

/// The longest packet has 100 ms, so the end of the sound is out with the fifth frame behind it.
const REST: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_hang_up_when_all_of_it_is_said() {
        let (cue, mut cues) = mpsc::channel(1);
        let frame: Frame = [7; _];
        let mut announcement = Announcement::new(Sound::once([frame; 3].concat()), Some(cue));
        let mut speak = || {
            let mut frame: Frame = [0; _];
            announcement.speak(&mut frame);
            frame[0]
        };
        let said = [7, 7, 7, 0, 0, 0, 0, 0];
        assert_eq!(said.map(|_| speak()), said);
        assert!(cues.try_recv().is_err());
        speak();
        assert_eq!(cues.try_recv(), Ok(Cue::HangUp));
    }
}
