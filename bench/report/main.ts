// `bun run bench report`: the page of a run and the tables that quote it, made from its results.

import { mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { resultsPage } from "./page.ts";
import { performanceText, replaceBetweenMarkers } from "./performance-tables.ts";
import { figuresText } from "./readme-figures.ts";
import type { BenchResults } from "./results.ts";
import {
  fileNameOf,
  newestResults,
  RESULTS_FOLDER,
  ReportError,
  readResults,
} from "./results-file.ts";

const ROOT = join(import.meta.dir, "../..");

export interface ResultsPaths {
  readonly json: string;
  readonly html: string;
}

/**
 * Keep what was measured, and make its page.
 * @param folder is made where it is not there
 * @returns the paths of both files, named for the time at which the run has started
 * @throws ReportError where they cannot be read back; the JSON is there nevertheless
 */
export async function writeResults(
  results: BenchResults,
  folder: string = RESULTS_FOLDER,
): Promise<ResultsPaths> {
  const json = join(folder, fileNameOf(results));
  await mkdir(folder, { recursive: true });
  await Bun.write(json, `${JSON.stringify(results, null, 2)}\n`);
  return { json, html: await writePage(json, await readResults(json)) };
}

/**
 * Make the page of results anew, next to them, and rewrite their tables in the README and the docs.
 * @param json the newest results of a full run where it is undefined
 * @throws ReportError where there are no results, or none that can be read, or no place for them;
 *   where they are not of a full run, of which only the page is made
 */
export async function report(json: string | undefined, root: string = ROOT): Promise<ResultsPaths> {
  const path = json ?? (await newestResults());
  const results = await readResults(path);
  const html = await writePage(path, results);
  if (!results.isFull) {
    throw new ReportError(`Cannot quote ${path}: it is not of a full run. Its page is ${html}`);
  }
  const performance = join(root, "docs/performance.md");
  const fromPage = (target: string) => relative(dirname(performance), target);
  const links = { html: fromPage(html), json: fromPage(path) };
  const pages = [
    await filled(performance, performanceText(results, links)),
    await filled(join(root, "README.md"), figuresText(results)),
  ];
  for (const { file, text } of pages) await Bun.write(file, text);
  return { json: path, html };
}

/** The command: the code to end with. */
export async function reportCommand(json: string | undefined): Promise<number> {
  try {
    const paths = await report(json);
    console.log(`${paths.html} and the tables that quote it are now as ${paths.json} says`);
    return 0;
  } catch (error) {
    if (!(error instanceof ReportError)) throw error;
    console.error(error.message);
    return 1;
  }
}

async function filled(path: string, text: string) {
  return { file: path, text: replaceBetweenMarkers(await Bun.file(path).text(), text) };
}

async function writePage(json: string, results: BenchResults): Promise<string> {
  const html = json.replace(/(\.json)?$/, ".html");
  await Bun.write(html, await resultsPage(results));
  return html;
}
