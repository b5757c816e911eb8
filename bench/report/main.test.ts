import { expect, setDefaultTimeout, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { report, writeResults } from "./main.ts";
import { BEGIN, END } from "./performance-tables.ts";
import { newestResults, readResults } from "./results-file.ts";
import { madeUpLoads, madeUpResults, round } from "./testing/made-up-results.ts";

setDefaultTimeout(60_000);

test("results are written as JSON with their page, named after their time, and read back", async () => {
  await using folder = await Folder.make();
  const results = madeUpResults();

  const paths = await writeResults(results, join(folder.path, "results"));

  expect(paths).toEqual({
    json: join(folder.path, "results/2001-02-03T04-05-06Z.json"),
    html: join(folder.path, "results/2001-02-03T04-05-06Z.html"),
  });
  expect(await readResults(paths.json)).toEqual(results);
  expect(await Bun.file(paths.html).text()).toStartWith("<!doctype html>");
});

test("the newest results are those of the last full run", async () => {
  await using folder = await Folder.make();
  for (const startedAt of ["2001-02-03T04:05:06Z", "2002-01-01T00:00:00Z", "2001-12-31T00:00:00Z"])
    await writeResults(madeUpResults({ startedAt }), folder.path);
  const short = madeUpResults({ startedAt: "2003-01-01T00:00:00Z", isFull: false });
  await writeResults(short, folder.path);
  expect(await newestResults(folder.path)).toBe(join(folder.path, "2002-01-01T00-00-00Z.json"));
});

test("a report makes the page and fills in docs and README, the same each time", async () => {
  await using folder = await Folder.make();
  const performance = join(folder.path, "docs/performance.md");
  const readme = join(folder.path, "README.md");
  const empty = `# Title\n\n${BEGIN}\n${END}\n\n## More\n`;
  for (const page of [performance, readme]) await Bun.write(page, empty);
  const { json, html } = await writeResults(madeUpResults(), join(folder.path, "bench/results"));
  await rm(html);

  expect(await report(json, folder.path)).toEqual({ json, html });

  const once = await Bun.file(performance).text();
  expect(once).toStartWith(`# Title\n\n${BEGIN}\n\`made up by a test\`, 2001-02-03`);
  expect(once).toEndWith(`\n${END}\n\n## More\n`);
  expect(once).toContain("(../bench/results/2001-02-03T04-05-06Z.html)");
  const figures = await Bun.file(readme).text();
  expect(figures).toStartWith(`# Title\n\n${BEGIN}\n| what | Portico | compared |`);
  expect(await Bun.file(html).text()).toStartWith("<!doctype html>");
  await report(json, folder.path);
  expect(await Bun.file(performance).text()).toBe(once);
  expect(await Bun.file(readme).text()).toBe(figures);
});

test("a run that is not full has a page and is not quoted", async () => {
  await using folder = await Folder.make();
  const performance = join(folder.path, "docs/performance.md");
  await Bun.write(performance, `${BEGIN}\n${END}\n`);
  const { json, html } = await writeResults(madeUpResults({ isFull: false }), folder.path);
  await rm(html);
  await expect(report(json, folder.path)).rejects.toThrow(
    `Cannot quote ${json}: it is not a full run. Its page is ${html}`,
  );
  expect(await Bun.file(performance).text()).toBe(`${BEGIN}\n${END}\n`);
  expect(await Bun.file(html).text()).toStartWith("<!doctype html>");
});

test("a README without markers stops the report, and no page is changed", async () => {
  await using folder = await Folder.make();
  const performance = join(folder.path, "docs/performance.md");
  await Bun.write(performance, `${BEGIN}\n${END}\n`);
  await Bun.write(join(folder.path, "README.md"), "# Title\n");
  const { json } = await writeResults(madeUpResults(), folder.path);
  await expect(report(json, folder.path)).rejects.toThrow("Cannot find `<!-- bench:begin -->`");
  expect(await Bun.file(performance).text()).toBe(`${BEGIN}\n${END}\n`);
});

test("the error says why a report cannot be made", async () => {
  await using folder = await Folder.make();
  const failing = async (content: unknown) => {
    const path = join(folder.path, "results.json");
    await Bun.write(path, typeof content === "string" ? content : JSON.stringify(content));
    return readResults(path).then(
      () => "no error",
      (error: Error) => error.message.replace(path, "FILE"),
    );
  };
  await expect(newestResults(folder.path)).rejects.toThrow(
    `Cannot find results of a full run in ${folder.path}: \`bun run bench sla\` makes them`,
  );
  await expect(newestResults(join(folder.path, "none"))).rejects.toThrow(
    "Cannot find results of a full run in",
  );
  await expect(readResults(join(folder.path, "none.json"))).rejects.toThrow(/^Cannot read .*none/);
  expect(await failing("{")).toStartWith("Cannot read FILE: ");
  expect(await failing({})).toBe("Cannot report FILE: it has no version, this report reads 3");
  expect(await failing({ version: 1 })).toBe(
    "Cannot report FILE: it has version 1, this report reads 3",
  );
  expect(await failing({ ...madeUpResults(), rounds: "many" })).toBe(
    "Cannot report FILE: Expected number at /rounds",
  );
});

test("a figure that is no number is reported with its place, and the JSON is kept", async () => {
  await using folder = await Folder.make();
  const [load] = madeUpLoads();
  const contenders = [{ name: "x", rounds: [round({ errors: Number.NaN })] }];
  const results = madeUpResults({ loads: load ? [{ ...load, contenders }] : [] });
  await expect(writeResults(results, folder.path)).rejects.toThrow(
    "Expected number at /loads/0/contenders/5/errors",
  );
  expect(await Bun.file(await newestResults(folder.path)).exists()).toBe(true);
});

test("the command prints what is wrong and exits with 1", async () => {
  const command = [
    process.execPath,
    join(import.meta.dir, "../main.ts"),
    "report",
    "no/such/file.json",
  ];
  const report = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  expect(await new Response(report.stderr).text()).toMatch(
    /^Cannot read no\/such\/file\.json: .*\n$/,
  );
  expect(await new Response(report.stdout).text()).toBe("");
  expect(await report.exited).toBe(1);
});
