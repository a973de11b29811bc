//! A heat map of the results of a sweep over two parameters.

use super::markup::{escaped, place};
use super::{Chart, STYLE, WIDTH};

const LEFT: f64 = 70.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 40.0;
/// Cells at least this wide carry their value.
const WIDTH_WITH_TEXT: f64 = 34.0;
/// The most labels along an axis.
const MOST_LABELS: usize = 24;

/// The result of one pair of parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeatCell {
    /// The parameter along the horizontal axis.
    pub x: usize,
    /// The parameter along the vertical axis.
    pub y: usize,
    /// The result as a share: 0.05 is five percent; `None` where it is not defined.
    pub value: Option<f64>,
}

/// The results of a sweep over two parameters.
#[derive(Clone, Copy, Debug)]
pub struct HeatMap<'a> {
    /// The title of the picture.
    pub title: &'a str,
    /// The name of the horizontal parameter.
    pub x_name: &'a str,
    /// The name of the vertical parameter.
    pub y_name: &'a str,
    /// The results of all pairs.
    pub cells: &'a [HeatCell],
}

impl HeatMap<'_> {
    /// Returns the picture, to be opened or embedded by itself.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let chart = self.chart();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" height=\"{0}\" \
             font-family=\"system-ui, sans-serif\">\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"100%\" \
             height=\"100%\"/>\n{1}</svg>\n",
            chart.height, chart.body
        )
    }

    /// Returns a page with the picture and a table of the best, which needs nothing else.
    #[must_use]
    pub fn to_html(&self, table: &str) -> String {
        let picture = self.chart().to_inline_svg(self.title);
        super::page::shell(self.title, &format!("<figure>{picture}</figure>\n<pre>{}</pre>", escaped(table)))
    }

    fn chart(&self) -> Chart {
        let (xs, ys) =
            (sorted(self.cells.iter().map(|cell| cell.x)), sorted(self.cells.iter().map(|cell| cell.y)));
        let width = (WIDTH - LEFT - 10.0) / xs.len().max(1) as f64;
        let cell_height = (width * 0.7).clamp(6.0, 28.0);
        let inner = cell_height * ys.len() as f64;
        let most = self.cells.iter().filter_map(|cell| cell.value).map(f64::abs).fold(1e-9, f64::max);
        let mut body = format!(
            "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{}</text><text x=\"{LEFT}\" y=\"34\">rows: {}, columns: {}; \
             deepest colour: {:+.2} %</text>",
            escaped(self.title),
            escaped(self.y_name),
            escaped(self.x_name),
            most * 100.0
        );
        for cell in self.cells {
            let (Ok(column), Ok(row)) = (xs.binary_search(&cell.x), ys.binary_search(&cell.y)) else {
                continue;
            };
            let (x, y) = (LEFT + column as f64 * width, TOP + row as f64 * cell_height);
            self.draw(cell, (x, y, width, cell_height), most, &mut body);
        }
        for (column, x) in xs.iter().enumerate().step_by(xs.len().div_ceil(MOST_LABELS).max(1)) {
            let place_x = place(LEFT + (column as f64 + 0.5) * width);
            body += &format!(
                "<text x=\"{place_x}\" y=\"{}\" text-anchor=\"middle\">{x}</text>",
                place(TOP + inner + 14.0)
            );
        }
        for (row, y) in ys.iter().enumerate().step_by(ys.len().div_ceil(MOST_LABELS).max(1)) {
            let place_y = place(TOP + (row as f64 + 0.5) * cell_height + 4.0);
            body += &format!("<text x=\"{}\" y=\"{place_y}\" text-anchor=\"end\">{y}</text>", LEFT - 6.0);
        }
        Chart { body, height: TOP + inner + BOTTOM }
    }

    fn draw(
        &self,
        cell: &HeatCell,
        (x, y, width, height): (f64, f64, f64, f64),
        most: f64,
        body: &mut String,
    ) {
        let share = cell.value.map(|value| format!("{:+.2} %", value * 100.0));
        let shown = share.as_deref().unwrap_or("not defined");
        *body += &format!(
            "<g class=\"cell\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{} {} {} {}: {shown}</title></rect>",
            place(x),
            place(y),
            place((width - 0.5).max(0.5)),
            place((height - 0.5).max(0.5)),
            colour(cell.value, most),
            escaped(self.x_name),
            cell.x,
            escaped(self.y_name),
            cell.y,
        );
        if width >= WIDTH_WITH_TEXT && height >= 12.0 {
            let short = cell.value.map_or(String::new(), |value| format!("{:+.1}", value * 100.0));
            *body += &format!(
                "<text x=\"{}\" y=\"{}\">{short}</text>",
                place(x + width / 2.0),
                place(y + height / 2.0 + 3.0)
            );
        }
        *body += "</g>";
    }
}

fn sorted(values: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut values: Vec<usize> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Green for gains, orange for losses, the paler the smaller; grey where nothing is defined.
fn colour(value: Option<f64>, most: f64) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "#9aa3ad".to_owned() };
    let depth = (value.abs() / most).sqrt().clamp(0.0, 1.0);
    let (hue, saturation) = if value >= 0.0 { (145, 55) } else { (22, 80) };
    format!("hsl({hue} {saturation}% {:.0}%)", 92.0 - 42.0 * depth)
}
