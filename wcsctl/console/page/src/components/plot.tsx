import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Series {
  readonly name: string;
  /** A custom property of the style sheet, without its dashes. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  /** Distinguishes the line where colours are not seen. */
  readonly dash?: readonly number[];
}

interface PlotProps {
  title: string;
  unit: string;
  /** Milliseconds since the epoch. */
  times: readonly number[];
  series: readonly Series[];
}

const HEIGHT = 180;

/** The time axis: 24 hours, and the date where a day begins. */
const CLOCK: uPlot.Axis.Values = [
  [86_400, "{DD} {MMM}", null, null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{DD} {MMM}", null, "\n{DD} {MMM}", null, null, null, 1],
];

/** Plots figures over time. */
export function Plot({ title, unit, times, series }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const parent = frame.current;
    if (!parent) return undefined;
    const data: uPlot.AlignedData = [
      times.map((time) => time / 1000),
      ...series.map((one) => [...one.values]),
    ];
    let plot = new uPlot(options(parent, unit, series), data, parent);
    const resized = new ResizeObserver(() => {
      plot.setSize({ width: parent.clientWidth, height: HEIGHT });
    });
    resized.observe(parent);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => {
      plot.destroy();
      plot = new uPlot(options(parent, unit, series), data, parent);
    };
    dark.addEventListener("change", redraw);
    return () => {
      dark.removeEventListener("change", redraw);
      resized.disconnect();
      plot.destroy();
    };
  }, [unit, times, series]);
  return (
    <figure class="plot">
      <figcaption>
        {title} <span class="dim">{unit}</span>
      </figcaption>
      <div ref={frame} role="img" aria-label={`${title}: ${summary(series)}`} />
    </figure>
  );
}

function summary(series: readonly Series[]): string {
  return series
    .map(({ name, values }) => {
      const known = values.filter((value) => value !== null);
      const most = known.reduce((highest, value) => Math.max(highest, value), 0);
      return `${name} at most ${Math.round(most * 10) / 10}`;
    })
    .join(", ");
}

function options(parent: HTMLElement, unit: string, series: readonly Series[]): uPlot.Options {
  const style = getComputedStyle(parent);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const known = (values: Series["values"]) => values.filter((value) => value !== null).length;
  const axis = {
    stroke: colour("dim"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: parent.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      { ...axis, values: CLOCK },
      { ...axis, size: 48 },
    ],
    series: [
      { value: "{DD} {MMM} {HH}:{mm}" },
      ...series.map((one) => ({
        label: one.name,
        stroke: colour(one.colour),
        width: 1.5,
        // A line alone would not show a value between two periods without any.
        points: { show: known(one.values) < one.values.length, size: 5, fill: colour("back") },
        value: (_plot: uPlot, value: number | null) => (value === null ? "–" : `${value} ${unit}`),
        ...(one.dash ? { dash: [...one.dash] } : {}),
      })),
    ],
  };
}
