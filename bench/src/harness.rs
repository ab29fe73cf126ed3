//! Taking times: in turns, many short samples, the median.

use crate::{
    Rows,
    report::{Better, Row},
    settings::Settings,
};
use std::time::Duration;

/// Something that can be done `n` times in a row, between two readings of the clock.
pub(crate) type Work<'a> = &'a mut dyn FnMut(u64);

/// The run: what is wanted, how long to take, what came out.
pub(crate) struct Bench<'a> {
    settings: &'a Settings,
    rows: Rows,
}

/// The samples of one side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    /// What nine of ten samples stay below.
    pub(crate) ninth: f64,
}

impl<'a> Bench<'a> {
    pub(crate) const fn new(settings: &'a Settings) -> Self {
        Self { settings, rows: Vec::new() }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.settings.wants(name)
    }

    pub(crate) const fn is_quick(&self) -> bool {
        self.settings.quick
    }

    pub(crate) fn into_rows(self) -> Rows {
        self.rows
    }

    /// Nanoseconds for one of whatever `ours` and `rival` do, measured in turns.
    pub(crate) fn race(&mut self, name: &'static str, ours: Work<'_>, rival: (&'static str, Work<'_>)) {
        if !self.wants(name) {
            return;
        }
        progress(name);
        let (rival_name, rival) = rival;
        let (sample, repeats) = self.effort();
        let (our_count, rival_count) = (calibrate(ours, sample), calibrate(rival, sample));
        let (mut our_times, mut rival_times) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            // Who goes first changes, so that neither always runs on what the other left in the caches.
            if repeat % 2 == 0 {
                our_times.push(time(ours, our_count));
                rival_times.push(time(rival, rival_count));
            } else {
                rival_times.push(time(rival, rival_count));
                our_times.push(time(ours, our_count));
            }
        }
        self.rows.push(Row {
            name,
            unit: "ns",
            better: Better::Less,
            ours: Some(Spread::of(our_times)),
            rival: Some((rival_name, Spread::of(rival_times))),
        });
    }

    /// Nanoseconds for one of what `work` does; nobody to compare with.
    pub(crate) fn solo(&mut self, name: &'static str, work: Work<'_>) {
        if !self.wants(name) {
            return;
        }
        progress(name);
        let (sample, repeats) = self.effort();
        let count = calibrate(work, sample);
        let times = (0..repeats).map(|_| time(work, count)).collect();
        self.rows.push(Row { name, unit: "ns", better: Better::Less, ours: Some(Spread::of(times)), rival: None });
    }

    /// A row that is not a time of many repetitions.
    pub(crate) fn row(&mut self, row: Row) {
        if self.wants(row.name) {
            self.rows.push(row);
        }
    }

    const fn effort(&self) -> (Duration, usize) {
        if self.settings.quick { QUICK } else { FULL }
    }
}

impl Spread {
    pub(crate) const fn exactly(value: f64) -> Self {
        Self { least: value, median: value, ninth: value }
    }

    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        let middle = samples.len() / 2;
        let median =
            if samples.len() % 2 == 1 { at(middle) } else { (at(middle.saturating_sub(1)) + at(middle)) / 2.0 };
        Self { least: at(0), median, ninth: at((samples.len() * 9).div_ceil(10).saturating_sub(1)) }
    }
}

/// A line on standard error: what is being done now.
pub(crate) fn progress(doing: &str) {
    eprintln!("... {doing}");
}

/// Hands out `n` items in parts, round and round from `place` on; says with each part whether a round ends with it.
pub(crate) fn rounds<T>(mut n: u64, items: &[T], place: &mut usize, take: &mut dyn FnMut(&[T], bool)) {
    while n > 0 {
        let rest = items.get(*place..).unwrap_or_default();
        let part = usize::try_from(n).map_or(rest, |most| rest.get(..most).unwrap_or(rest));
        let last = part.len() == rest.len();
        take(part, last);
        n -= part.len() as u64;
        *place = if last { 0 } else { *place + part.len() };
    }
}

/// How many repetitions fill a sample. Doing them is the warm-up, too.
fn calibrate(work: Work<'_>, sample: Duration) -> u64 {
    let mut count = 64;
    loop {
        let took = taken(|| work(count));
        if took >= sample || count >= MOST {
            return count;
        }
        let factor = sample.as_secs_f64() / took.as_secs_f64().max(1e-9);
        // A first call may be slow, so the count at most grows tenfold at a time.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1.1 and 10 times a count")]
        let next = (count as f64 * factor.clamp(1.1, 10.0)) as u64;
        count = next.min(MOST);
    }
}

/// Nanoseconds for one of `count` repetitions.
fn time(work: Work<'_>, count: u64) -> f64 {
    work(count / WARM_UP);
    taken(|| work(count)).as_secs_f64() * 1e9 / count as f64
}

/// What `work` takes of this thread's processor time: other processes' turns are not in it.
pub(crate) fn taken(work: impl FnOnce()) -> Duration {
    let started = processor_time();
    work();
    processor_time().saturating_sub(started)
}

#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("processor time is not negative")
}

/// Where there is no such clock: the time on the wall.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// Length of a sample and number of samples: long against the reading of the clock, short enough that most samples are
/// not interrupted even on a busy machine, odd so that the median is a sample.
const FULL: (Duration, usize) = (Duration::from_millis(4), 301);
const QUICK: (Duration, usize) = (Duration::from_millis(2), 31);

/// This part of a sample is done before it and not timed: the caches hold what the other side left.
const WARM_UP: u64 = 8;

/// No sample is longer than this many repetitions, so that limits of a thousand million are never reached.
const MOST: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_sample_or_between_the_two_middle_ones() {
        assert_eq!(Spread::of(vec![9.0, 1.0, 2.0]), Spread { least: 1.0, median: 2.0, ninth: 9.0 });
        assert_eq!(Spread::of(vec![9.0, 1.0, 2.0, 4.0]), Spread { least: 1.0, median: 3.0, ninth: 9.0 });
        assert_eq!(Spread::of((1..=10).map(f64::from).collect()).ninth, 9.0);
    }

    #[test]
    fn rounds_go_on_where_the_last_call_stopped_and_say_when_one_ends() {
        let (items, mut place, mut seen) = ([1, 2, 3], 0, Vec::new());
        for n in [2, 5] {
            rounds(n, &items, &mut place, &mut |part, last| seen.push((part.to_vec(), last)));
        }
        let wanted = [(vec![1, 2], false), (vec![3], true), (vec![1, 2, 3], true), (vec![1], false)];
        assert_eq!(seen, wanted);
        assert_eq!(place, 1);
    }
}
