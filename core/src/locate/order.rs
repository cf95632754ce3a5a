//! The order in which servers are tried ([RFC 2782, "Usage rules"](https://www.rfc-editor.org/rfc/rfc2782)).

use super::records::Srv;
use crate::random::Random;

/// By priority, and by chance as their weights say within one.
pub(super) fn in_order(mut records: Vec<Srv>, random: &mut Random) -> Vec<Srv> {
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    records.truncate(MOST_RECORDS);
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let weights = records.iter().take_while(|it| it.priority == priority);
        let weights = weights.map(|record| u64::from(record.weight));
        let drawn = random.below(weights.clone().sum::<u64>() + 1);
        let mut sum = 0;
        let chosen = weights.take_while(|weight| {
            sum += weight;
            sum < drawn
        });
        ordered.push(records.remove(chosen.count()));
    }
    ordered
}

/// Of one answer.
const MOST_RECORDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight,
            port: 5060,
            target: target.to_owned(),
        }
    }

    fn names(records: &[Srv]) -> Vec<&str> {
        records.iter().map(|it| it.target.as_str()).collect()
    }

    #[test]
    fn priorities_come_first() {
        let mut random = Random::new([1; 32]);
        let records = vec![srv(20, 9, "c"), srv(0, 0, "a"), srv(10, 60, "b")];
        for _ in 0..100 {
            let ordered = in_order(records.clone(), &mut random);
            assert_eq!(names(&ordered), ["a", "b", "c"]);
        }
    }

    #[test]
    fn weights_are_shares_and_everybody_is_tried() {
        let mut random = Random::new([2; 32]);
        let records = vec![srv(0, 60, "a"), srv(0, 30, "b"), srv(0, 10, "c")];
        let mut firsts = [0, 0, 0];
        for _ in 0..10_000 {
            let ordered = in_order(records.clone(), &mut random);
            let mut sorted = names(&ordered);
            firsts[usize::from(sorted[0].as_bytes()[0] - b'a')] += 1;
            sorted.sort_unstable();
            assert_eq!(sorted, ["a", "b", "c"]);
        }
        // Zero is drawn, too, and falls to the first.
        for (count, share) in firsts.into_iter().zip([6000_i32, 3000, 1000]) {
            let is_near = (share - 200..share + 200).contains(&count);
            assert!(is_near, "{firsts:?}");
        }
    }

    #[test]
    fn a_weight_of_zero_is_rarely_first() {
        let mut random = Random::new([3; 32]);
        let records = vec![srv(0, 99, "a"), srv(0, 0, "b")];
        let is_first = |_: &i32| in_order(records.clone(), &mut random)[0].target == "b";
        let count = (0..10_000).filter(is_first).count();
        assert!((50..200).contains(&count), "{count}");
    }

    #[test]
    fn an_answer_has_its_bound() {
        let records = (0..1000).map(|priority| srv(1000 - priority, 1, "a"));
        let ordered = in_order(records.collect(), &mut Random::new([4; 32]));
        assert_eq!(ordered.len(), MOST_RECORDS);
        assert_eq!(ordered[0].priority, 1);
    }
}
