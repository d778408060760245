//! A chart for the terminal: how many requests arrived in each period, beside the limit.

use core::fmt::Write;
use core::time::Duration;

use crate::server::{Arrival, LIMIT, PERIOD};

/// A row for each of these.
const ROW: Duration = Duration::from_millis(250);

/// Draws how many were admitted (`#`) and refused (`x`) in the period before each row, with a line at the limit.
pub(crate) fn draw(log: &[Arrival]) -> String {
    let mut chart = format!("{:>8}  # admitted, x refused in the {PERIOD:?} before; | the limit\n", "");
    let (Some(first), Some(last)) = (log.first(), log.last()) else { return chart };
    let mut row = first.at;
    while row < last.at {
        row = row + ROW;
        let recent = |arrival: &&Arrival| arrival.at <= row && row.duration_since(arrival.at) < PERIOD;
        let (admitted, refused): (Vec<&Arrival>, _) =
            log.iter().filter(recent).partition(|arrival| arrival.admitted);
        let mut bar: Vec<char> = [vec!['#'; admitted.len()], vec!['x'; refused.len()]].concat();
        let limit = LIMIT as usize;
        bar.resize(bar.len().max(limit), ' ');
        bar.insert(limit, '|');
        let seconds = row.duration_since(first.at).as_secs_f64();
        // Writing to a string cannot fail.
        let _ = writeln!(chart, "{seconds:>6.2} s  {}", bar.iter().collect::<String>().trim_end());
    }
    chart
}
