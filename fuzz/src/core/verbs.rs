//! What the application does.

use offhook_core::message::{
    Body, Method, Provisional, Redirection, ReferTo, Rejection, StatusCode, Success, Text,
};
use offhook_core::{
    ContactTarget, Credentials, OutgoingRequest, PublicationOptions, RegistrationOptions,
    ResponseOptions, SessionId, SessionSnapshot, SubscriptionOptions,
};

use super::Run;
use crate::dice::Dice;

impl Run {
    pub(super) fn verb(&mut self, dice: &mut Dice<'_>) {
        match dice.below(4) {
            0 => self.answer_invite(dice),
            1 => self.use_session(dice),
            2 => self.answer_request(dice),
            _ => self.ask(dice),
        }
        self.drain();
    }

    /// Ends all that has no end by itself.
    pub(super) fn hang_up(&mut self) {
        let now = self.now;
        for invite in std::mem::take(&mut self.invites) {
            if let Some(server) = self.core.invite_server(now, invite) {
                server.dispose();
            }
        }
        for invite in &self.outgoing {
            if let Some(client) = self.core.invite_client(now, *invite) {
                client.cancel(Vec::new());
            }
        }
        for session in &self.sessions {
            if let Some(session) = self.core.session(now, *session) {
                session.bye(Vec::new());
            }
        }
        for registration in &self.registrations {
            if let Some(client) = self.core.register_client(now, *registration) {
                client.unregister();
            }
        }
        for subscription in &self.subscriptions {
            if let Some(client) = self.core.subscribe_client(now, *subscription) {
                client.unsubscribe();
            }
        }
        for publication in &self.publications {
            if let Some(client) = self.core.publish_client(now, *publication) {
                client.unpublish();
            }
        }
        self.drain();
    }

    fn answer_invite(&mut self, dice: &mut Dice<'_>) {
        let Some(invite) = dice.pick(&self.invites).copied() else {
            return;
        };
        let Some(mut server) = self.core.invite_server(self.now, invite) else {
            return;
        };
        match dice.below(8) {
            0 => drop(server.trying()),
            1 | 2 => {
                let mut options = ResponseOptions::new(Provisional::RINGING);
                if dice.is_rare(2) {
                    options = options.with_body(description());
                }
                if dice.is_rare(2) {
                    options = options.reliably();
                }
                if let Ok(sent) = server.progress(options) {
                    self.sessions.push(sent.session);
                }
            }
            3 | 4 => {
                let options = ResponseOptions::new(Success::OK).with_body(description());
                if let Ok(sent) = server.accept(options) {
                    self.sessions.push(sent.session);
                }
            }
            5 => drop(server.reject(Rejection::BUSY_HERE)),
            6 => drop(server.redirect(&[elsewhere()], Redirection::MOVED_TEMPORARILY)),
            _ => server.dispose(),
        }
    }

    fn use_session(&mut self, dice: &mut Dice<'_>) {
        let Some(id) = dice.pick(&self.sessions).copied() else {
            return;
        };
        let Some(mut session) = self.core.session(self.now, id) else {
            return;
        };
        match dice.below(12) {
            0 => session.bye(Vec::new()),
            1 => drop(session.invite(&description())),
            2 => drop(session.update(Some(&description()))),
            3 => drop(session.update(None)),
            4 => drop(session.acknowledge(&description())),
            5 => drop(session.prack(&description())),
            6 => drop(session.answer(&description())),
            7 => drop(session.refuse_offer(Rejection::NOT_ACCEPTABLE_HERE)),
            8 => drop(session.invite_without_offer()),
            9 => drop(session.refer(ReferTo::from(elsewhere().uri))),
            10 => self.move_elsewhere(id),
            _ => drop(session.request(Method::Info, &[], None)),
        }
    }

    /// The session goes on from its snapshot, as in another process.
    fn move_elsewhere(&mut self, id: SessionId) {
        let Some(session) = self.core.session(self.now, id) else {
            return;
        };
        let Ok(snapshot) = session.snapshot() else {
            return;
        };
        session.forget();
        let snapshot = SessionSnapshot::read(&snapshot).expect("our own can be read");
        self.sessions.extend(self.core.restore(self.now, snapshot));
    }

    fn answer_request(&mut self, dice: &mut Dice<'_>) {
        let Some(request) = dice.pick(&self.requests).copied() else {
            return;
        };
        if let Some(server) = self.core.refer_server(self.now, request) {
            if dice.is_rare(4) {
                server.reject(Rejection::DECLINE);
            } else if let Ok(Some(referral)) = server.accept() {
                self.referrals.push(referral);
            }
            return;
        }
        let Some(server) = self.core.request_server(self.now, request) else {
            return;
        };
        match dice.below(3) {
            0 => drop(server.accept(Success::OK)),
            1 => drop(server.reject(Rejection::NOT_FOUND)),
            _ => drop(server.redirect(&[elsewhere()], Redirection::MOVED_TEMPORARILY)),
        }
    }

    /// Requests of ours outside of a dialog.
    fn ask(&mut self, dice: &mut Dice<'_>) {
        let now = self.now;
        match dice.below(12) {
            0..=2 => {
                let mut request = self.outgoing_request(dice);
                if dice.is_rare(2) {
                    request = request.with_body(description());
                }
                self.outgoing.extend(self.core.invite(now, request));
            }
            3 => {
                if let Some(client) = pick(dice, &self.outgoing)
                    .and_then(|invite| self.core.invite_client(now, invite))
                {
                    client.cancel(Vec::new());
                }
            }
            4 => {
                let flow = self.flow;
                if let Some(client) = pick(dice, &self.outgoing)
                    .and_then(|invite| self.core.invite_client(now, invite))
                {
                    let _ = client.follow(elsewhere().uri, vec![flow]);
                }
            }
            5 => {
                let method = [Method::Options, Method::Message][dice.below(2)].clone();
                let request = self.outgoing_request(dice);
                let _ = self.core.request(now, method, request);
            }
            6 => {
                let options = RegistrationOptions::new(self.outgoing_request(dice));
                self.registrations.extend(self.core.register(now, options));
            }
            7 => {
                if let Some(client) = pick(dice, &self.registrations)
                    .and_then(|it| self.core.register_client(now, it))
                {
                    client.refresh();
                }
            }
            8 => {
                let request = self.outgoing_request(dice);
                let options = SubscriptionOptions::new(request, Text::from_static("presence"));
                self.subscriptions.extend(self.core.subscribe(now, options));
            }
            9 => {
                let request = self.outgoing_request(dice).with_body(description());
                let options = PublicationOptions::new(request, Text::from_static("presence"));
                self.publications.extend(self.core.publish(now, options));
            }
            10 => {
                if let Some(client) = pick(dice, &self.subscriptions)
                    .and_then(|it| self.core.subscribe_client(now, it))
                {
                    client.refresh();
                }
            }
            _ => {
                let status = dice.one(&[StatusCode::RINGING, StatusCode::OK]);
                if let Some(referral) = pick(dice, &self.referrals) {
                    self.core.notify(now, referral, status);
                }
            }
        }
    }

    fn outgoing_request(&self, dice: &mut Dice<'_>) -> OutgoingRequest {
        let flows = vec![self.flow; 1 + dice.below(2)];
        let address = |uri: &str| uri.parse().expect("a URI");
        let mut request = OutgoingRequest::new(
            flows,
            address("sip:alice@example.com"),
            address("sip:bob@example.com"),
        );
        if dice.is_rare(2) {
            let alice = Text::from_static("alice");
            request = request.with_credentials(Credentials::password(alice, "secret"));
        }
        if dice.is_rare(4) {
            let route = "sip:proxy.example.com".parse().expect("a URI");
            request.routes.push(route);
        }
        request
    }
}

fn pick<T: Copy>(dice: &mut Dice<'_>, of: &[T]) -> Option<T> {
    dice.pick(of).copied()
}

fn elsewhere() -> ContactTarget {
    ContactTarget {
        uri: "sip:carol@192.0.2.3".parse().expect("a URI"),
        q: None,
    }
}

fn description() -> Body {
    Body::sdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n")
}
