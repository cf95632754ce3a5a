//! Running the whole matrix, on several threads.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::case::Case;
use super::schedule::Schedule;
use super::table::{Column, Failure, Table};
use crate::faults::{Fault, every_schedule};

/// What of the matrix is to be run.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The rows.
    pub cases: Vec<Case>,
    /// How many faults a schedule has at most.
    pub most_faults: usize,
    /// How many schedules are drawn for each loss, over all cases.
    pub random: usize,
    /// The seed of the first of them; the others follow.
    pub seed: u64,
    /// How many threads work.
    pub threads: usize,
}

/// How far a survey is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// The runs that are done.
    pub runs: usize,
    /// The violations among them.
    pub violations: usize,
    /// How much of the work is done, in percent of its pieces, which are not equally long.
    pub percent: usize,
}

impl Survey {
    /// Runs it. `watch` is called about once a second.
    pub fn run(&self, mut watch: impl FnMut(Progress)) -> Table {
        let mut table = Table::new(&self.cases, self.most_faults);
        let mut progress = Progress::default();
        let jobs = self.jobs(&mut table);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (report, reports) = channel();
            for _ in 0..self.threads.max(1) {
                let (report, jobs, next) = (report.clone(), &jobs, &next);
                scope.spawn(move || self.work(jobs, next, &report));
            }
            drop(report);
            let mut done = 0;
            while let Some(outcomes) = receive(&reports) {
                for outcome in outcomes {
                    done += 1;
                    table.add(outcome);
                }
                (progress.runs, progress.violations) = table.totals();
                progress.percent = done * 100 / jobs.len().max(1);
                watch(progress);
            }
        });
        table
    }

    /// What there is to do, in pieces of a second or so. The run without a fault says where faults
    /// may strike, so it is done here.
    fn jobs(&self, table: &mut Table) -> Vec<Job> {
        let mut jobs = Vec::new();
        for (row, case) in self.cases.iter().enumerate() {
            let mut worker = Worker::new(*case, row);
            let packets = worker.run(Column::Faults(0), &Schedule::Exact(Vec::new()));
            table.add(worker.outcome);
            if self.most_faults > 0 {
                let kinds = Fault::on(case.transport);
                let firsts =
                    (0..packets).flat_map(|number| kinds.iter().map(move |kind| (number, *kind)));
                jobs.extend(firsts.map(|first| Job {
                    row,
                    task: Task::After(first),
                }));
            }
        }
        for loss in Table::LOSSES {
            for (row, seeds) in self.shares() {
                jobs.push(Job {
                    row,
                    task: Task::Random { seeds, loss },
                });
            }
        }
        jobs
    }

    /// The seeds of each row, in pieces.
    fn shares(&self) -> Vec<(usize, Range<u64>)> {
        let mut shares = Vec::new();
        let rows = self.cases.len().max(1);
        for row in 0..self.cases.len() {
            let share = self.random / rows + usize::from(row < self.random % rows);
            let mut left = share as u64;
            let mut seed = self.seed.wrapping_add((row as u64) << 32);
            while left > 0 {
                let piece = left.min(PIECE);
                shares.push((row, seed..seed + piece));
                (seed, left) = (seed + piece, left - piece);
            }
        }
        shares
    }

    fn work(&self, jobs: &[Job], next: &AtomicUsize, report: &Sender<Outcome>) {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut worker = Worker::new(self.cases[job.row], job.row);
            worker.perform(&job.task, self.most_faults);
            if report.send(worker.outcome).is_err() {
                return;
            }
        }
    }
}

/// A piece of the work.
#[derive(Debug)]
struct Job {
    row: usize,
    task: Task,
}

#[derive(Debug)]
enum Task {
    /// Every schedule that begins with this fault.
    After((usize, Fault)),
    Random {
        seeds: Range<u64>,
        loss: u8,
    },
}

/// What came of a piece of the work.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) row: usize,
    pub(super) runs: Vec<(Column, usize)>,
    pub(super) failures: Vec<Failure>,
}

struct Worker {
    case: Case,
    outcome: Outcome,
}

impl Worker {
    fn new(case: Case, row: usize) -> Self {
        Self {
            case,
            outcome: Outcome {
                row,
                runs: Vec::new(),
                failures: Vec::new(),
            },
        }
    }

    fn perform(&mut self, task: &Task, most: usize) {
        match task {
            Task::After(first) => {
                let kinds = Fault::on(self.case.transport);
                every_schedule(&mut vec![*first], most, kinds, &mut |schedule| {
                    let exact = Schedule::Exact(schedule.to_vec());
                    self.run(Column::Faults(schedule.len()), &exact)
                });
            }
            Task::Random { seeds, loss } => {
                for seed in seeds.clone() {
                    let random = Schedule::Random { seed, loss: *loss };
                    self.run(Column::Random(*loss), &random);
                }
            }
        }
    }

    /// Runs a schedule, and says how many messages were sent.
    fn run(&mut self, column: Column, schedule: &Schedule) -> usize {
        let run = self.case.run(schedule);
        let runs = &mut self.outcome.runs;
        match runs.iter_mut().find(|(other, _)| *other == column) {
            Some((_, count)) => *count += 1,
            None => runs.push((column, 1)),
        }
        if !run.violations.is_empty() {
            self.outcome.failures.push(Failure {
                case: self.case,
                column,
                schedule: schedule.clone(),
                violations: run.violations,
            });
        }
        run.trace.packet_count()
    }
}

/// What was done in the last second; `None` when all is done.
fn receive(reports: &Receiver<Outcome>) -> Option<Vec<Outcome>> {
    let first = reports.recv().ok()?;
    let mut outcomes = vec![first];
    let until = std::time::Instant::now() + SECOND;
    while let Ok(outcome) =
        reports.recv_timeout(until.saturating_duration_since(std::time::Instant::now()))
    {
        outcomes.push(outcome);
    }
    Some(outcomes)
}

/// How many schedules by chance are one piece of work.
const PIECE: u64 = 200;
const SECOND: Duration = Duration::from_secs(1);
