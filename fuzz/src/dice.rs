//! Octets as a row of decisions.

/// Gives decisions until the octets are used up, and then the first choice always.
pub(crate) struct Dice<'a> {
    octets: &'a [u8],
}

impl<'a> Dice<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.octets.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        let (octet, rest) = self.octets.split_first().unwrap_or((&0, &[]));
        self.octets = rest;
        *octet
    }

    /// A number below `bound`, which is at most 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.octet()) % bound
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// One, or none of none.
    pub(crate) fn pick<'b, T>(&mut self, of: &'b [T]) -> Option<&'b T> {
        of.get(self.below(of.len().max(1)))
    }

    /// True once in `often` times.
    pub(crate) fn is_rare(&mut self, often: usize) -> bool {
        self.below(often) == often - 1
    }

    /// The next octets: a number of them that the first one says.
    pub(crate) fn octets(&mut self) -> &'a [u8] {
        let length = usize::from(self.octet()).min(self.octets.len());
        let (octets, rest) = self.octets.split_at(length);
        self.octets = rest;
        octets
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.octets)
    }
}
