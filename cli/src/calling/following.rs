use anyhow::Context;
use offhook::{
    Credentials, Flow, Inviter, InviterEvent, OutgoingRequest, Referral, UserAgent,
    message::{Body, UriBuf},
};
use offhook_media::Recording;

use super::{CallArguments, media};
use crate::negotiation::Handler;

/// How a call is placed, the first one and those that the callee asks for.
pub(super) struct Placing {
    pub(super) user_agent: UserAgent,
    pub(super) arguments: CallArguments,
    pub(super) credentials: Option<Credentials>,
    pub(super) recording: Recording,
}

impl Placing {
    /// The ways there, best first, and our side of the session on the first of them.
    pub(super) async fn prepare(&self, target: &UriBuf) -> anyhow::Result<(Vec<Flow>, Handler)> {
        let next_hop = self.arguments.proxy.as_ref().unwrap_or(target);
        let flows = self.user_agent.flows(next_hop).await?;
        let flow = flows.first().context("no way leads there")?;
        let media = media(&self.arguments, flow.local.ip(), &self.recording)?;
        Ok((flows, media))
    }

    pub(super) fn request(
        &self,
        flows: Vec<Flow>,
        from: UriBuf,
        target: UriBuf,
        offer: Body,
    ) -> OutgoingRequest {
        let mut request = OutgoingRequest::new(flows, from.into(), target.into()).with_body(offer);
        request.routes.extend(self.arguments.proxy.clone());
        request.credentials.extend(self.credentials.clone());
        request
    }

    /// Calls where the callee sends us.
    pub(super) async fn follow(
        &self,
        referral: Referral,
        from: UriBuf,
    ) -> anyhow::Result<Followed> {
        let target = referral.refer_to().target();
        let (flows, mut media) = self.prepare(&target).await?;
        let request = self.request(flows, from, target, media.description()?);
        let inviter = referral.make_inviter(request)?;
        Ok(Followed { inviter, media })
    }
}

/// A call that the callee asked for. The callee is told what becomes of it.
pub(super) struct Followed {
    inviter: Inviter,
    pub(super) media: Handler,
}

/// What becomes of it; nothing as long as there is none.
pub(super) async fn event(followed: &mut Option<Followed>) -> Option<InviterEvent> {
    match followed {
        Some(followed) => followed.inviter.event().await,
        None => std::future::pending().await,
    }
}
