import { useMantineColorScheme } from "@mantine/core";
import { useColorScheme } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Window } from "@/api/types";
import { formatClock, formatDay } from "@/lib/format";
import css from "./overview.module.css";

export interface PlotSeries {
  label: string;
  /** A custom property, e.g. `--accent`. */
  color: string;
  kind: "bars" | "line" | "area";
}

interface Props {
  time: number[];
  series: (PlotSeries & { values: (number | null)[] })[];
  window: Window;
  format: (value: number | null) => string;
  onCursor: (index: number | null) => void;
  onZoom: (start: number, end: number) => void;
  label: string;
}

const sync = uPlot.sync("overview");

function readColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function translucent(color: string, percent: number): string {
  return `color-mix(in srgb, ${color} ${percent}%, transparent)`;
}

const isFlat = (u: uPlot) => u.data.slice(1).every((column) => Array.from(column).every((value) => !value));

/** A value between two gaps has no line to stand on; it is drawn as a point. */
function lonePoints(u: uPlot, series: number): number[] {
  const values = u.data[series] ?? [];
  const known = (i: number) => values[i] !== null && values[i] !== undefined;
  return Array.from(values.keys()).filter((i) => known(i) && !known(i - 1) && !known(i + 1));
}

/** Hours within a day, days beyond; the first of a new day carries its date. */
function timeLabels(splits: number[]): string[] {
  const step = splits.length > 1 ? (splits[1] as number) - (splits[0] as number) : 0;
  return splits.map((seconds, i) => {
    const clock = formatClock(seconds * 1000, false).slice(0, step < 60 ? 8 : 5);
    const day = formatDay(seconds * 1000).slice(5);
    if (step >= 86_400) return day;
    const before = splits[i - 1];
    return before !== undefined && formatDay(before * 1000).slice(5) !== day ? day : clock;
  });
}

/** The options for the scheme in force; uPlot paints on a canvas, so colours are read out of the style sheet. */
function optionsOf(props: Props, latest: { current: Props }, size: { width: number; height: number }): uPlot.Options {
  const text = readColor("--text-3");
  const grid = { stroke: readColor("--line"), width: 1 };
  const font = "11px Inter Variable, sans-serif";
  const bars = uPlot.paths.bars?.({ size: [0.82, 28], align: 1 });
  const line = uPlot.paths.spline?.();
  return {
    ...size,
    padding: [8, 18, 0, 0], // right: half of a time, whose place may be the very end
    legend: { show: false },
    cursor: {
      sync: {
        key: sync.key,
        setSeries: false,
        // Only the pointer's place is shared: a drag must narrow the range once, not once per chart.
        filters: { pub: (type) => type === "mousemove" || type === "mouseleave" },
      },
      drag: { x: true, y: false, setScale: false },
      points: { size: 5 },
    },
    scales: {
      x: { range: () => [latest.current.window.start / 1000, latest.current.window.end / 1000] },
      y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      {
        stroke: text,
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 24,
        gap: 4,
        space: 64,
        values: (_u, splits) => timeLabels(splits),
      },
      {
        stroke: text,
        font,
        grid,
        ticks: { show: false },
        size: 58,
        gap: 6,
        space: 34,
        // An axis over nothing but zeros would show a scale nobody measured.
        values: (u, splits) => splits.map((v) => (v > 0 && isFlat(u) ? "" : latest.current.format(v))),
      },
    ],
    series: [
      {},
      ...props.series.map((s): uPlot.Series => {
        const color = readColor(s.color);
        return s.kind === "bars"
          ? {
              label: s.label,
              stroke: color,
              width: 0,
              fill: translucent(color, 75),
              paths: bars,
              points: { show: false },
            }
          : {
              label: s.label,
              stroke: color,
              fill: s.kind === "area" ? translucent(color, 18) : undefined,
              width: 1.6,
              paths: line,
              points: { show: true, size: 5, fill: color, filter: lonePoints },
              spanGaps: false,
            };
      }),
    ],
    hooks: {
      setCursor: [(u) => latest.current.onCursor(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 6) return;
          const start = u.posToVal(u.select.left, "x") * 1000;
          const end = u.posToVal(u.select.left + u.select.width, "x") * 1000;
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom(Math.round(start), Math.round(end));
        },
      ],
    },
  };
}

/** A uPlot chart that follows its data, its size and the colour scheme. */
export function Plot(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { colorScheme } = useMantineColorScheme();
  const system = useColorScheme();
  const scheme = colorScheme === "auto" ? system : colorScheme;
  const data = [props.time, ...props.series.map((s) => s.values)] as uPlot.AlignedData;
  const latestData = useRef(data);
  latestData.current = data;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the chart is made anew only for another colour scheme
  useEffect(() => {
    const node = host.current;
    if (!node) return;
    const size = () => ({ width: node.clientWidth, height: node.clientHeight });
    plot.current = new uPlot(optionsOf(latest.current, latest, size()), latestData.current, node);
    const observer = new ResizeObserver(() => plot.current?.setSize(size()));
    observer.observe(node);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [scheme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new columns are what is to be painted
  useEffect(() => {
    plot.current?.setData(latestData.current);
  }, [props.time, props.series]);

  return <div ref={host} className={css.plot} role="img" aria-label={props.label} />;
}
