// Reads metrics in the text format of Prometheus, version 0.0.4. Refuses what is not valid.

/** The lines of one metric. */
export interface Family {
  readonly help: string;
  readonly type: string;
  /** `name{label="value",…}`, with the labels sorted by name → value. */
  readonly series: ReadonlyMap<string, number>;
}

const NAME = /^[a-z][a-z0-9_]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
const SUFFIXES = /_(bucket|sum|count)$/;

/** @throws {Error} the text is not valid, or does not follow the naming rules */
export function parseMetrics(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The text does not end with a line break");
  const families = new Map<string, { help: string; type: string; series: Map<string, number> }>();
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind = "", name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (families.has(name) || !NAME.test(name)) throw new Error(`Wrong or second name: ${line}`);
      families.set(name, { help: rest, type: "", series: new Map() });
      current = name;
    } else if (kind === "TYPE") {
      const family = families.get(name);
      if (!family || name !== current || family.type !== "") throw new Error(`Misplaced: ${line}`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`Unknown type: ${line}`);
      if (rest === "counter" && !name.endsWith("_total")) throw new Error(`No _total: ${line}`);
      if (rest !== "counter" && name.endsWith("_total")) throw new Error(`No counter: ${line}`);
      family.type = rest;
    } else {
      addSample(line, current, families.get(current));
    }
  }
  for (const [name, family] of families) checkHistogram(name, family);
  return families;
}

function addSample(
  line: string,
  current: string,
  family: { type: string; series: Map<string, number> } | undefined,
): void {
  const [, name = "", labels = "", number = ""] = SAMPLE.exec(line) ?? [];
  const base = family?.type === "histogram" ? name.replace(SUFFIXES, "") : name;
  if (!family || family.type === "" || base !== current) throw new Error(`Misplaced: ${line}`);
  const value = Number(number);
  if (!Number.isFinite(value)) throw new Error(`Not a number: ${line}`);
  if (family.type !== "gauge" && value < 0) throw new Error(`A counter below 0: ${line}`);
  const key = seriesKey(name, parseLabels(labels, line));
  if (family.series.has(key)) throw new Error(`Second line of a series: ${line}`);
  family.series.set(key, value);
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const match = LABEL.exec(text);
    if (!match || match.index !== at) throw new Error(`Wrong labels: ${line}`);
    const [, name = "", value = "", end] = match;
    if (name in labels) throw new Error(`Second label of a name: ${line}`);
    if (end === "," && LABEL.lastIndex === text.length) throw new Error(`Wrong labels: ${line}`);
    labels[name] = value;
  }
  return labels;
}

/** `name{label="value",…}` with sorted labels. */
export function seriesKey(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const sorted = Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `${name}{${sorted.map(([label, value]) => `${label}="${value}"`).join(",")}}`;
}

/** Buckets must not fall, and the last one must be the count. */
function checkHistogram(name: string, { type, series }: Family): void {
  if (type === "") throw new Error(`${name} has no type`);
  if (type !== "histogram") return;
  const buckets = new Map<string, [le: number, value: number][]>();
  for (const [key, value] of series) {
    const [, le] = /[{,]le="([^"]+)"/.exec(key) ?? [];
    if (!key.startsWith(`${name}_bucket{`)) continue;
    if (le === undefined) throw new Error(`A bucket without le: ${key}`);
    const labels = key.slice(`${name}_bucket`.length).replace(/le="[^"]+",?/, "");
    const of = labels.replace(",}", "}");
    buckets.set(of, [...(buckets.get(of) ?? []), [le === "+Inf" ? Infinity : Number(le), value]]);
  }
  for (const [labels, values] of buckets) {
    const sorted = values.toSorted(([one], [other]) => one - other);
    sorted.reduce((before, [le, value]) => {
      if (value >= before) return value;
      throw new Error(`${name}${labels}: the bucket ${le} is smaller than the one before`);
    }, 0);
    const [last, total] = sorted.at(-1) ?? [];
    if (last !== Infinity || total !== series.get(`${name}_count${labels}`)) {
      throw new Error(`${name}${labels}: its count is not that of its last bucket`);
    }
    if (!series.has(`${name}_sum${labels}`)) throw new Error(`${name}${labels} has no sum`);
  }
}
