import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { scripts } from "../package.json" with { type: "json" };
import { ERRORS } from "../schema/errors.ts";
import { HTTP_API } from "../schema/http-api.ts";

// Holds README and docs to the code: what they name exists, and the README keeps its shape.

const ROOT = join(import.meta.dir, "..");
const PAGES = ["*.md", "docs/*.md", "{codegen,bench}/README.md"];
const CODE = ["{schema,codegen,src,test,bench,public}/**/*.{ts,js,html,json,py}"];

const README_LINES = 200;
const README_SECTIONS = [
  "Two commands",
  "Data and ports",
  "API",
  "Two tiers",
  "Production",
  "Add a method in four steps",
  "Speed",
  "Commands",
  "Read on",
];

/** Names in capitals that come from other programs. */
const FOREIGN_NAMES = /^(NODE|BUN|MIMALLOC|AWS|SCHED|READ_ONLY)_/;

interface Page {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
}

async function read(patterns: readonly string[]): Promise<Page[]> {
  const found = await Promise.all(patterns.map(filesMatching));
  const paths = found.flat();
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await Bun.file(join(ROOT, path)).text() })),
  );
}

async function filesMatching(pattern: string): Promise<string[]> {
  const paths = await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: ROOT }));
  return paths.filter((path) => !path.includes("node_modules/"));
}

const FENCED = /^( *)```(\w*)\n(.*?)^\1```$/gms;

/** The blocks of a language, without the indentation of a list. */
function blocksOf({ text }: Page, language: string): string[] {
  return [...text.matchAll(FENCED)]
    .filter(([, , its]) => its === language)
    .map(([, indent = "", , body = ""]) => body.replace(new RegExp(`^${indent}`, "gm"), ""));
}

/** What stands between backticks in the text. */
function namesIn({ text }: Page): string[] {
  const prose = text.replace(FENCED, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, name = ""]) => name);
}

/** Like GitHub makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

function anchorsOf({ text }: Page): string[] {
  const headings = text.replace(FENCED, "").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) => anchorOf(heading));
}

/** Links to files that are not there, and to headings that a page does not have. */
function brokenLinks(page: Page, pages: readonly Page[]): string[] {
  const links = page.text.replace(FENCED, "").matchAll(/\]\(([^)\s]+)\)/g);
  return [...links]
    .map(([, link = ""]) => link)
    .filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [file = "", anchor] = link.split("#");
      const path = file === "" ? page.path : relative(ROOT, join(ROOT, dirname(page.path), file));
      const target = pages.find((each) => each.path === path);
      if (anchor === undefined) return !target && !existsSync(join(ROOT, path));
      return !target || !anchorsOf(target).includes(anchor);
    })
    .map((link) => `${page.path}: ${link}`);
}

const OUR_PATH = /(?<![\w./-])(?:src|schema|codegen|bench|test|docs|public)\/[\w.*/-]*[\w*/]/g;

/** Our files and folders that a page names in code or in commands, and that are not there. */
async function missingPaths(page: Page): Promise<string[]> {
  const commands = [...blocksOf(page, "sh"), ...blocksOf(page, "console")].join("\n");
  const named = [...namesIn(page), commands].flatMap((text) => text.match(OUR_PATH) ?? []);
  const missing: string[] = [];
  for (const path of new Set(named)) {
    const found = path.includes("*")
      ? (await filesMatching(path)).length > 0
      : existsSync(join(ROOT, path));
    if (!found) missing.push(`${page.path}: ${path}`);
  }
  return missing;
}

function unknownScripts({ path, text }: Page): string[] {
  const named = [...text.matchAll(/\bbun run ([a-z][a-z:-]*)/g)].map(([, name = ""]) => name);
  return named
    .filter((name) => !Object.hasOwn(scripts, name))
    .map((name) => `${path}: bun run ${name}`);
}

/** Variables and constants that a page names and the code does not. */
function unknownNames(page: Page, code: string): string[] {
  const isConstant = /^[A-Z][A-Z\d]*(?:_[A-Z\d]+)+(?==|$)/;
  const named = namesIn(page).flatMap((name) => isConstant.exec(name)?.[0] ?? []);
  return [...new Set(named)]
    .filter((name) => !FOREIGN_NAMES.test(name) && !new RegExp(`\\b${name}\\b`).test(code))
    .map((name) => `${page.path}: ${name}`);
}

const pages = await read(PAGES);
const code = (await read(CODE)).map(({ text }) => text).join("\n");
const [readme = { path: "", text: "" }] = pages.filter(({ path }) => path === "README.md");
const [api = readme] = pages.filter(({ path }) => path === "docs/api.md");
const [extending = readme] = pages.filter(({ path }) => path === "docs/extending.md");

describe("README and docs", () => {
  test("every link leads to a file, and to a heading of it", () => {
    expect(pages.flatMap((page) => brokenLinks(page, pages))).toEqual([]);
  });

  test("every file and folder of ours that they name exists", async () => {
    expect((await Promise.all(pages.map(missingPaths))).flat()).toEqual([]);
  });

  test("every script that they name is in package.json", () => {
    expect(pages.flatMap(unknownScripts)).toEqual([]);
  });

  test("every variable and constant that they name is in the code", () => {
    expect(pages.flatMap((page) => unknownNames(page, code))).toEqual([]);
  });

  test("these tests find what is wrong, and nothing else", async () => {
    const page = (text: string): Page => ({ path: "docs/made-up.md", text });
    const right = page("# Some title!\n[a](#some-title) [b](api.md) `src/user` `test/*.test.ts`\n");
    const wrong = page("[a](#none) [b](none.md) `src/none.ts` `bun run none` `NO_SUCH_NAME=1`\n");
    const block = page("```console\n$ bun test test/none.test.ts\n```\n");
    expect(brokenLinks(right, [right, ...pages])).toEqual([]);
    expect(await missingPaths(right)).toEqual([]);
    expect(brokenLinks(wrong, [wrong])).toEqual([
      "docs/made-up.md: #none",
      "docs/made-up.md: none.md",
    ]);
    expect(await missingPaths(wrong)).toEqual(["docs/made-up.md: src/none.ts"]);
    expect(unknownScripts(wrong)).toEqual(["docs/made-up.md: bun run none"]);
    expect(unknownNames(wrong, "")).toEqual(["docs/made-up.md: NO_SUCH_NAME"]);
    expect(await missingPaths(block)).toEqual(["docs/made-up.md: test/none.test.ts"]);
  });

  test("each page of docs begins with one sentence that says for whom it is", () => {
    const docs = pages.filter(({ path }) => path.startsWith("docs/"));
    const others = docs.filter(({ text }) => !/^# .+\n\nFor [^.]+\.\n\n/.test(text));
    expect(others.map(({ path }) => path)).toEqual([]);
  });

  test("sentences name their actors: a client, a server, a user", () => {
    const vague = /\b(nobody|somebody|anybody|whoever|meanwhile|beside)\b/i;
    const lines = pages.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, index) => (vague.test(line) ? [`${path}:${index + 1}`] : [])),
    );
    expect(lines).toEqual([]);
  });

  test("the README is short, and has its sections in order", () => {
    expect(readme.text.split("\n").length - 1).toBeLessThanOrEqual(README_LINES);
    const sections = [...readme.text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(README_SECTIONS);
  });

  test("the README links to every page of docs", () => {
    const docs = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/"));
    expect(docs.length).toBeGreaterThan(0);
    expect(docs.filter((path) => !readme.text.includes(`](${path})`))).toEqual([]);
  });

  test("the README lists every script of package.json", () => {
    const [, table = ""] = /^## Commands\n(.*?)^## /ms.exec(readme.text) ?? [];
    const listed = [...table.matchAll(/`bun run ([a-z:-]+)`/g)].map(([, name = ""]) => name);
    expect(listed.sort()).toEqual(Object.keys(scripts).sort());
  });

  test("the README's short steps have the code of the full ones, which a test follows", () => {
    const short = blocksOf(readme, "ts");
    const full = blocksOf(extending, "ts").join("\n");
    expect(short.length).toBeGreaterThan(0);
    expect(short.filter((block) => !full.includes(block))).toEqual([]);
  });

  test("docs/api.md has the table of errors, code by code", () => {
    const rows = [...api.text.matchAll(/^\| "(\d)" \| (\w+) \| ([\d, ]+) \|/gm)];
    const documented = rows.map(([, code, name]) => ({ code, name }));
    expect(documented).toEqual(Object.entries(ERRORS).map(([name, { code }]) => ({ code, name })));
    const lacking = rows.filter(([, , name = "", statuses = ""]) => {
      return !statuses.split(", ").includes(`${Object(ERRORS)[name].status}`);
    });
    expect(lacking).toEqual([]);
  });

  test("the endpoints of README and docs/api.md are those of the API", () => {
    const paths = new Set(Object.values(HTTP_API).map(({ path }) => path));
    for (const { text } of [readme, api]) {
      const rows = [...text.matchAll(/^\| `[A-Z`or ]+ (\/[\w/]+)` \|/gm)];
      const listed = rows.map(([, path = ""]) => path);
      expect(listed.length).toBeGreaterThanOrEqual(6);
      expect(listed.filter((path) => !paths.has(path))).toEqual([]);
    }
    for (const path of paths) expect(api.text).toContain(path.replace(/:\w+$/, ""));
  });
});
