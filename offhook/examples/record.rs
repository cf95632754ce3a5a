//! Beeps, and hears what the caller says for a minute: `cargo run --example record -p offhook`.

use std::time::Duration;

use offhook::message::Rejection;
use offhook::{Invitation, Session, SessionEvent, UserAgent};
use offhook_media::{
    AudioEnd, AudioHandler, Key, Player, PortRange, Recording, SAMPLE_RATE,
    SessionDescriptionHandler, Sound,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let user_agent = UserAgent::builder()
        .listen("udp:0.0.0.0:5060")
        .listen("tcp:0.0.0.0:5060")
        .start()
        .await?;
    while let Some(invitation) = user_agent.incoming().await {
        tokio::spawn(async {
            if let Err(error) = answer(invitation).await {
                println!("{error}");
            }
        });
    }
    Ok(())
}

async fn answer(invitation: Invitation) -> Result<()> {
    let recording = Recording::up_to(Duration::from_mins(1));
    let beep = Player::new(Sound::key(Key::try_from('1')?));
    let end = AudioEnd::new((beep, recording.clone()));
    // At the address that was called. Nothing is sent before the ACK.
    let address = invitation.flow().local.ip();
    let mut media = AudioHandler::new(address, &PortRange::any(), end).wary();
    // A caller that makes no offer answers ours in its ACK.
    let is_answer_due = match invitation.message().session_description() {
        Some(offer) => {
            if media.set_description(offer).is_err() {
                invitation.reject(Rejection::NOT_ACCEPTABLE_HERE)?;
                return Ok(());
            }
            false
        }
        None => true,
    };
    let mut session = invitation.accept(media.description()?)?;
    let Ok(ack) = session.confirmed().await else {
        return Ok(());
    };
    if is_answer_due {
        media.set_answer(ack.session_description().unwrap_or_default())?;
    }
    media.confirmed();
    serve(&mut session, &mut media).await?;
    let samples = recording.samples().len();
    println!("heard {samples} samples, {SAMPLE_RATE} a second");
    Ok(())
}

/// Up to the end of the call. Where this fails the session is dropped, and hung up.
async fn serve(session: &mut Session, media: &mut AudioHandler) -> Result<()> {
    loop {
        match session.event().await {
            // The caller holds, resumes, or moves.
            SessionEvent::Offer(offer) => match offer.message().session_description() {
                Some(theirs) if media.set_description(theirs).is_err() => {
                    offer.refuse(Rejection::NOT_ACCEPTABLE_HERE)?;
                }
                _ => offer.answer(&media.description()?)?,
            },
            // The answer to an offer of ours.
            SessionEvent::Reconfirmed(ack) => {
                if let Some(answer) = ack.session_description() {
                    media.set_description(answer)?;
                }
            }
            SessionEvent::Refreshed(response) => media.refreshed(&response)?,
            SessionEvent::Terminating(_) => media.close(),
            SessionEvent::Ended(_) => return Ok(()),
            _ => {}
        }
    }
}
