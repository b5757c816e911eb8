// The charts of the page as SVG. Observable Plot draws them in a document of linkedom, without a
// browser. All colours are variables of page.css, so that a chart fits both themes.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { count } from "../figures.ts";
import type { SeriesStyle } from "./figure.ts";

/** Width of the viewBox: about the width of a column of the page, so that text keeps its size. */
const WIDTH = 340;
const FONT_PIXELS = 13;
/** A name and, below it, a bar. */
const ROW_PIXELS = 46;
const AXIS_PIXELS = 32;
const TOP_PIXELS = 26;

const { document } = parseHTML("<!doctype html><html></html>");

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** Written after the bar. */
  readonly text: string;
  /** The slowest and the fastest round. */
  readonly range?: readonly [least: number, most: number];
  readonly color: string;
}

/** Horizontal bars from zero, and the floor as a marked line. */
export function bars(label: string, rows: readonly Bar[], floor?: number): string {
  const names = rows.map(({ name }) => name);
  const most = Math.max(...rows.map(({ value, range }) => range?.[1] ?? value), floor ?? 0);
  const ranges = rows.flatMap(({ name, range }) =>
    range ? [{ name, least: range[0], most: range[1] }] : [],
  );
  return draw(label, {
    ...rowsOf(names),
    x: { domain: [0, most || 1], ...valueAxis, label: null },
    marks: [
      nameTexts(names),
      Plot.barX(rows, { y: "name", x: "value", fill: "color", rx: 2 }),
      Plot.ruleY(ranges, { y: "name", x1: "least", x2: "most", strokeWidth: 1.5 }),
      Plot.text(rows, {
        y: "name",
        x: ({ value, range }: Bar) => Math.max(value, range?.[1] ?? 0),
        text: "text",
        textAnchor: "start",
        dx: 5,
      }),
      floor === undefined ? null : floorMark(floor, names, floor < most / 2),
    ],
  });
}

function floorMark(floor: number, names: readonly string[], isLeft: boolean): Plot.Markish {
  const color = "var(--floor)";
  const mark = { x: () => floor, y: (name: string) => name, insetTop: -1, insetBottom: -5 };
  return [
    Plot.tickX(names, { ...mark, stroke: "var(--card)", strokeWidth: 6 }),
    Plot.tickX(names, { ...mark, stroke: color, strokeWidth: 2.5 }),
    Plot.text([floor], {
      x: floor,
      text: [`${isLeft ? "┌ " : ""}floor ${count(floor)}${isLeft ? "" : " ┐"}`],
      frameAnchor: "top",
      textAnchor: isLeft ? "start" : "end",
      dx: isLeft ? -4 : 4,
      dy: -16,
      fill: color,
      fontWeight: 600,
    }),
  ];
}

export interface Segment {
  readonly name: string;
  readonly part: string;
  readonly value: number;
  readonly color: string;
}

/** Horizontal bars of stacked parts, with a text after each bar. */
export function stackedBars(
  label: string,
  segments: readonly Segment[],
  texts: ReadonlyMap<string, string>,
): string {
  const names = [...new Set(segments.map(({ name }) => name))];
  const ends = names.map((name) => {
    const parts = segments.filter((segment) => segment.name === name);
    return { name, end: parts.reduce((sum, { value }) => sum + value, 0), text: texts.get(name) };
  });
  const most = Math.max(...ends.map(({ end }) => end));
  return draw(label, {
    ...rowsOf(names),
    x: { domain: [0, most || 1], ...valueAxis, label: null },
    marks: [
      nameTexts(names),
      Plot.barX(
        segments,
        Plot.stackX({ y: "name", x: "value", fill: "color", stroke: "var(--card)", order: null }),
      ),
      Plot.text(ends, { y: "name", x: "end", text: "text", textAnchor: "start", dx: 5 }),
    ],
  });
}

export interface Points {
  readonly name: string;
  /** In the order of `styles`. */
  readonly values: readonly number[];
}

/** One row per name with a point for each of its values, on a logarithmic axis. */
export function pointRows(
  label: string,
  rows: readonly Points[],
  styles: readonly SeriesStyle[],
): string {
  const names = rows.map(({ name }) => name);
  const points = rows.flatMap(({ name, values }) =>
    values.flatMap((value, index) => (value > 0 ? [{ name, value, index }] : [])),
  );
  const ticks = decades(points.map(({ value }) => value));
  const dots = styles.map(({ color, symbol }, index) =>
    Plot.dot(
      points.filter((point) => point.index === index),
      { y: "name", x: "value", fill: color, symbol, r: 5, stroke: "var(--card)", strokeWidth: 0.5 },
    ),
  );
  return draw(label, {
    ...rowsOf(names),
    marginRight: 16,
    x: { type: "log", domain: [ticks[0], ticks.at(-1)], ticks, tickFormat: short, label: null },
    marks: [
      Plot.gridX(ticks),
      nameTexts(names),
      Plot.ruleY(points, Plot.groupY({ x1: "min", x2: "max" }, { y: "name", x: "value" })),
      ...dots,
    ],
  });
}

export interface Line {
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly style: SeriesStyle;
}

/** Lines over a logarithmic axis, from zero upwards. */
export function lines(label: string, series: readonly Line[], axis: { x: string; y: string }) {
  const points = series.flatMap(({ points }) => points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other);
  const ticks = apart(xs).map(Math.log10);
  const tickFormat = (exponent: number) => short(Math.round(10 ** exponent));
  return draw(label, {
    height: 260,
    marginLeft: 44,
    marginRight: 24,
    marginTop: 30,
    marginBottom: 42,
    // Not of the type "log", which leaves out labels between the powers of ten.
    x: { ticks, tickFormat, label: axis.x, inset: 6 },
    y: { domain: [0, Math.max(...points.map(({ y }) => y)) || 1], ...valueAxis, label: axis.y },
    marks: [
      Plot.gridY({ ticks: 3 }),
      ...series.flatMap(({ points, style: { color, symbol, dashes } }) => [
        Plot.line(points, {
          x: exponentOf,
          y: "y",
          stroke: color,
          strokeWidth: 2,
          strokeDasharray: dashes,
        }),
        Plot.dot(points, { x: exponentOf, y: "y", fill: color, symbol, r: 5 }),
      ]),
    ],
  });
}

const exponentOf = ({ x }: { x: number }) => Math.log10(x);

const valueAxis = { ticks: 3, tickFormat: short, nice: true };

/** Rows for horizontal bars. Names are above the bars, so that long ones fit. */
function rowsOf(names: readonly string[]): Plot.PlotOptions {
  return {
    height: names.length * ROW_PIXELS + AXIS_PIXELS + TOP_PIXELS,
    marginLeft: 12,
    marginRight: 66,
    marginTop: TOP_PIXELS,
    marginBottom: AXIS_PIXELS,
    y: { domain: names, axis: null, paddingInner: 0.6, paddingOuter: 0.4 },
  };
}

function nameTexts(names: readonly string[]): Plot.Markish {
  return Plot.text(names, {
    y: (name: string) => name,
    text: (name: string) => name,
    frameAnchor: "left",
    textAnchor: "start",
    dy: -18,
    lineWidth: WIDTH / FONT_PIXELS,
    textOverflow: "ellipsis",
  });
}

/** The powers of ten around the values: at least two. */
function decades(values: readonly number[]): number[] {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(Math.ceil(Math.log10(Math.max(...values))), least + 1);
  return Array.from({ length: most - least + 1 }, (_, index) => 10 ** (least + index));
}

/** The sorted values whose labels do not touch each other on a logarithmic axis. */
function apart(values: readonly number[]): number[] {
  const gap = Math.log((values.at(-1) ?? 1) / (values[0] ?? 1)) / 9;
  const kept: number[] = [];
  for (const value of values) {
    const last = kept.at(-1);
    if (last === undefined || Math.log(value / last) >= gap) kept.push(value);
  }
  return kept;
}

/** As in "12k" and "3M". */
function short(value: number): string {
  return value.toLocaleString("en", { notation: "compact" }).replace("K", "k");
}

function draw(label: string, options: Plot.PlotOptions): string {
  const chart = Plot.plot({
    document,
    width: WIDTH,
    style: { fontSize: `${FONT_PIXELS}px` },
    ...options,
  });
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", label);
  return chart.outerHTML;
}
