//! Calls with a peer, an application and a clock that do anything at all.

use offhook_core::message::{Body, Text};
use offhook_core::{
    Credentials, Event, OutgoingInviteEvent, OutgoingInviteId, OutgoingRequest, SessionId,
};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, request};

/// A generator that is good enough to try everything, and repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

struct Run {
    dice: Dice,
    bench: Bench,
    id: OutgoingInviteId,
    invites: Vec<Sent>,
    others: Vec<Sent>,
    sessions: Vec<SessionId>,
    outcomes: usize,
    /// The last word is a redirection that nobody follows.
    is_redirected: bool,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut bench = Bench::new();
        let outgoing = outgoing(&mut dice);
        let (id, invite) = bench.call_with(outgoing);
        Self {
            dice,
            bench,
            id,
            invites: vec![invite],
            others: Vec::new(),
            sessions: Vec::new(),
            outcomes: 0,
            is_redirected: false,
        }
    }

    fn step(&mut self) {
        match self.dice.below(10) {
            0..=5 => self.respond_to_invite(),
            6 => self.respond_to_other(),
            7 => self.verb(),
            8 => {
                let ms = self.dice.one(&[1, 500, 4000, 32_000, 180_000]);
                let now = self.bench.ms();
                self.bench.pass(now + ms);
            }
            _ => {
                let index = self.dice.below(self.invites.len());
                self.bench.undelivered(&self.invites[index]);
            }
        }
        self.look();
    }

    fn respond_to_invite(&mut self) {
        let start_line = self.dice.one(&[
            "100 Trying",
            "180 Ringing",
            "183 Session Progress",
            "199 Early Dialog Terminated",
            "200 OK",
            "200 OK",
            "302 Moved Temporarily",
            "401 Unauthorized",
            "422 Session Interval Too Small",
            "486 Busy Here",
            "503 Service Unavailable",
        ]);
        let mut answer = Answer::bare(start_line);
        if self.dice.below(5) > 0 {
            answer = answer.tag(self.dice.one(&["a", "b", "c"]));
        }
        if self.dice.below(5) > 0 {
            answer = answer.header("Contact: <sip:bob@192.0.2.2:5062>");
        }
        if self.dice.below(3) == 0 {
            answer = answer.reliable(self.dice.one(&[1, 2, 3]));
        }
        if self.dice.below(2) == 0 {
            answer = answer.sdp("description");
        }
        if start_line.starts_with("401") {
            let stale = self.dice.one(&["", ", stale=true"]);
            let nonce = self.dice.below(4);
            let line = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\"{stale}");
            answer = answer.header(&line);
        }
        let index = self.dice.below(self.invites.len());
        self.bench.answer(&self.invites[index], &answer);
    }

    fn respond_to_other(&mut self) {
        if self.others.is_empty() {
            return;
        }
        let index = self.dice.below(self.others.len());
        let start_line = self.dice.one(&["200 OK", "401 Unauthorized", "481 Gone"]);
        let answer =
            Answer::bare(start_line).header("WWW-Authenticate: Digest realm=\"r\", nonce=\"9\"");
        self.bench.answer(&self.others[index], &answer);
    }

    fn verb(&mut self) {
        let (id, verb) = (self.id, self.dice.below(6));
        let session = (!self.sessions.is_empty())
            .then(|| self.dice.below(self.sessions.len()))
            .map(|index| self.sessions[index]);
        let description = Body::sdp("description");
        let follows = self.bench.act(|core, now| {
            match (verb, session) {
                (0, _) => {
                    if let Some(client) = core.invite_client(now, id) {
                        client.cancel(Vec::new());
                    }
                }
                (1, _) => {
                    let client = core.invite_client(now, id);
                    let target = "sip:carol@192.0.2.3".parse().unwrap();
                    return client.is_some_and(|it| it.follow(target, vec![UDP]).is_ok());
                }
                (_, Some(session)) => {
                    let Some(mut session) = core.session(now, session) else {
                        return false;
                    };
                    match verb {
                        2 => session.bye(Vec::new()),
                        3 => drop(session.acknowledge(&description)),
                        4 => drop(session.prack(&description)),
                        _ => drop(session.invite(&description)),
                    }
                }
                _ => {}
            }
            false
        });
        self.is_redirected &= !follows;
    }

    /// What the core did, and that it may do so.
    fn look(&mut self) {
        for sent in self.bench.sent() {
            match sent.method() {
                "INVITE" if sent.header("To").ends_with('>') => self.invites.push(sent),
                _ => self.others.push(sent),
            }
        }
        while let Some(event) = self.bench.try_event() {
            let Event::OutgoingInvite { event, .. } = event else {
                continue;
            };
            match event {
                OutgoingInviteEvent::Progress { session, .. } => self.sessions.extend(session),
                OutgoingInviteEvent::Accept { session, .. } => {
                    self.sessions.push(session);
                    self.outcomes += 1;
                }
                OutgoingInviteEvent::Trying { .. } | OutgoingInviteEvent::NoAnswer => {}
                OutgoingInviteEvent::Redirect { .. } => self.is_redirected = true,
                _ => {
                    self.outcomes += 1;
                    self.is_redirected = false;
                }
            }
        }
    }

    /// Everybody hangs up, and all the time in the world passes.
    fn finish(mut self, seed: u64) {
        let id = self.id;
        self.bench.act(|core, now| {
            if let Some(client) = core.invite_client(now, id) {
                client.cancel(Vec::new());
            }
        });
        self.look();
        for _ in 0..2 {
            for session in std::mem::take(&mut self.sessions) {
                self.bench.act(|core, now| {
                    if let Some(session) = core.session(now, session) {
                        session.bye(Vec::new());
                    }
                });
            }
            let now = self.bench.ms();
            self.bench.pass(now + 1_000_000);
            self.look();
        }
        let outcomes = self.outcomes + usize::from(self.is_redirected);
        assert_eq!(outcomes, 1, "seed {seed}");
        assert!(self.bench.is_idle(), "nothing is left, seed {seed}");
    }
}

fn outgoing(dice: &mut Dice) -> OutgoingRequest {
    let flow = dice.one(&[UDP, TCP]);
    let mut outgoing = match dice.below(2) {
        0 => request([flow]),
        _ => request([flow, UDP_NEXT]),
    };
    // Where there is no Contact, this is where requests go.
    outgoing.request_uri = "sip:bob@192.0.2.2".parse().unwrap();
    if dice.below(2) == 0 {
        outgoing = outgoing.with_body(Body::sdp("description"));
    }
    if dice.below(2) == 0 {
        let alice = Credentials::password(Text::from_static("alice"), "secret");
        outgoing = outgoing.with_credentials(alice);
    }
    outgoing
}

#[test]
fn every_call_has_one_outcome_and_leaves_nothing_behind() {
    for seed in 0..1000 {
        let mut run = Run::new(seed);
        for _ in 0..20 {
            run.step();
        }
        run.finish(seed);
    }
}
