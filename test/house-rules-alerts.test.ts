import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { METRICS } from "../src/telemetry/metrics/catalogue.ts";
import { Folder } from "./child.ts";
import { DASHBOARD, dashboardText, ROWS } from "./dashboard.ts";
import { METRICS_PAGE } from "./metrics-page.ts";
import { PROGRAMS, programPath } from "./programs.ts";

// Holds the alerts and the dashboard of deploy/ to the metrics in the code and to the docs.

// promtool plays hours of each alert: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const PROMETHEUS = join(import.meta.dir, "../deploy/prometheus");
const promtool = programPath(PROGRAMS.promtool);
const strict = parser.configure({ strict: true });

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function readRules(): Promise<Rule[]> {
  const file = await Bun.file(join(PROMETHEUS, "portico.rules.yml")).text();
  const { groups } = Bun.YAML.parse(file) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** The expressions of the dashboard, with values for Grafana's variables. */
async function panelExpressions(): Promise<string[]> {
  const { panels } = (await Bun.file(DASHBOARD).json()) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return expressions.map((each) =>
    each.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*"),
  );
}

const rules = await readRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const records = new Set(rules.flatMap(({ record }) => record ?? []));
const panels = await panelExpressions();
const page = await Bun.file(METRICS_PAGE).text();

/** Labels of Prometheus itself. */
const TARGET_LABELS = ["job", "instance"];

/** The labels of a metric; undefined if there is no such metric. */
function labelsOf(name: string): readonly string[] | undefined {
  if (name === "up" || records.has(name)) return TARGET_LABELS;
  const [, base = name, suffix] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const spec = METRICS[base];
  if (!spec || (spec.type === "histogram") !== (suffix !== undefined)) return undefined;
  return [...spec.labels, ...TARGET_LABELS, ...(suffix === "bucket" ? ["le"] : [])];
}

/** Values of labels that the docs list, each with the row about its label. */
function isKnownValue(label: string, value: string): boolean {
  const row = page.split("\n").find((line) => line.startsWith(`| \`${label}\` |`));
  return row?.includes(`\`${value}\``) ?? false;
}

const LISTED = ["tier", "state", "reason", "outcome", "kind", "limit", "result", "phase"];

/** What an expression names and the code does not have. Throws if it is not valid PromQL. */
function unknownIn(expression: string): string[] {
  const unknown: string[] = [];
  const known = new Set<string>();
  const grouped: string[] = [];
  let own: readonly string[] = [];
  strict.parse(expression).iterate({
    enter({ name, from, to, node }) {
      const text = expression.slice(from, to);
      if (name === "VectorSelector") {
        const metric = /^[\w:]+/.exec(text)?.[0] ?? "";
        own = labelsOf(metric) ?? [];
        if (own.length === 0) unknown.push(metric);
        for (const label of own) known.add(label);
      } else if (name === "LabelName" && node.parent?.name === "GroupingLabels") {
        grouped.push(text);
      } else if (name === "UnquotedLabelMatcher") {
        const [, label = "", operator = "", values = ""] = /^(\w+)\s*(\W+)"(.*)"$/.exec(text) ?? [];
        if (!own.includes(label)) unknown.push(text);
        const isListed = LISTED.includes(label) && operator === "=";
        if (isListed && !isKnownValue(label, values)) unknown.push(text);
      }
    },
  });
  return [...unknown, ...grouped.filter((label) => !known.has(label))];
}

/** Like GitHub makes an anchor of a heading. */
const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .replaceAll(" ", "-"),
);

describe("alerts and dashboard", () => {
  test("the check finds unknown metrics, labels and values", () => {
    expect(unknownIn("rate(portico_no_total[5m])")).toEqual(["portico_no_total"]);
    expect(unknownIn("sum(portico_hash_wait_duration_seconds)")).toHaveLength(1);
    expect(unknownIn("sum by (colour) (up)")).toEqual(["colour"]);
    expect(unknownIn('portico_build_info{level="warn"}')).toEqual(['level="warn"']);
    expect(unknownIn('portico_cache_reads_total{result="hti"}')).toEqual(['result="hti"']);
    expect(() => unknownIn("sum by (")).toThrow();
  });

  test("name only metrics, labels and values that exist", () => {
    const expressions = [...rules.map(({ expr }) => expr), ...panels];
    expect(expressions.length).toBeGreaterThan(60);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
  });

  test("each alert has a severity, a text, and a section of the docs that explains it", () => {
    for (const { alert, labels, annotations } of alerts) {
      expect(labels?.severity).toMatch(/^(critical|warning)$/);
      expect(annotations).toMatchObject({
        summary: expect.stringMatching(/./),
        description: expect.stringMatching(/\.$/),
      });
      const [, anchor = ""] =
        /^docs\/operations\.md#(.+)$/.exec(annotations?.runbook_url ?? "") ?? [];
      expect(anchors).toContain(anchor);
      expect(page).toContain(`| \`${alert}\` |`);
    }
    const explained = [...page.matchAll(/^\| `(Portico\w+)` \|/gm)].map(([, name]) => name);
    expect(explained.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });

  test("each alert has a case that fires and one that does not", async () => {
    const file = await Bun.file(join(PROMETHEUS, "portico.rules.test.yml")).text();
    for (const { alert } of alerts) {
      expect(file).toContain(`- name: ${alert} fires\n`);
      expect(file).toContain(`- name: ${alert} does not fire\n`);
    }
  });

  test("the dashboard is what test/dashboard.ts makes, and is short", async () => {
    expect(await Bun.file(DASHBOARD).text()).toBe(dashboardText());
    expect(ROWS.flatMap((row) => row.panels).length).toBeLessThanOrEqual(30);
  });
});

describe.skipIf(promtool === undefined)("promtool", () => {
  const run = async (...args: string[]) => {
    const child = Bun.spawn([promtool ?? "", ...args], { stdout: "pipe", stderr: "pipe" });
    const output =
      (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
    return { output, code: await child.exited };
  };

  test("accepts the configuration, the rules and their tests", async () => {
    const config = await run("check", "config", join(PROMETHEUS, "prometheus.yml"));
    expect(config).toMatchObject({ code: 0 });
    const tests = await run("test", "rules", join(PROMETHEUS, "portico.rules.test.yml"));
    expect(tests).toMatchObject({ code: 0 });
  });

  test("accepts each expression of the dashboard", async () => {
    await using folder = await Folder.make();
    const file = join(folder.path, "panels.yml");
    const recorded = panels.map((expr, index) => ({ record: `panel:${index}`, expr }));
    await Bun.write(file, JSON.stringify({ groups: [{ name: "panels", rules: recorded }] }));
    expect(await run("check", "rules", file)).toMatchObject({ code: 0 });
  });
});
