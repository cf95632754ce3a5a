use offhook::{Flow, Inviter, InviterEvent, OutgoingRequest, Referral, UserAgent, message::UriBuf};
use offhook_media::Recording;

use super::{CallArguments, OurSide, early::Early, our_side};
use crate::caller::Path;

/// How a call is placed, the first one and those that the callee asks for.
pub(super) struct Placing {
    pub(super) user_agent: UserAgent,
    pub(super) arguments: CallArguments,
    pub(super) path: Path,
    pub(super) recording: Recording,
}

impl Placing {
    /// The call to `target`, its best way there, and our side of the session on it.
    pub(super) async fn prepare(
        &self,
        target: &UriBuf,
    ) -> anyhow::Result<(OutgoingRequest, Flow, OurSide)> {
        let arguments = &self.arguments;
        let request = self
            .path
            .request(&self.user_agent, arguments.from.as_ref(), target);
        let (request, flow) = request.await?;
        let mut side = our_side(arguments, flow.local.ip(), &self.recording)?;
        let request = request.with_body(side.media.description()?);
        Ok((request, flow, side))
    }

    /// Calls where the callee sends us.
    pub(super) async fn follow(&self, referral: Referral) -> anyhow::Result<Followed> {
        let (request, _, side) = self.prepare(&referral.refer_to().target()).await?;
        if let Some(speech) = &side.speech {
            // The session that it leaves is heard until it answers.
            speech.end.replace(());
        }
        let inviter = referral.make_inviter(request)?;
        Ok(Followed {
            inviter,
            side,
            early: Early::default(),
        })
    }
}

/// A call that the callee asked for. The callee is told what becomes of it.
pub(super) struct Followed {
    inviter: Inviter,
    pub(super) side: OurSide,
    pub(super) early: Early,
}

/// What becomes of it; nothing as long as there is none.
pub(super) async fn event(followed: &mut Option<Followed>) -> Option<InviterEvent> {
    match followed {
        Some(followed) => followed.inviter.event().await,
        None => std::future::pending().await,
    }
}
