//! Hold and resume, ours and the peer's (RFC 3264 section 8.4, RFC 6337 section 5.3).

use offhook_media::{
    AudioHandler, DescriptionError, Hold, Incompatibility, PortRange, SessionDescriptionHandler,
};
use offhook_message::Body;

use crate::support::{answer, description, offer, origin, response};

/// A handler with a call that is agreed on.
fn talking() -> (AudioHandler, String) {
    let mut handler = AudioHandler::echo([127, 0, 0, 1].into(), &PortRange::any());
    let first = answer(&mut handler, &said("sendrecv"));
    (handler, first)
}

/// What the peer says.
fn said(direction: &str) -> String {
    offer(&format!("m=audio 4000 RTP/AVP 0\r\na={direction}\r\n"))
}

fn direction(description: &str) -> &str {
    let mut attributes = description
        .lines()
        .filter_map(|line| line.strip_prefix("a="));
    let is_direction = |it: &&str| ["sendrecv", "sendonly", "recvonly", "inactive"].contains(it);
    attributes.find(is_direction).expect("a direction")
}

fn text(body: Result<Body, DescriptionError>) -> String {
    String::from_utf8(body.unwrap().content().to_vec()).unwrap()
}

#[tokio::test]
async fn hold_is_sendonly_and_resume_sendrecv_each_with_a_higher_version() {
    let (mut handler, first) = talking();
    let (id, version) = origin(&first);
    let held = text(handler.hold());
    assert_eq!(direction(&held), "sendonly");
    assert_eq!(origin(&held), (id, version + 1));
    handler
        .set_description(said("recvonly").as_bytes())
        .unwrap();
    let resumed = text(handler.resume());
    assert_eq!(direction(&resumed), "sendrecv");
    assert_eq!(origin(&resumed), (id, version + 2));
}

/// What was held stays held until it is resumed, whatever the peer offers meanwhile.
#[tokio::test]
async fn whoever_is_held_is_answered_so() {
    let (mut handler, _) = talking();
    handler.hold().unwrap();
    handler
        .set_description(said("recvonly").as_bytes())
        .unwrap();
    for (offered, answered) in [
        ("sendrecv", "sendonly"),
        ("sendonly", "inactive"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ] {
        assert_eq!(direction(&answer(&mut handler, &said(offered))), answered);
    }
}

#[tokio::test]
async fn one_who_holds_us_is_held_by_inactive() {
    let (mut handler, _) = talking();
    assert_eq!(
        direction(&answer(&mut handler, &said("sendonly"))),
        "recvonly"
    );
    assert_eq!(direction(&text(handler.hold())), "inactive");
    handler
        .set_description(said("inactive").as_bytes())
        .unwrap();
    // Once it listens again, our hold is the usual one.
    assert_eq!(
        direction(&answer(&mut handler, &said("sendrecv"))),
        "sendonly"
    );
    assert_eq!(direction(&text(handler.resume())), "sendrecv");
}

/// RFC 3261 section 14.1
#[tokio::test]
async fn a_refused_hold_changes_nothing() {
    let (mut handler, _) = talking();
    for status in ["488 Not Acceptable Here", "491 Request Pending"] {
        handler.hold().unwrap();
        handler.answered(&response(status, "INVITE", "")).unwrap();
        assert_eq!(
            direction(&answer(&mut handler, &said("sendrecv"))),
            "sendrecv"
        );
    }
}

#[tokio::test]
async fn the_answer_to_a_hold_is_in_its_2xx() {
    let (mut handler, _) = talking();
    handler.hold().unwrap();
    // The answer to something else leaves our offer open.
    handler.answered(&response("200 OK", "INFO", "")).unwrap();
    assert!(matches!(
        handler.resume(),
        Err(DescriptionError::OfferPending)
    ));
    let accepted = response("200 OK", "INVITE", &said("recvonly"));
    handler.answered(&accepted).unwrap();
    assert_eq!(
        direction(&answer(&mut handler, &said("sendrecv"))),
        "sendonly"
    );
}

/// An UPDATE of ours without an offer may cross a re-INVITE of the peer's.
#[tokio::test]
async fn a_response_answers_no_offer_of_the_peer() {
    for response in [
        response("200 OK", "UPDATE", ""),
        response("408 Request Timeout", "UPDATE", ""),
    ] {
        let (mut handler, _) = talking();
        handler
            .set_description(said("sendonly").as_bytes())
            .unwrap();
        handler.answered(&response).unwrap();
        assert_eq!(direction(&description(&mut handler)), "recvonly");
    }
}

#[tokio::test]
async fn an_answer_of_no_use_takes_the_hold_back() {
    let (mut handler, _) = talking();
    handler.hold().unwrap();
    let error = handler.answered(&response("200 OK", "UPDATE", &offer("")));
    assert!(matches!(
        error,
        Err(DescriptionError::NotAcceptable(
            Incompatibility::AnswerMismatch
        ))
    ));
    assert_eq!(direction(&description(&mut handler)), "sendrecv");
}

#[tokio::test]
async fn one_offer_at_a_time() {
    let (mut handler, _) = talking();
    handler.hold().unwrap();
    assert!(handler.hold().is_err());
    handler.rollback_description();
    handler
        .set_description(said("sendrecv").as_bytes())
        .unwrap();
    assert!(handler.set_hold(Hold::On).is_err());
    handler.close();
    assert!(matches!(handler.hold(), Err(DescriptionError::Closed)));
}
