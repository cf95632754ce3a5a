//! What a caller does inside a session.

use std::time::Duration;

use offhook_message::Response;

use super::Caller;
use super::dialog::{DialogState, header};
use super::request::Purpose;
use super::timers::Timer;
use crate::clock::milliseconds;
use crate::policy::Verb;

impl Caller {
    /// The user wants something in every session that is up. What a session does not allow now is
    /// tried again soon.
    pub(super) fn talk(&mut self, now: Duration, verb: Verb) {
        if verb == Verb::HangUp {
            return self.hang_up(now);
        }
        for dialog in 0..self.dialogs.len() {
            if self.dialogs[dialog].state != DialogState::Confirmed {
                continue;
            }
            let is_change = !matches!(verb, Verb::Refer | Verb::Refresh);
            let is_busy = self.dialogs[dialog].change.is_some() || self.awaits_ack();
            if is_change && is_busy {
                self.timers.arm(now + SOON, Timer::Talk(verb));
            } else {
                self.say(now, dialog, verb);
            }
        }
    }

    /// A change was refused. What was agreed before holds; after 491 it is tried again, by the owner
    /// of the Call-ID in 2.1 to 4 s ([RFC 3261 §14.1](https://www.rfc-editor.org/rfc/rfc3261#section-14.1)).
    pub(super) fn changed(&mut self, now: Duration, dialog: usize, status: u16) {
        self.descriptions.offered = None;
        let verb = self.dialogs[dialog].change.take();
        if let Some(verb) = verb.filter(|_| status == 491) {
            let spread = u64::from(self.branches) * 37 % 190;
            let after = milliseconds(2100 + spread * 10);
            self.timers.arm(now + after, Timer::Talk(verb));
        }
    }

    /// The end of a request of ours; without a response in time there is none.
    pub(super) fn conclude(
        &mut self,
        now: Duration,
        purpose: Purpose,
        response: Option<&Response>,
    ) {
        let status = response.map_or(408, |response| response.status().as_u16());
        let body = response.map_or(&b""[..], Response::body);
        match purpose {
            Purpose::Cancel | Purpose::Notify => {}
            Purpose::Bye { dialog } => self.end_dialog(dialog),
            Purpose::Prack { dialog } => {
                self.descriptions.hear(&header(Some(body)));
                if self.plan.updates_early && status == 200 {
                    self.say(now, dialog, Verb::Update);
                }
            }
            Purpose::Update { dialog } if status == 200 => {
                self.descriptions.hear(&header(Some(body)));
                self.dialogs[dialog].change = None;
            }
            Purpose::Update { dialog } | Purpose::Refer { dialog } => match status {
                481 => self.end_dialog(dialog),
                408 => self.hang_up(now),
                200..300 => {}
                _ => self.changed(now, dialog, status),
            },
        }
    }

    /// Tells the server what became of its referral; a reason says that this is the last word
    /// ([RFC 3515 §2.4.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4.4)).
    pub(super) fn notify(&mut self, now: Duration, dialog: usize, reason: Option<&str>) {
        let branch = self.branch();
        let (state, status) = match reason {
            Some(reason) => (format!("terminated;reason={reason}"), "SIP/2.0 200 OK\r\n"),
            None => ("active;expires=60".to_owned(), "SIP/2.0 100 Trying\r\n"),
        };
        let draft = self.next_in_dialog("NOTIFY", dialog, &branch);
        let draft = draft
            .set("Event", "refer")
            .set("Subscription-State", &state);
        let draft = draft.body("message/sipfrag", status);
        self.request(now, &draft, branch, "NOTIFY", Purpose::Notify);
    }

    fn say(&mut self, now: Duration, dialog: usize, verb: Verb) {
        let direction = match verb {
            Verb::Hold => "sendonly",
            _ => "sendrecv",
        };
        match verb {
            Verb::Reinvite | Verb::Hold | Verb::Resume => {
                let offer = self.descriptions.offer(direction);
                self.dialogs[dialog].change = Some(verb);
                self.reinvite(now, dialog, Some(&offer));
            }
            Verb::Ask => {
                self.dialogs[dialog].change = Some(verb);
                self.reinvite(now, dialog, None);
            }
            Verb::Update | Verb::Refresh => self.update(now, dialog, verb),
            Verb::Refer => {
                let branch = self.branch();
                let draft = self.next_in_dialog("REFER", dialog, &branch);
                let draft = draft.set("Refer-To", "<sip:carol@192.0.2.9>");
                self.request(now, &draft, branch, "REFER", Purpose::Refer { dialog });
            }
            Verb::HangUp => {}
        }
    }

    fn update(&mut self, now: Duration, dialog: usize, verb: Verb) {
        let branch = self.branch();
        let mut draft = self.next_in_dialog("UPDATE", dialog, &branch);
        if verb == Verb::Update {
            let offer = self.descriptions.offer("sendrecv");
            self.dialogs[dialog].change = Some(verb);
            draft = draft.body("application/sdp", &offer);
        }
        if self.plan.session_expires.is_some() {
            draft = draft.set("Supported", "timer");
            draft = draft.set("Session-Expires", "90;refresher=uac");
        }
        self.request(now, &draft, branch, "UPDATE", Purpose::Update { dialog });
    }
}

/// How soon a caller tries again what a session does not allow now.
const SOON: Duration = milliseconds(200);
