//! A list of values by number, for numbers that arrive in any order.

use crate::work::work;

/// The maximum number of out-of-order numbers before they are merged into the sorted list.
const MAX_OUT_OF_ORDER: usize = 512;

/// Values by number. Numbers may arrive in any order and have gaps. The position of a value does not change.
#[derive(Debug)]
pub struct Ordered<T> {
    /// The numbers in ascending order, with the positions of their values.
    order: Vec<(u32, u32)>,
    /// Numbers far before the end of `order`, ascending too. Inserting them into `order` one by one would be quadratic.
    out_of_order: Vec<(u32, u32)>,
    values: Vec<T>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { order: Vec::new(), out_of_order: Vec::new(), values: Vec::new() }
    }
}

/// The number of entries with a smaller number.
fn count_smaller(numbers: &[(u32, u32)], number: u32) -> usize {
    numbers.partition_point(|(other, _)| *other < number)
}

impl<T> Ordered<T> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        self.order.last().map(|(number, _)| *number)
    }

    /// The rank of a number: how many numbers are smaller.
    pub fn rank(&self, number: u32) -> usize {
        count_smaller(&self.order, number) + count_smaller(&self.out_of_order, number)
    }

    /// The position of the value of a number.
    pub fn position(&self, number: u32) -> Option<u32> {
        let find = |numbers: &[(u32, u32)]| {
            let found =
                numbers.get(count_smaller(numbers, number)).filter(|(other, _)| *other == number);
            found.map(|(_, position)| *position)
        };
        find(&self.order).or_else(|| find(&self.out_of_order))
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.values.get(self.position(number)? as usize)
    }

    /// The value of a number, mutable.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let position = self.position(number)?;
        self.at(position)
    }

    /// The value at a position.
    #[inline]
    pub fn at(&mut self, position: u32) -> Option<&mut T> {
        self.values.get_mut(position as usize)
    }

    /// The value of a number, with its position; `make` creates a missing one.
    pub fn entry(&mut self, number: u32, make: impl FnOnce() -> T) -> (u32, &mut T) {
        let position = self.position(number).unwrap_or_else(|| {
            let position = self.values.len() as u32;
            self.insert(number, position);
            if self.values.is_empty() {
                // Mostly there is only one, and values may be large.
                self.values.reserve_exact(1);
            }
            self.values.push(make());
            position
        });
        (position, &mut self.values[position as usize])
    }

    fn insert(&mut self, number: u32, position: u32) {
        let rank = count_smaller(&self.order, number);
        if self.order.len() - rank <= MAX_OUT_OF_ORDER {
            work(self.order.len() - rank);
            self.order.insert(rank, (number, position));
            return;
        }
        let rank = count_smaller(&self.out_of_order, number);
        work(self.out_of_order.len() - rank);
        self.out_of_order.insert(rank, (number, position));
        if self.out_of_order.len() == MAX_OUT_OF_ORDER {
            self.order.append(&mut self.out_of_order);
            work(self.order.len());
            merge(&mut self.order);
        }
    }

    /// The number at a rank, with the position of its value.
    fn slot(&self, rank: usize) -> Option<(u32, u32)> {
        let (mut low, mut high) = (0, self.out_of_order.len());
        while low < high {
            let middle = low.midpoint(high);
            if count_smaller(&self.order, self.out_of_order[middle].0) + middle < rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let out_of_order =
            self.out_of_order.get(low).filter(|(number, _)| self.rank(*number) == rank);
        out_of_order.or_else(|| self.order.get(rank - low)).copied()
    }

    /// The values with their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.len()).filter_map(|rank| self.ranked(rank))
    }

    /// The number and the value at a rank.
    pub fn ranked(&self, rank: usize) -> Option<(u32, &T)> {
        let (number, position) = self.slot(rank)?;
        Some((number, self.values.get(position as usize)?))
    }

    /// The number and the value at a rank, mutable.
    pub fn nth(&mut self, rank: usize) -> Option<(u32, &mut T)> {
        let (number, position) = self.slot(rank)?;
        Some((number, self.values.get_mut(position as usize)?))
    }
}

/// Sorts a list that consists of two sorted lists, one after the other.
#[expect(
    clippy::stable_sort_primitive,
    reason = "the stable sort detects the two sorted runs and is linear"
)]
fn merge(numbers: &mut [(u32, u32)]) {
    numbers.sort();
}

#[cfg(test)]
mod tests {
    use super::Ordered;

    /// Compares the list with a sorted map after each insertion.
    fn check(numbers: impl Iterator<Item = u32>) {
        let (mut ordered, mut expected) = (Ordered::default(), std::collections::BTreeMap::new());
        for (count, number) in numbers.enumerate() {
            let (position, _) = ordered.entry(number, || number);
            expected.entry(number).or_insert(number);
            assert_eq!(ordered.at(position), Some(&mut { number }));
            assert_eq!(ordered.len(), expected.len());
            if count % 500 != 0 {
                continue;
            }
            assert!(ordered.iter().eq(expected.iter().map(|(number, value)| (*number, value))));
            for (rank, number) in expected.keys().enumerate().step_by(7) {
                assert_eq!(ordered.rank(*number), rank);
                assert_eq!(ordered.nth(rank), Some((*number, &mut { *number })));
            }
        }
        assert_eq!(ordered.last(), expected.keys().next_back().copied());
        assert!(ordered.ranked(expected.len()).is_none());
    }

    #[test]
    fn values_are_in_ascending_order_of_their_numbers() {
        check(0..2000);
        check((0..4000).rev());
        check((0..4000).map(|number| number * 265_443 % 4093));
        check((0..3000).flat_map(|number| [number, 9000 - number]));
    }
}
