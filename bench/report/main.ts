// `bun run bench report`: makes the page of a run and the tables that quote it.

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
 * Write results and their page.
 * @param folder is made if it does not exist
 * @returns the paths of both files, which are named after the start of the run
 * @throws ReportError the results have a wrong shape; the JSON is written nevertheless
 */
export async function writeResults(
  results: BenchResults,
  folder: string = RESULTS_FOLDER,
): Promise<ResultsPaths> {
  const json = join(folder, fileNameOf(results));
  await mkdir(folder, { recursive: true });
  await Bun.write(json, `${JSON.stringify(results, null, 1)}\n`);
  return { json, html: await writePage(json, await readResults(json)) };
}

/**
 * Make the page of results, next to them, and write their tables into the README and the docs.
 * @param json default: the newest results of a full run
 * @throws ReportError there are no results, or they cannot be read; they are not of a full run, for
 *   which only the page is made; or a document has no markers for the tables
 */
export async function report(json: string | undefined, root: string = ROOT): Promise<ResultsPaths> {
  const path = json ?? (await newestResults());
  const results = await readResults(path);
  const html = await writePage(path, results);
  if (!results.isFull) {
    throw new ReportError(`Cannot quote ${path}: it is not a full run. Its page is ${html}`);
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

/** The command line. @returns the exit code */
export async function reportCommand(json: string | undefined): Promise<number> {
  try {
    const paths = await report(json);
    console.log(
      `Made ${paths.html} and the tables of docs/performance.md and README.md from ${paths.json}`,
    );
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
