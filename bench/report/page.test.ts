import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import type { Browser } from "playwright-core";
import { available, openBrowser } from "../../test/browser.ts";
import { resultsPage } from "./page.ts";
import { performanceText } from "./performance-tables.ts";
import { BARE, type BenchResults, PORTICO } from "./results.ts";
import { madeUpLoads, madeUpResults, round } from "./testing/made-up-results.ts";

setDefaultTimeout(60_000);

async function documentOf(results: BenchResults): Promise<Document> {
  return parseHTML(await resultsPage(results)).document;
}

const textsOf = (document: Document, selector: string) =>
  [...document.querySelectorAll(selector)].map((element) => element.textContent ?? "");

test("every figure of a round is in a table", async () => {
  const only = round({
    seconds: 2,
    requests: 246_912,
    errors: 31,
    refused: 32,
    checked: 33,
    wrong: 34,
    latencyMs: { p50: 5.11, p90: 6.22, p99: 77.3, p999: 884, max: 9951 },
    cpuSeconds: { HTTP: 246.912 * 0.01, Other: 246.912 * 0.02 },
    memoryBytes: { HTTP: 41.5 * 2 ** 20, Other: 42.5 * 2 ** 20 },
  });
  const contenders = [{ name: PORTICO, rounds: [only] }];
  const load = {
    endpoint: "made up",
    connections: 7,
    users: 9,
    tool: "none",
    floor: 4321,
    contenders,
  };
  const document = await documentOf(madeUpResults({ contenders: [PORTICO], loads: [load] }));
  expect(textsOf(document, "#in-short td")).toContainValues(["4,321", "123,456", "31"]);
  expect(textsOf(document, "#load-1 td")).toContainValues([
    "123,456",
    "31",
    "32",
    "34 of 33",
    ...["5.11", "6.22", "77.3", "884", "9,951"],
    ...["0.01000", "0.02000", "0.03000"],
    ...["41.5", "42.5"],
  ]);
});

test("targets are shown with what was measured and a verdict in words", async () => {
  const document = await documentOf(madeUpResults({ startMs: [500], memory: [] }));
  const rows = [...document.querySelectorAll("#targets tbody tr")].map((row) =>
    [...row.querySelectorAll("th, td")].map((cell) => cell.textContent),
  );
  const rowOf = (what: string) => rows.find(([name]) => name?.startsWith(what))?.slice(1);
  expect(rowOf("From the start")).toEqual(["no", "under 500 ms", "500 ms"]);
  expect(rowOf("Errors")).toEqual(["yes", "none", "0"]);
  expect(rowOf("Memory")).toEqual(["not measured", "under 150 MB (143.1 MiB)", "–"]);
  const [text] = textsOf(document, "#targets p");
  const verdicts = rows.map(([, verdict]) => verdict);
  const of = (verdict: string) => verdicts.filter((each) => each === verdict).length;
  expect(text).toContain(
    `: ${of("yes")} of ${rows.length} met, ${of("no")} not met, ${of("not measured")} not measured.`,
  );
});

test("the curves, the memory and the start times are in tables", async () => {
  const document = await documentOf(
    madeUpResults({
      overConnections: [{ connections: 61, name: PORTICO, requestsPerSecond: 6262, errors: 63 }],
      overRows: [{ endpoint: "e", rows: 71, cpuMicrosPerRequest: 7.2, requestsPerSecond: 7373 }],
      memory: [{ tier: "t", afterBytes: 81 * 2 ** 20, minuteLaterBytes: 82 * 2 ** 20 }],
      startMs: [901, 903],
    }),
  );
  expect(textsOf(document, "td, tbody th")).toContainValues([
    ...["61", "6,262 (63)"],
    ...["71", "7.2", "7,373"],
    ...["81.0", "82.0"],
    ...["901", "903", "902"],
  ]);
});

test("every text of a chart, except on its axes, is in a table too", async () => {
  const document = await documentOf(madeUpResults());
  const cells = new Set(textsOf(document, "td, th"));
  const written = textsOf(document, 'svg g[aria-label="text"] text').map((text) =>
    text.replace(/^(┌ )?floor | ┐$| ms$/g, ""),
  );
  expect(written.length).toBeGreaterThan(50);
  const notInTables = written.filter((text) => !cells.has(text.replace(/, later$/, "")));
  expect(notInTables).toEqual([]);
});

test("the page describes the run: machine, method and what was left out", async () => {
  const document = await documentOf(madeUpResults());
  const text = document.body.textContent;
  for (const part of [
    "2001-02-03T04:05:06.000Z",
    "made up by a test",
    "Made-up <CPU> & more, 3 cores",
    "7,168 MiB",
    "made-up kernel",
    "Bun 0.0.1, MariaDB 0.0.2",
    "1,234",
    "3 of 2 s",
    "made-up wrk, made-up oha",
    "interleaved",
    "peer Z: a made-up reason",
  ])
    expect(text).toContain(part);
});

test("charts and tables have names for screen readers", async () => {
  const document = await documentOf(madeUpResults());
  const charts = [...document.querySelectorAll("svg")];
  expect(charts.length).toBe(3 * 3 + 4);
  for (const chart of charts) {
    expect(chart.getAttribute("role")).toBe("img");
    expect(chart.getAttribute("aria-label")).toBeTruthy();
    expect(chart.closest("figure")?.querySelector("figcaption")).toBeTruthy();
  }
  for (const table of document.querySelectorAll("table")) {
    expect(table.querySelector("caption")?.textContent).toBeTruthy();
    for (const head of table.querySelectorAll("th"))
      expect(head.getAttribute("scope")).toBeOneOf(["col", "row"]);
  }
  const names = charts.map((chart) => chart.getAttribute("aria-label"));
  expect(new Set(names).size).toBe(names.length);
});

test("of contenders without rounds only Portico has a row, with dashes", async () => {
  const loads = madeUpLoads().map((load) => ({
    ...load,
    contenders: load.contenders.filter(({ name }) => name === BARE),
  }));
  const contenders = [PORTICO, BARE, "absent"];
  const document = await documentOf(madeUpResults({ contenders, loads }));
  const all = [...document.querySelectorAll("#load-1 tbody tr")];
  const names = all.map((row) => row.querySelector("th")?.textContent);
  expect(names).toEqual([PORTICO, BARE, PORTICO, BARE]);
  const rows = all.filter((_, index) => names[index] === PORTICO);
  const cells = rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent));
  expect(cells[0]).toEqual(["0", ...Array(12).fill("–")]);
  expect(cells[1]).toEqual(Array(6).fill("–"));
});

describe("what was not measured is a dash and never a broken number", () => {
  const whole = madeUpLoads();
  const nothing = round({
    seconds: 0,
    requests: 0,
    checked: 0,
    latencyMs: { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 },
    cpuSeconds: {},
    memoryBytes: {},
  });
  const withRounds = (rounds: readonly (typeof nothing)[]) =>
    whole.map((load) => ({
      ...load,
      contenders: load.contenders.map(({ name }) => ({ name, rounds })),
    }));
  const without = (missing: string) =>
    whole.map((load) => ({
      ...load,
      contenders: load.contenders.filter(({ name }) => name !== missing),
    }));
  const damaged: Record<string, Parameters<typeof madeUpResults>[0]> = {
    "no Portico": { loads: without(PORTICO) },
    "no ceiling": { loads: without(BARE) },
    "no rounds": { loads: withRounds([]) },
    "rounds without answers": { loads: withRounds([nothing]) },
    "one round of several without answers": { loads: withRounds([round(), nothing]) },
    "a quantile of zero": {
      loads: withRounds([round({ latencyMs: { p50: 0, p90: 1, p99: 1, p999: 1, max: 1 } })]),
    },
    "no CPU at all": { loads: withRounds([round({ cpuSeconds: { HTTP: 0 } })]) },
    "no contenders": {
      contenders: [],
      loads: withRounds([]).map((l) => ({ ...l, contenders: [] })),
    },
    "no loads": { loads: [], leftOut: [] },
    "no curves": { overConnections: [], overRows: [], memory: [], startMs: [] },
    "curves of one point": {
      overConnections: [{ connections: 1, name: PORTICO, requestsPerSecond: 0, errors: 9 }],
      overRows: [{ endpoint: "e", rows: 0, cpuMicrosPerRequest: 0, requestsPerSecond: 0 }],
      memory: [{ tier: "HTTP", afterBytes: 0, minuteLaterBytes: 0 }],
      startMs: [0],
    },
  };
  test.each(Object.entries(damaged))("%s", async (_, given) => {
    const results = madeUpResults(given);
    const texts = [await resultsPage(results), performanceText(results, { html: "h", json: "j" })];
    for (const text of texts) expect(text).not.toMatch(/.{0,40}(NaN|undefined|Infinity|null)/);
  });
});

test("text and charts have enough contrast in both themes", async () => {
  const css = await Bun.file(join(import.meta.dir, "page.css")).text();
  const [light = "", dark = ""] = css.split("prefers-color-scheme: dark");
  for (const theme of [light, dark]) {
    const colors = Object.fromEntries(
      [...theme.matchAll(/--([\w-]+): (#\w+);/g)].map(([, name = "", color = ""]) => [name, color]),
    );
    const against = (name: string, ground: string) => contrast(colors[name], colors[ground]);
    for (const ground of ["card", "ground"])
      for (const name of ["text", "muted", "accent", "floor"])
        expect({ name, ground, contrast: against(name, ground) }).toSatisfy(atLeast(4.5));
    const drawn = Object.keys(colors).filter((name) => /^(series-\d|peer)$/.test(name));
    expect(drawn).toHaveLength(8);
    for (const name of drawn)
      expect({ name, contrast: against(name, "card") }).toSatisfy(atLeast(3));
  }
});

const atLeast = (least: number) => (found: { contrast: number }) => found.contrast >= least;

/** The contrast ratio of WCAG 2.2. */
function contrast(one = "", other = ""): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = Bun.color(color, "[rgb]") ?? [];
  const linear = (byte: number) =>
    byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

describe.skipIf(!available)("in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  const themes = ["light", "dark"] as const;
  test.each(themes.flatMap((theme) => [390, 1280].map((width) => ({ theme, width }))))(
    "the page fits and loads nothing: $theme, $width px",
    async ({ theme, width }) => {
      const viewport = { width, height: 900 };
      await using page = await browser.newPage({ colorScheme: theme, viewport });
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      const requests: string[] = [];
      page.on("request", (request) => {
        if (!request.url().startsWith("data:")) requests.push(request.url());
      });

      await page.setContent(await resultsPage(madeUpResults()));

      const found = await page.evaluate(() => {
        const isIn = (inner: Element, outer: Element) => {
          const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
          return a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1;
        };
        const texts = [...document.querySelectorAll("svg text")];
        const isCut = (text: Element) =>
          text.closest("svg") && !isIn(text, Object(text.closest("svg")));
        return {
          width: document.documentElement.scrollWidth,
          ground: getComputedStyle(document.body).backgroundColor,
          bar: getComputedStyle(Object(document.querySelector('svg [aria-label="bar"] *'))).fill,
          texts: texts.length,
          cut: texts.filter(isCut).map((text) => text.textContent),
          wide: [...document.querySelectorAll("figure, .scroll, p, dl, h2")]
            .filter((element) => !isIn(element, document.body))
            .map((element) => element.outerHTML.slice(0, 80)),
          withoutFigures: [...document.querySelectorAll(".scroll")].filter(
            (box) => !isIn(Object(box.querySelector("td")), box),
          ).length,
          smallest: Math.min(...texts.map((text) => text.getBoundingClientRect().height || 99)),
        };
      });
      expect(found).toMatchObject({ width, cut: [], wide: [], withoutFigures: 0 });
      expect(found.ground).toBe(theme === "dark" ? "rgb(18, 21, 26)" : "rgb(238, 240, 244)");
      expect(found.bar).toBe(theme === "dark" ? "rgb(111, 155, 255)" : "rgb(43, 79, 179)");
      expect(found.texts).toBeGreaterThan(100);
      expect(found.smallest).toBeGreaterThan(11);
      expect(complaints).toEqual([]);
      expect(requests).toEqual([]);
    },
  );
});
