//! A report as JSON, with the names that scripts rely on.

use serde_json::{Map, Value, json};

use super::BacktestReport;
use crate::backtest::{PathResult, ThreeWays};
use crate::decimals::nearest;

impl BacktestReport {
    /// Returns the figures as one JSON object. What is not defined is null; shares are fractions.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let figures = &self.performance;
        let market = |market: &super::MarketResult| {
            json!({
                "symbol": market.symbol.code(), "fills": market.fills, "trades": market.trades, "wins": market.wins,
                "profit": market.profit, "fees": market.fees, "traded": market.traded,
            })
        };
        json!({
            "bars": self.bars,
            "from": self.begin.to_string(),
            "to": self.end.to_string(),
            "trades": self.trades.count,
            "open_positions": self.open_positions,
            "fills": self.fills.proven + self.fills.assumed + self.fills.ambiguous,
            "initial_equity": nearest(self.initial_equity),
            "final_equity": nearest(self.final_equity),
            "return": self.total_return,
            "annual_return": figures.annual_return,
            "annual_volatility": figures.annual_volatility,
            "sharpe": figures.sharpe,
            "sortino": figures.sortino,
            "calmar": figures.calmar,
            "annualised_by": figures.days_per_year,
            "days": figures.days,
            "max_drawdown": figures.max_drawdown,
            "max_daily_drawdown": figures.max_daily_drawdown,
            "longest_drawdown_secs": figures.longest_drawdown_secs,
            "fees": nearest(self.fees),
            "traded": self.traded,
            "turnover": self.turnover,
            "exposure": self.exposure,
            "win_rate": self.trades.win_rate,
            "profit_factor": self.trades.profit_factor,
            "mean_trade": self.trades.mean_share,
            "best_trade": self.trades.best_share,
            "worst_trade": self.trades.worst_share,
            "mean_held_secs": self.trades.mean_held_secs,
            "proven": self.fills.proven,
            "assumed": self.fills.assumed,
            "ambiguous": self.fills.ambiguous,
            "markets": self.markets.iter().map(market).collect::<Vec<_>>(),
        })
    }
}

impl ThreeWays {
    /// Returns the figures of the assumed run as one JSON object, with the final equity of the other two.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = self.assumed.to_json();
        value["pessimistic"] = json!(nearest(self.pessimistic.final_equity));
        value["optimistic"] = json!(nearest(self.optimistic.final_equity));
        let ways =
            [("pessimistic", self.pessimistic), ("assumed", self.assumed()), ("optimistic", self.optimistic)];
        let ways = ways.map(|(name, path)| (name.to_owned(), path_json(path)));
        value["results"] = Value::Object(ways.into_iter().collect::<Map<_, _>>());
        value
    }

    /// Returns the figures of the assumed run.
    #[must_use]
    pub fn assumed(&self) -> PathResult {
        PathResult::of(&self.assumed)
    }
}

fn path_json(path: PathResult) -> Value {
    json!({
        "final_equity": nearest(path.final_equity),
        "return": path.total_return,
        "max_drawdown": path.max_drawdown,
        "trades": path.trades,
    })
}
