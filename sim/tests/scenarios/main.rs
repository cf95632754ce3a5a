//! What the core does, one scenario or one rule per file.

mod answer_at_once;
mod automatic_trying;
mod branch_of_the_invite;
mod bye_crossing;
mod bye_early;
mod bye_from_caller;
mod bye_from_us;
mod bye_overtaken;
mod cancel;
mod content;
mod cseq_order;
mod dispose;
mod early_answer;
mod extensions;
mod floods;
mod in_dialog;
mod malformed;
mod merged_requests;
mod methods;
mod no_answer;
mod options;
mod overload;
mod prack;
mod redirect;
mod refer;
mod reinvite;
mod reject;
mod reliable;
mod repeated_invite;
mod replaces;
mod resolve;
mod response_routing;
mod rfc2543_peer;
mod ring_then_answer;
mod route_set;
mod session_timer;
mod sips_contact;
mod stateless_tags;
mod stray_requests;
mod success_until_ack;
mod transaction_matching;
mod update;
mod uri_scheme;
mod verbs;

use offhook_sim::{Draft, Packet, Simulation};

/// A call of a draft that is answered: the INVITE and its 200. What happened is in no figure.
fn begin(call: &mut Simulation) -> (Draft, Packet) {
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.expect("...");
    (invite, ok)
}
