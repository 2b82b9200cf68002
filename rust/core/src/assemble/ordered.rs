//! Values by number, for lists that indexes write into in any order.

use crate::work::work;

/// Numbers that came out of order wait in a list of their own until there are so many.
const LATE: usize = 512;

/// Values by number, which may come in any order and have gaps. Each keeps the place in which it was put.
#[derive(Debug)]
pub struct Ordered<T> {
    /// The numbers in order, with the places of their values.
    order: Vec<(u32, u32)>,
    /// Numbers far before the end of `order`, in order too: to move all behind each would be quadratic.
    late: Vec<(u32, u32)>,
    values: Vec<T>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { order: Vec::new(), late: Vec::new(), values: Vec::new() }
    }
}

/// How many of the numbers are smaller.
fn smaller(numbers: &[(u32, u32)], number: u32) -> usize {
    numbers.partition_point(|(other, _)| *other < number)
}

impl<T> Ordered<T> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The greatest number.
    pub fn last(&self) -> Option<u32> {
        self.order.last().map(|(number, _)| *number)
    }

    /// How many numbers are smaller.
    pub fn rank(&self, number: u32) -> usize {
        smaller(&self.order, number) + smaller(&self.late, number)
    }

    /// The place of a number's value.
    pub fn place(&self, number: u32) -> Option<u32> {
        let find = |numbers: &[(u32, u32)]| {
            let found = numbers.get(smaller(numbers, number)).filter(|(other, _)| *other == number);
            found.map(|(_, place)| *place)
        };
        find(&self.order).or_else(|| find(&self.late))
    }

    /// The value of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.values.get(self.place(number)? as usize)
    }

    /// The value of a number, to be changed.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let place = self.place(number)?;
        self.at(place)
    }

    /// The value in a place.
    #[inline]
    pub fn at(&mut self, place: u32) -> Option<&mut T> {
        self.values.get_mut(place as usize)
    }

    /// The value of a number, made where there is none.
    pub fn entry(&mut self, number: u32, make: impl FnOnce() -> T) -> (u32, &mut T) {
        let place = self.place(number).unwrap_or_else(|| {
            let place = self.values.len() as u32;
            self.insert(number, place);
            self.values.push(make());
            place
        });
        (place, &mut self.values[place as usize])
    }

    fn insert(&mut self, number: u32, place: u32) {
        let rank = smaller(&self.order, number);
        if self.order.len() - rank <= LATE {
            work(self.order.len() - rank);
            self.order.insert(rank, (number, place));
            return;
        }
        let rank = smaller(&self.late, number);
        work(self.late.len() - rank);
        self.late.insert(rank, (number, place));
        if self.late.len() == LATE {
            self.order.append(&mut self.late);
            work(self.order.len());
            merge(&mut self.order);
        }
    }

    /// The number of a rank, and the place of its value.
    fn slot(&self, rank: usize) -> Option<(u32, u32)> {
        let (mut low, mut high) = (0, self.late.len());
        while low < high {
            let middle = low.midpoint(high);
            if smaller(&self.order, self.late[middle].0) + middle < rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let late = self.late.get(low).filter(|(number, _)| self.rank(*number) == rank);
        late.or_else(|| self.order.get(rank - low)).copied()
    }

    /// The values with their numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.len()).filter_map(|rank| self.ranked(rank))
    }

    /// The number and the value of a rank, to be read.
    pub fn ranked(&self, rank: usize) -> Option<(u32, &T)> {
        let (number, place) = self.slot(rank)?;
        Some((number, self.values.get(place as usize)?))
    }

    /// The number and the value of a rank.
    pub fn nth(&mut self, rank: usize) -> Option<(u32, &mut T)> {
        let (number, place) = self.slot(rank)?;
        Some((number, self.values.get_mut(place as usize)?))
    }
}

/// Puts two lists in order, one behind the other, into one.
#[expect(clippy::stable_sort_primitive, reason = "the stable sort sees the two runs: it is linear")]
fn merge(numbers: &mut [(u32, u32)]) {
    numbers.sort();
}

#[cfg(test)]
mod tests {
    use super::Ordered;

    /// What was put in, against a sorted map, while it grows.
    fn check(numbers: impl Iterator<Item = u32>) {
        let (mut ordered, mut expected) = (Ordered::default(), std::collections::BTreeMap::new());
        for (count, number) in numbers.enumerate() {
            let (place, _) = ordered.entry(number, || number);
            expected.entry(number).or_insert(number);
            assert_eq!(ordered.at(place), Some(&mut { number }));
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
    fn any_order_is_that_of_the_numbers() {
        check(0..2000);
        check((0..4000).rev());
        check((0..4000).map(|number| number * 265_443 % 4093));
        check((0..3000).flat_map(|number| [number, 9000 - number]));
    }
}
