// The tables of docs/configuration.md, from src/config/variables.ts. `bun run format` writes them,
// and a test compares them.

import { join } from "node:path";
import { VARIABLE_GROUPS } from "../src/config/variables.ts";

export const PAGE = join(import.meta.dir, "../docs/configuration.md");
const [BEGIN, END] = ["<!-- variables:begin -->\n", "<!-- variables:end -->\n"];

/** The page with its tables as they must be. */
export function withTables(page: string): string {
  const [before, after] = [page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END)];
  if (before < BEGIN.length || after < before) throw new Error(`Cannot find ${BEGIN}in ${PAGE}`);
  const tables = Object.entries(VARIABLE_GROUPS).map(([title, variables]) => {
    const rows = Object.entries(variables).map(
      ([name, { default: value, meaning, readBy }]) =>
        `| \`${name}\` | ${value} | ${meaning} | ${readBy.join(", ") || "start"} |`,
    );
    const head = ["| variable | default | meaning | read by |", "| --- | --- | --- | --- |"];
    return [`### ${title}`, "", ...head, ...rows].join("\n");
  });
  return `${page.slice(0, before)}\n${tables.join("\n\n")}\n\n${page.slice(after)}`;
}

if (import.meta.main) await Bun.write(PAGE, withTables(await Bun.file(PAGE).text()));
