// The page of a run: it holds all that it needs, and reads without scripts and without the README.

import { join } from "node:path";
import { count, NOT_MEASURED, times } from "./figures.ts";
import { loadName, loadSection, usersText, wrongOfChecked } from "./load-section.ts";
import { BARE, type BenchResults, PORTICO } from "./results.ts";
import { runSections } from "./run-sections.ts";
import { type ContenderSummary, type LoadSummary, processesOf, summarize } from "./summary.ts";
import { type Column, htmlTable } from "./tables.ts";
import { wantedSection } from "./wanted-table.ts";

const STYLE = join(import.meta.dir, "page.css");

const LOADS_EXPLAINED: Readonly<Record<string, string>> = {
  get_user_info: "reads the profile that a session belongs to",
  signin: "verifies a password and opens a session",
  signup: "hashes a password and adds a user",
};

const OHA_EXPLAINED = `<li><b>oha</b> has one set of headers for all requests, so its user infos
are of one session, and it draws users where wrk takes one after the other.</li>`;

/** The results as one HTML document, which loads nothing. */
export async function resultsPage(results: BenchResults): Promise<string> {
  const loads = summarize(results);
  const all = loads.flatMap(({ contenders }) => contenders);
  const processes = processesOf(all, (row) => row.cpuSecondsByProcess);
  const loadSections = loads.map((load, index) => ({
    title: loadName(load.load),
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
keeps users in MySQL and sessions in Redis. Here it is beside other ways to build the same service,
under the same loads, on one machine, in one run of ${day(results)}.</p>
</header>
<main>
${inShort(loads)}
${wantedSection(results)}
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

function inShort(loads: readonly LoadSummary[]): string {
  const names = new Set(loads.flatMap(({ contenders }) => contenders.map(({ name }) => name)));
  const peers = [...names].filter((name) => name !== PORTICO);
  const of = (row: LoadSummary, name: string) => row.contenders.find((each) => each.name === name);
  const ofPortico = (text: (portico: ContenderSummary) => string) => (row: LoadSummary) => {
    const portico = of(row, PORTICO);
    return portico && portico.rounds > 0 ? text(portico) : NOT_MEASURED;
  };
  const columns: Column<LoadSummary>[] = [
    { heading: "load", text: ({ load }) => loadName(load) },
    { heading: "floor", text: ({ load }) => count(load.floor) },
    {
      heading: `${PORTICO}, requests/s`,
      text: ofPortico((each) => count(each.requestsPerSecond?.median)),
    },
    ...peers.map((peer) => ({
      heading: peer,
      text: (row: LoadSummary) => times(of(row, peer)?.porticoRatio),
    })),
    { heading: "errors", text: ofPortico(({ errors }) => count(errors)) },
    { heading: "wrong", text: ofPortico(wrongOfChecked) },
  ];
  return `<section id="in-short">
<h2>In short</h2>
<p>Portico's requests per second, the least that it promises (the floor), how many times the
requests per second of each other way that is, and what of its answers was not right.</p>
${htmlTable("Portico beside its floor and beside the others", columns, loads)}
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
      `${count(rounds)} of ${count(roundSeconds)} s for each way and load; what is below the loads ` +
        "has its own",
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
<li><b>Rounds</b> are interleaved: in each, every way has its turn, so that a machine that slows
down slows all of them. Shown is the median of the rounds. Where some lost much of the cores, others
were added, and it is of those that lost least.</li>
<li><b>Portico is</b> n × means that Portico answers n times the requests per second, compared
within each round.</li>
<li><b>${BARE}</b> answers always the same, without a second tier, a database or a check: it is the
ceiling of the HTTP server and no service.</li>
<li><b>Errors</b> are answers with another status than success has, and connections that failed.
<b>Refused</b> are answers 503 with Retry-After, where a load is meant to exceed what can be hashed;
latency and CPU are of all answers, those among them. Loads that exceed it by far are put on
${PORTICO} alone: others would go on hashing what nobody awaits any more. <b>Wrong</b> are those of
a sample of answers, compared in full, that were not what they should be; of sign-ups, those told
of success that are too many for the table, and of a few users, those who cannot sign in. They are
of all rounds together.</li>
<li><b>CPU</b> is what all processes of a way use for 1,000 requests, the load generator not among
them; memory is resident at the end of a round.</li>
<li><b>Cores lost</b> is the part of the cores' time that the machine's host gave to others.</li>
<li>The load generator runs on the same machine and takes its share of the cores, so ratios mean
something elsewhere and absolute figures do not.</li>
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
