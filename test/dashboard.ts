// The Grafana dashboard, deploy/grafana/portico.json. `bun run format` writes it, and a test
// compares it.

import { join } from "node:path";
import { REQUEST_ROWS } from "./dashboard-requests.ts";
import { RESOURCE_ROWS } from "./dashboard-resources.ts";
import type { Panel, Row } from "./dashboard-row.ts";

export const DASHBOARD = join(import.meta.dir, "../deploy/grafana/portico.json");

const START_HERE = `1. **Ready processes**: if a line is at 0, that tier is down or lacks what it
   needs. \`/readyz\` of the operator port tells the reason.
2. **Share of requests that fail**: if it is high, *Failed calls by reason* says how, and
   *Errors* of databases whether MySQL or Redis is the cause.
3. **Latency**: if only sign-ins are slow, look at *Hashes*. If all is slow, look at *Latency*
   of databases and at *Event loop delay*.

docs/operations.md explains the alerts (section Alerts) and all metrics (section Metrics).`;

export const ROWS: readonly Row[] = [...REQUEST_ROWS, ...RESOURCE_ROWS];

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const COLUMNS = 24;
const PANEL_HEIGHT = 7;
const TEXT_HEIGHT = 6;

/** Every metric is limited to what the variables of the dashboard select. */
const SELECTION = 'job=~"$job",instance=~"$instance"';

/** The expression with the selection in each selector, which is written `metric{…}`. */
function selected(expression: string): string {
  return expression.replaceAll(/(\b[a-z_]+)\{([^}]*)\}/g, (_all, metric: string, labels: string) =>
    labels === "" ? `${metric}{${SELECTION}}` : `${metric}{${SELECTION},${labels}}`,
  );
}

function thresholdsOf({ warnAt, alertAt }: Panel): object {
  const steps: object[] = [{ color: "green", value: null }];
  if (warnAt !== undefined) steps.push({ color: "orange", value: warnAt });
  if (alertAt !== undefined) steps.push({ color: "red", value: alertAt });
  return { mode: "absolute", steps };
}

function panelJson(panel: Panel, id: number, gridPos: object): object {
  const hasThresholds = panel.warnAt !== undefined || panel.alertAt !== undefined;
  const custom = {
    fillOpacity: 10,
    showPoints: "never",
    thresholdsStyle: { mode: hasThresholds ? "line" : "off" },
  };
  return {
    id,
    gridPos,
    type: "timeseries",
    title: panel.title,
    description: panel.description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: { unit: panel.unit, min: 0, thresholds: thresholdsOf(panel), custom },
      overrides: [],
    },
    options: {
      legend: { displayMode: "list", placement: "bottom" },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: panel.queries.map(([legendFormat, expression], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr: selected(expression),
      legendFormat,
    })),
  };
}

/** The panels of all rows, from top to bottom. */
function panelsOf(rows: readonly Row[]): object[] {
  let [id, y] = [1, TEXT_HEIGHT];
  const panels: object[] = [
    {
      id,
      gridPos: { x: 0, y: 0, w: COLUMNS, h: TEXT_HEIGHT },
      type: "text",
      title: "Where to look first",
      options: { mode: "markdown", content: START_HERE },
    },
  ];
  for (const { title, panels: own } of rows) {
    const gridPos = { x: 0, y: y++, w: COLUMNS, h: 1 };
    panels.push({ id: ++id, gridPos, type: "row", title, collapsed: false, panels: [] });
    const w = COLUMNS / own.length;
    for (const [index, panel] of own.entries()) {
      panels.push(panelJson(panel, ++id, { x: index * w, y, w, h: PANEL_HEIGHT }));
    }
    y += PANEL_HEIGHT;
  }
  return panels;
}

function variable(name: string, metric: string): object {
  const query = `label_values(${metric}, ${name})`;
  return {
    ...{ name, label: name, type: "query", datasource: DATASOURCE, query: { query, refId: name } },
    ...{ refresh: 2, sort: 1, multi: true, includeAll: true, allValue: ".*" },
    current: { text: ["All"], value: ["$__all"] },
  };
}

export function dashboardText(): string {
  const dashboard = {
    uid: "portico",
    title: "Portico",
    tags: ["portico"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    templating: {
      list: [
        { name: "datasource", label: "datasource", type: "datasource", query: "prometheus" },
        variable("job", "portico_build_info"),
        variable("instance", 'portico_build_info{job=~"$job"}'),
      ],
    },
    annotations: { list: [] },
    panels: panelsOf(ROWS),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

if (import.meta.main) await Bun.write(DASHBOARD, dashboardText());
