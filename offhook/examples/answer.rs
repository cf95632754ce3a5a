//! Answers every call and hangs up when the caller does: `cargo run --example answer -p offhook`.

use offhook::message::{Body, Provisional};
use offhook::{Error, UserAgent};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let user_agent = UserAgent::builder()
        .listen("udp:0.0.0.0:5060")
        .listen("tcp:0.0.0.0:5060")
        .start()
        .await?;
    while let Some(mut invitation) = user_agent.incoming().await {
        tokio::spawn(async move {
            invitation.progress(Provisional::RINGING)?;
            let mut session = invitation.accept(Body::sdp(SILENCE))?;
            let end = session.ended().await;
            println!("{} ended: {end:?}", session.call_id());
            Ok::<_, Error>(())
        });
    }
    Ok(())
}

/// One PCMU stream in which nobody sends.
const SILENCE: &str = "v=0\r\n\
    o=- 1 1 IN IP4 127.0.0.1\r\n\
    s=-\r\n\
    c=IN IP4 127.0.0.1\r\n\
    t=0 0\r\n\
    m=audio 9 RTP/AVP 0\r\n\
    a=inactive\r\n";
