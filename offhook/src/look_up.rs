//! Questions to a resolver, and their time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::locate::{Destination, Locating, Question, Record};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::resolver::Resolver;

/// Where to send, the best first; never empty.
///
/// # Errors
///
/// Nothing was found: what a look-up said that failed, or that there is nothing.
pub(crate) async fn locate(
    resolver: &Arc<dyn Resolver>,
    mut locating: Locating,
) -> io::Result<Vec<Destination>> {
    let deadline = Instant::now() + LOCATE_TIME;
    let mut failure = None;
    loop {
        let questions = locating.questions();
        if questions.is_empty() {
            break;
        }
        let mut answers = Vec::with_capacity(questions.len());
        for (question, answer) in ask(resolver, questions, deadline).await {
            let records = answer.unwrap_or_else(|error| {
                debug!(?question, "no answer: {error}");
                failure = Some(error);
                Vec::new()
            });
            answers.push((question, records));
        }
        locating.answer(&answers);
    }
    let destinations = locating.destinations();
    if destinations.is_empty() {
        let nothing = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
        return Err(failure.unwrap_or_else(nothing));
    }
    Ok(destinations.to_vec())
}

/// Asks all at once. A question without an answer in its time has failed.
async fn ask(
    resolver: &Arc<dyn Resolver>,
    questions: Vec<Question>,
    deadline: Instant,
) -> Vec<(Question, io::Result<Vec<Record>>)> {
    let until = deadline.min(Instant::now() + QUESTION_TIME);
    let mut asked = JoinSet::new();
    for question in questions {
        let resolver = Arc::clone(resolver);
        asked.spawn(async move {
            let answer = timeout_at(until, resolver.look_up(&question)).await;
            let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            (question, answer)
        });
    }
    asked.join_all().await
}

/// NAPTR and SRV records may take all of their time and leave a second for the addresses.
const LOCATE_TIME: Duration = Duration::from_secs(5);
pub(crate) const QUESTION_TIME: Duration = Duration::from_secs(2);
