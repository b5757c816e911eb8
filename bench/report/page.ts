// The page of a run: one file without scripts, which can be read without the README.

import { join } from "node:path";
import { count, NOT_MEASURED, times } from "../figures.ts";
import { type Column, htmlTable } from "../tables.ts";
import {
  cellOf,
  loadName,
  loadSection,
  processesOf,
  usersText,
  wrongOfChecked,
} from "./load-section.ts";
import { BARE, type BenchResults, type LoadResult, PORTICO } from "./results.ts";
import { runSections } from "./run-sections.ts";
import { targetsSection } from "./targets-table.ts";

const STYLE = join(import.meta.dir, "page.css");

const LOADS_EXPLAINED: Readonly<Record<string, string>> = {
  get_user_info: "reads the profile that a session belongs to",
  signin: "verifies a password and opens a session",
  signup: "hashes a password and adds a user",
};

const OHA_EXPLAINED = `<li><b>oha</b> has one set of headers for all requests, so its get_user_info
requests are of one session. It picks users at random; wrk takes one after the other.</li>`;

/** One HTML document that loads no other files. */
export async function resultsPage(results: BenchResults): Promise<string> {
  const { loads } = results;
  const all = loads.flatMap(({ contenders }) => contenders);
  const processes = processesOf(all, (row) => row.cpuSecondsByProcess);
  const loadSections = loads.map((load, index) => ({
    title: loadName(load),
    id: `load-${index + 1}`,
    html: loadSection(`load-${index + 1}`, load, processes),
  }));
  const others = runSections(results).map(({ id, title, body }) => ({
    id,
    title,
    html: `<section id="${id}">\n<h2>${Bun.escapeHTML(title)}</h2>\n${body}\n</section>`,
  }));
  const sections = [...loadSections, ...others];
  const links = sections.map(
    ({ id, title }) => `<li><a href="#${id}">${Bun.escapeHTML(title)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Portico under load, ${day(results)}</title>
<link rel="icon" href="data:,">
<style>
${await Bun.file(STYLE).text()}</style>
</head>
<body>
<header>
<h1>Portico under load</h1>
<p>Portico is a user-account service in two tiers on Bun: an HTTP tier that calls a TCP tier, which
keeps users in MySQL and sessions in Redis. This page compares it with other implementations of the
same service, under the same loads, on one machine, in one run of ${day(results)}.</p>
</header>
<main>
${inShort(loads)}
${targetsSection(results)}
${howMeasured(results)}
${leftOut(results)}
<nav aria-label="Contents"><ul>
${links.join("\n")}
</ul></nav>
${sections.map(({ html }) => html).join("\n")}
</main>
</body>
</html>
`;
}

function day({ startedAt }: BenchResults): string {
  return Bun.escapeHTML(startedAt.slice(0, 10));
}

function inShort(loads: readonly LoadResult[]): string {
  const names = new Set(loads.flatMap(({ contenders }) => contenders.map(({ name }) => name)));
  const peers = [...names].filter((name) => name !== PORTICO);
  const columns: Column<LoadResult>[] = [
    { heading: "load", text: loadName },
    { heading: "floor", text: ({ floor }) => count(floor) },
    {
      heading: `${PORTICO}, requests/s`,
      text: cellOf(PORTICO, (each) => count(each.requestsPerSecond?.median)),
    },
    ...peers.map((peer) => ({
      heading: peer,
      text: cellOf(peer, ({ porticoRatio }) => times(porticoRatio)),
    })),
    { heading: "errors", text: cellOf(PORTICO, ({ errors }) => count(errors)) },
    { heading: "wrong", text: cellOf(PORTICO, wrongOfChecked) },
  ];
  return `<section id="in-short">
<h2>In short</h2>
<p>Portico's requests per second, the least that it promises (the floor), the multiple of the
requests per second of each other contender, and Portico's errors and wrong answers.</p>
${htmlTable("Portico compared with its floor and with the others", columns, loads)}
</section>`;
}

function howMeasured(results: BenchResults): string {
  const { machine, startedAt, commit, command, rounds, roundSeconds, loads } = results;
  const tools = [...new Set(loads.map(({ tool }) => tool))].join(", ");
  const facts: [string, string][] = [
    ["Started", startedAt],
    ["Commit", commit],
    ["Command", command],
    ["Processor", `${machine.cpu}, ${count(machine.cores)} cores`],
    ["Memory", `${count(machine.memoryBytes / 2 ** 20)} MiB`],
    ["Kernel", machine.kernel],
    [
      "Versions",
      Object.entries(machine.versions)
        .map((each) => each.join(" "))
        .join(", "),
    ],
    ["Users", usersText(loads)],
    [
      "Rounds",
      `${count(rounds)} of ${count(roundSeconds)} s for each contender and load; the curves have ` +
        "other rounds",
    ],
    ["Load from", tools || NOT_MEASURED],
  ];
  const list = facts.map(([name, text]) => `<dt>${name}</dt><dd>${Bun.escapeHTML(text)}</dd>`);
  const explained = [...new Set(loads.map(({ endpoint }) => endpoint))].flatMap((endpoint) => {
    const text = LOADS_EXPLAINED[endpoint];
    return text === undefined ? [] : [`<li><b>${Bun.escapeHTML(endpoint)}</b> ${text}.</li>`];
  });
  if (tools.includes("oha")) explained.push(OHA_EXPLAINED);
  return `<section id="how">
<h2>How it was measured</h2>
<dl>
${list.join("\n")}
</dl>
<ul>
${explained.join("\n")}
<li><b>Rounds</b> are interleaved: every contender has its turn in each round, so that a slower
machine slows all of them. Figures are the medians of the rounds. If other machines took much of the
cores in some rounds, more rounds were added, and the figures are of those with the least steal
time.</li>
<li><b>Portico is</b> n × means that Portico answers n times the requests per second, compared
within each round.</li>
<li><b>${BARE}</b> gives fixed answers without a second tier, a database or a check. It is no
service, but the ceiling of the HTTP server.</li>
<li><b>Errors</b> are answers with another status than success has, and failed connections.
<b>Refused</b> are answers 503 with Retry-After, if the load is meant to exceed what can be hashed.
Latency and CPU of such a load are of all answers, the refused ones included. Loads far above that
are put on ${PORTICO} only: the other services would go on hashing for abandoned requests.
<b>Wrong</b> are those of a sample of answers, compared in full, that were not right. For sign-ups
these are reported successes that are missing in the table, and new users who cannot sign in. All
of these are of all rounds together.</li>
<li><b>CPU</b> is the time that all processes of a contender use for 1,000 requests, without the
load generator. Memory is resident at the end of a round.</li>
<li><b>Steal time</b> is the part of the cores' time that the host gave to other machines.</li>
<li>The load generator runs on the same machine and uses part of the cores. So ratios are valid
elsewhere, and absolute figures are not.</li>
</ul>
</section>`;
}

function leftOut({ leftOut: reasons }: BenchResults): string {
  const items = reasons.map((reason) => `<li>${Bun.escapeHTML(reason)}</li>`);
  return `<section id="left-out">
<h2>What was left out</h2>
${items.length > 0 ? `<ul>\n${items.join("\n")}\n</ul>` : "<p>Nothing.</p>"}
</section>`;
}
