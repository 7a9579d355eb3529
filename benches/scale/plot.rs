//! Plots: how something grows, both axes logarithmic, for readers in the light and in the dark.

use std::ops::Range;
use std::path::Path;

use bench_harness::{Settings, nanoseconds};
use plotters::coord::Shift;
use plotters::prelude::*;

/// Lines of one unit.
pub(crate) struct Panel {
    pub(crate) unit: Unit,
    /// Labels with their points.
    pub(crate) lines: Vec<(&'static str, Vec<(u32, f64)>)>,
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Nanoseconds.
    Time,
    /// Bytes.
    Memory,
}

impl Unit {
    /// A power of ten.
    fn text(self, value: f64) -> String {
        let text = match self {
            Self::Time => nanoseconds(value),
            Self::Memory => bytes(value),
        };
        text.replace(".00 ", " ").replace(".0 ", " ")
    }
}

/// The colours of one look.
struct Look {
    name: &'static str,
    text: RGBColor,
    grid: RGBColor,
    lines: [RGBColor; 4],
}

/// Both are readable by people who tell colours badly.
const LOOKS: [Look; 2] = [
    Look {
        name: "light",
        text: RGBColor(31, 35, 40),
        grid: RGBColor(216, 222, 228),
        lines: [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 130, 95), RGBColor(150, 75, 130)],
    },
    Look {
        name: "dark",
        text: RGBColor(230, 237, 243),
        grid: RGBColor(61, 68, 77),
        lines: [RGBColor(86, 180, 233), RGBColor(240, 160, 60), RGBColor(60, 200, 150), RGBColor(220, 150, 200)],
    },
];

const WIDTH: u32 = 460;
const HEIGHT: u32 = 300;

/// Draws panels side by side, once for each look; kept with `--write` only.
pub(crate) fn write(name: &str, axis: &str, panels: &[Panel], settings: &Settings) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/speed");
    for look in &LOOKS {
        let mut text = String::new();
        draw(&mut text, axis, panels, look).expect("a plot into memory");
        if settings.is_writing {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("{name}-{}.svg", look.name)), text).unwrap();
        }
    }
}

fn draw(text: &mut String, axis: &str, panels: &[Panel], look: &Look) -> Result<(), Box<dyn std::error::Error>> {
    let count = u32::try_from(panels.len())?;
    let area = SVGBackend::with_string(text, (WIDTH * count, HEIGHT)).into_drawing_area();
    for (panel, area) in panels.iter().zip(area.split_evenly((1, panels.len()))) {
        draw_panel(&area, axis, panel, look)?;
    }
    area.present()?;
    Ok(())
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    axis: &str,
    panel: &Panel,
    look: &Look,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || panel.lines.iter().flat_map(|(_, points)| points);
    let (xs, ys) = (points().map(|(x, _)| f64::from(*x)), points().map(|(_, y)| *y));
    // The labels stand in the uppermost part.
    let (across, up) = (decades(xs), decades(ys));
    let up = up.start..up.end * 10_f64;
    let font = ("sans-serif", 15).into_font().color(&look.text);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(36)
        .x_label_area_size(36)
        .y_label_area_size(58)
        .build_cartesian_2d(across.log_scale(), up.log_scale())?;
    chart
        .configure_mesh()
        .axis_style(look.grid)
        .bold_line_style(look.grid)
        .light_line_style(TRANSPARENT)
        .label_style(font.clone())
        .x_desc(axis)
        .x_label_formatter(&|x| bench_harness::grouped(*x))
        .y_label_formatter(&|y| panel.unit.text(*y))
        .draw()?;
    for ((label, points), colour) in panel.lines.iter().zip(look.lines) {
        let points = || points.iter().map(|(x, y)| (f64::from(*x), *y));
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(*label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(font)
        .border_style(TRANSPARENT)
        .draw()?;
    Ok(())
}

/// From the power of ten below all values to the one above.
fn decades(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().fold(f64::MAX, f64::min);
    let most = values.fold(f64::MIN, f64::max);
    10_f64.powf(least.log10().floor())..10_f64.powf(most.log10().ceil())
}

/// A size in its unit: `85 bytes`, `2.5 KB`, `31 MB`.
pub(crate) fn bytes(size: f64) -> String {
    match size {
        ..1e3 => format!("{size:.0} bytes"),
        1e3..1e5 => format!("{:.1} KB", size / 1e3),
        1e5..1e6 => format!("{:.0} KB", size / 1e3),
        1e6..1e7 => format!("{:.1} MB", size / 1e6),
        _ => format!("{} MB", bench_harness::grouped(size / 1e6)),
    }
}
