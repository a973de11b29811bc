//! `market-backbone plan`: the cost of a fetch, before anything is fetched.

use std::time::Duration;

use market_backbone::{Backbone, Plan};

use super::candles::WantedCandles;
use crate::args::{PlanArgs as Args, PlanFormat};
use crate::output::Output;

pub(crate) async fn run(args: Args, backbone: &Backbone) -> anyhow::Result<()> {
    let window = WantedCandles::of(&args.range, backbone.now())?;
    let plan = window.request(&args.market, args.timeframe, backbone).plan().await?;
    let mut output = Output::open(None)?;
    match args.format {
        PlanFormat::Json => output.line(&serde_json::to_string(&plan)?)?,
        PlanFormat::Table => output.line(&as_text(&plan))?,
    }
    output.finish()
}

fn as_text(plan: &Plan) -> String {
    let all = plan.known_slots + plan.unknown_slots;
    let share = (plan.known_share() * 100.0).floor();
    let known = format!("known     {} of {all} ({share:.0} %)", plan.known_slots);
    if plan.requests.is_empty() {
        return format!("{}\n{known}\nrequests  none", plan.series);
    }
    let requests: Vec<_> = plan.requests.iter().map(|(group, count)| format!("{count} {group}")).collect();
    let certainty = match plan.exact {
        true if plan.at_most > plan.at_least => " (one more if the socket is slow)".to_owned(),
        true => String::new(),
        false => format!(" (at least {}, at most {})", plan.at_least, plan.at_most),
    };
    let trip = if plan.round_trip_measured { "measured" } else { "assumed" };
    format!(
        "{}\n{known}\npages     {}\nrequests  {}{certainty}\ntakes     {} at a round trip of {} ms ({trip})",
        plan.series,
        plan.pages,
        requests.join(", "),
        length(plan.eta),
        plan.round_trip.as_millis(),
    )
}

/// Formats a duration: `3.2 s`, `4 min 10 s`, `2 h 5 min`.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_as_people_say_them() {
        let said = [3.21, 250.0, 7_500.0].map(|seconds| length(Duration::from_secs_f64(seconds)));
        assert_eq!(said, ["3.2 s", "4 min 10 s", "2 h 5 min"]);
    }
}
