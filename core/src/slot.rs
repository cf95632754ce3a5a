//! A table whose places are used again, with keys that notice it.

/// A place in a [`Slots`] table. A key outlives what it names: once the value is removed, the
/// generation no longer fits and every look-up answers `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Slot {
    index: u32,
    generation: u32,
}

impl Slot {
    /// None comes before it.
    pub(crate) const FIRST: Self = Self {
        index: 0,
        generation: 0,
    };
    /// None comes behind it.
    pub(crate) const LAST: Self = Self {
        index: u32::MAX,
        generation: u32::MAX,
    };
}

/// Values by [`Slot`].
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, value: T) -> Slot {
        if let Some(index) = self.free.pop()
            && let Some(entry) = self.entries.get_mut(index as usize)
        {
            entry.value = Some(value);
            let generation = entry.generation;
            return Slot { index, generation };
        }
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let (generation, value) = (0, Some(value));
        self.entries.push(Entry { generation, value });
        Slot { index, generation }
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        let entry = self.entries.get(slot.index as usize);
        let entry = entry.filter(|entry| entry.generation == slot.generation);
        entry?.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.entry(slot)?.value.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        let entries = self.entries.iter().zip(0..);
        entries.filter_map(|(entry, index)| {
            let generation = entry.generation;
            let slot = Slot { index, generation };
            Some((slot, entry.value.as_ref()?))
        })
    }

    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.get(slot).is_some()
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        let entry = self.entry(slot)?;
        let value = entry.value.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push(slot.index);
        Some(value)
    }

    fn entry(&mut self, slot: Slot) -> Option<&mut Entry<T>> {
        let entry = self.entries.get_mut(slot.index as usize);
        entry.filter(|entry| entry.generation == slot.generation)
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_does_not_see_the_next_value() {
        let mut slots = Slots::default();
        let first = slots.insert("first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_eq!(first.index, second.index, "the place is used again");
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"second"));
        assert_eq!(slots.len(), 1);
    }
}
