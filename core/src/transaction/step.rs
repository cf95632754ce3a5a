//! What a transaction needs while it is at work.

use crate::config::Times;
use crate::counts::Totals;
use crate::outbox::Outbox;
use crate::slot::Slot;
use crate::timers::Timers;

/// A transaction of a table at work, with what it needs of the core around it. Nothing happens where it is gone.
pub(crate) struct Step<'a, Table> {
    pub(crate) slot: Slot,
    pub(crate) transactions: &'a mut Table,
    pub(crate) times: &'a Times,
    pub(crate) timers: &'a mut Timers,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) totals: &'a mut Totals,
}
