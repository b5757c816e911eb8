import { describe, expect, test } from "bun:test";
import { join } from "node:path";

// Holds SECURITY.md to the list of requirements and to its own words. That the files and headings
// that it names exist, test/house-rules-docs.test.ts checks for all pages.

const PAGE = join(import.meta.dir, "../SECURITY.md");

/** The requirements of levels 1 and 2 in ASVS 5.0.0, by chapter and section; `!` marks level 1. */
const REQUIREMENTS: Readonly<Record<string, string>> = {
  "2.1": "1! 2 3",
  "2.2": "1! 2! 3",
  "2.3": "1! 2 3 4",
  "2.4": "1",
  "3.2": "1! 2!",
  "3.3": "1! 2 3 4",
  "3.4": "1! 2! 3 4 5 6",
  "3.5": "1! 2! 3! 4 5",
  "3.7": "1 2",
  "4.1": "1! 2 3",
  "4.2": "1",
  "4.3": "1 2",
  "4.4": "1! 2 3 4",
  "5.1": "1",
  "5.2": "1! 2! 3",
  "5.3": "1! 2!",
  "5.4": "1 2 3",
  "6.1": "1! 2 3",
  "6.2": "1! 2! 3! 4! 5! 6! 7! 8! 9 10 11 12",
  "6.3": "1! 2! 3 4",
  "6.4": "1! 2! 3 4",
  "6.5": "1 2 3 4 5",
  "6.6": "1 2 3",
  "6.8": "1 2 3 4",
  "7.1": "1 2 3",
  "7.2": "1! 2! 3! 4!",
  "7.3": "1 2",
  "7.4": "1! 2! 3 4 5",
  "7.5": "1 2",
  "7.6": "1 2",
  "8.1": "1! 2",
  "8.2": "1! 2! 3",
  "8.3": "1!",
  "8.4": "1",
  "12.1": "1! 2 3",
  "12.2": "1! 2!",
  "12.3": "1 2 3 4",
  "13.1": "1",
  "13.2": "1 2 3 4 5",
  "13.3": "1 2",
  "13.4": "1! 2 3 4 5",
  "16.1": "1",
  "16.2": "1 2 3 4 5",
  "16.3": "1 2 3 4",
  "16.4": "1 2 3",
  "16.5": "1 2 3",
};

const STATES = ["met", "setting", "operator", "not met", "n/a"];

interface Row {
  readonly number: string;
  readonly level: string;
  readonly state: string;
  readonly where: string;
}

const page = await Bun.file(PAGE).text();

const rows: Row[] = [
  ...page.matchAll(/^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+) \|$/gm),
].map(([, number = "", level = "", , state = "", where = ""]) => ({ number, level, state, where }));

/** As in the page: `2.1.1 1`. */
const wanted = Object.entries(REQUIREMENTS).flatMap(([section, list]) =>
  list
    .split(" ")
    .map((one) => `${section}.${Number.parseInt(one, 10)} ${one.endsWith("!") ? 1 : 2}`),
);

/** The table of how many requirements are in which state. */
function summary(): string {
  const count = (level: string, state: string) =>
    rows.filter((row) => row.level === level && row.state === state).length;
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [
    line(["level", ...STATES]),
    line(["---", ...STATES.map(() => "---:")]),
    ...["1", "2"].map((level) => line([level, ...STATES.map((state) => count(level, state))])),
  ].join("\n");
}

describe("SECURITY.md", () => {
  test("has each requirement of its chapters once, with its level, in order", () => {
    expect(wanted).toHaveLength(147);
    expect(rows.map(({ number, level }) => `${number} ${level}`)).toEqual(wanted);
  });

  test("has each requirement under the heading of its chapter", () => {
    const parts = page.split(/^### V(?=\d)/m).slice(1);
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) {
      const chapter = Number.parseInt(part, 10);
      const numbers = [...part.matchAll(/^\| (\d+)\.\d+\.\d+ \|/gm)].map(([, own]) => Number(own));
      expect(new Set(numbers)).toEqual(new Set([chapter]));
    }
  });

  test("uses only the words for a state that it explains", () => {
    expect(rows.filter(({ state }) => !STATES.includes(state))).toEqual([]);
    for (const state of STATES)
      expect(page).toMatch(new RegExp(`^\\| ${state} \\| [^|]+ \\|$`, "m"));
  });

  test("says of all that is met which file, test or page keeps it", () => {
    const kept = rows.filter(({ state }) => state === "met" || state === "setting");
    const evidence = /`(?:src|schema|public|test)\/[\w./-]+`|\]\([\w./]+\.md(?:#[\w-]+)?\)/;
    expect(kept.filter(({ where }) => !evidence.test(where) && !/see \d/.test(where))).toEqual([]);
  });

  test("counts them as they are", () => {
    const [, counted] =
      /<!-- asvs-summary:begin -->\n(.*)\n<!-- asvs-summary:end -->/s.exec(page) ?? [];
    expect(counted?.trim()).toBe(summary());
  });
});
