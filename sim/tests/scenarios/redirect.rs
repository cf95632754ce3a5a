//! The caller is sent elsewhere: RFC 3261 §13.3.1.2, §20.10.

use offhook_sim::{CallState, Plan, Policy, Simulation};

#[test]
fn a_302_lists_contacts_with_their_preferences() {
    let policy = Policy::new().redirect(&[
        ("sip:echo@example.com;transport=tcp", 700),
        ("sip:ring@example.com", 1000),
        ("tel:+15551234", 5),
    ]);
    let mut call = Simulation::new(policy);
    call.call(Plan::new());
    let moved = call.receive("302 Moved Temporarily");
    assert_eq!(
        moved.header_lines("Contact"),
        [
            "Contact: <sip:echo@example.com;transport=tcp>;q=0.7",
            "Contact: <sip:ring@example.com>;q=1.0",
            "Contact: <tel:+15551234>;q=0.005",
        ]
    );
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-- 302 Moved Temporarily
        0.0   ACK           ------->
        ",
    );
    assert_eq!(call.caller(), CallState::Refused(302));
    call.finish();
}
