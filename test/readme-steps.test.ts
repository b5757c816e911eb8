import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Child, ROOT } from "./child.ts";
import { Copy, type Ended } from "./copy.ts";

// Follows the steps of docs/extending.md, as they are printed, in a copy of the project.

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(300_000);

/** What a test of test/contract imports if it knows more of the contract than the calls it makes. */
const READS_CONTRACT = /\bALL_ENDPOINTS\b|\bopenApi\b|"\.\.\/\.\.\/(schema|src\/gen)\//;
/** Tests outside of test/contract that read the contract, its numbers or emitted code. */
const FOLLOWING = [
  ...[
    "codegen",
    "src/rpc/wire/wire.test.ts",
    "src/rpc/client/older-shapes.test.ts",
    "test/house-rules.test.ts",
  ],
  ...["test/rpc-command.test.ts", "test/compile-time.test.ts", "test/python-client.test.ts"],
  ...["test/contract/openapi.test.ts"],
];

const NOT_COPIED = new Set(["node_modules", ".git", ".data"]);

/** The tests of test/contract that read the contract, its numbers or emitted code. */
async function contractReaders(checkout: Copy): Promise<string[]> {
  const files = [...new Bun.Glob("test/contract/*.test.ts").scanSync(checkout.root)];
  const texts = await Promise.all(files.map((file) => checkout.text(file)));
  return files.filter((_, index) => READS_CONTRACT.test(texts[index] ?? ""));
}

/** A copy of what a clone would have. */
async function checkoutOf(): Promise<Copy> {
  return Copy.of((await readdir(ROOT)).filter((name) => !NOT_COPIED.has(name)));
}

/** Put a block of the page into the place that its first line names. */
async function apply(checkout: Copy, block: string): Promise<void> {
  const [first = "", ...lines] = block.split("\n");
  const [, name = "", where = ""] = /^\/\/ (\S+?)(?:, (.+))?$/.exec(first) ?? [];
  const code = lines.join("\n");
  if (where === "") {
    await Bun.write(checkout.path(name), code);
    return;
  }
  const text = await checkout.text(name);
  const at = placeIn(text, where);
  await Bun.write(checkout.path(name), `${text.slice(0, at)}${code}\n${text.slice(at)}`);
}

async function succeed(ended: Promise<Ended>): Promise<string> {
  const { code, output } = await ended;
  expect(code, output).toBe(0);
  return output;
}

/** Like `bun run format` and then `bun run check`. */
async function check(checkout: Copy): Promise<void> {
  await succeed(checkout.biome("--write"));
  await succeed(checkout.biome("--error-on-warnings"));
  await succeed(checkout.compile());
  await succeed(checkout.codegen("--check"));
}

/** `at the top`, `above NAME`, or `in NAME`: after the line that opens NAME or its result. */
function placeIn(text: string, where: string): number {
  if (where === "at the top") return 0;
  const [, relation = "", name = ""] = /^(above|in) (\w+)$/.exec(where) ?? [];
  const declaration = new RegExp(`^(.*\\b)?${name}\\b.*`, "gm");
  const found = [...text.matchAll(declaration)].filter(([line]) => !line.startsWith("import"));
  const start = found[0]?.index ?? Number.NaN;
  if (relation === "above") return start;
  const body = text.slice(start).startsWith("export function")
    ? text.indexOf("return {", start)
    : start;
  return text.indexOf("\n", body) + 1;
}

/** The TypeScript blocks of a section, and the compiler's message that it quotes. */
async function section(title: string): Promise<{ blocks: string[]; says: RegExp }> {
  const page = await Bun.file(join(ROOT, "docs/extending.md")).text();
  const text = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? "";
  const blocks = Array.from(text.matchAll(/^ *```ts\n(.*?)^ *```$/gms), ([, block = ""]) =>
    block.replace(/^ {3}/gm, ""),
  );
  const [, says = ""] = /`(Property '[^`]+)`/.exec(text) ?? [];
  const quoted = says.split("…").map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return { blocks, says: new RegExp(quoted.join(".*?"), "s") };
}

/** The answer of the pages' client for grace. In a page, a path is enough for `fetch`. */
async function fromPage(checkout: Copy, origin: string): Promise<unknown> {
  const script = `
    const { fetch } = globalThis;
    globalThis.fetch = (path, init) => fetch("${origin}" + path, init);
    const { api } = await import("./public/api.js");
    console.log(JSON.stringify(await api.userExists({ username: "grace" })));`;
  await Bun.write(checkout.path("page.tmp.ts"), script);
  return JSON.parse(await succeed(checkout.run("page.tmp.ts")));
}

/** The page names the number that is free in Portico; a copy with more methods has taken it. */
async function withFreeNumber(checkout: Copy, block: string): Promise<string> {
  const schema = await checkout.text("schema/user.ts");
  const taken = Array.from(schema.matchAll(/number: (\d+)/g), ([, number]) => Number(number));
  const [, wanted] = /number: (\d+)/.exec(block) ?? [];
  if (!taken.includes(Number(wanted))) return block;
  return block.replace(/number: \d+/, `number: ${Math.max(...taken) + 1}`);
}

/** A tier of the copy in a process of its own. */
function startTier({ root }: Copy, tier: "tcp" | "http", environment: Record<string, string>) {
  const all = { DATA_DIR: join(root, ".data"), LOG_LEVEL: "info", ...environment };
  return new Child(`src/${tier}-main.ts`, { root, environment: all });
}

const schema = await Bun.file(join(ROOT, "schema/user.ts")).text();

// A copy that has followed the steps has the method already.
test.skipIf(schema.includes("userExists"))(
  "a method is added in four steps, for every way to call it",
  async () => {
    await using checkout = await checkoutOf();
    const { blocks, says } = await section("Add a method in four steps");
    const [messages = "", method = "", body = "", stub = "", url = ""] = blocks;
    expect(blocks).toHaveLength(5);

    await apply(checkout, messages);
    await apply(checkout, await withFreeNumber(checkout, method));
    await succeed(checkout.codegen());
    expect((await checkout.compile()).output).toMatch(says);
    await apply(checkout, body);
    await apply(checkout, url);
    await succeed(checkout.codegen());
    await check(checkout);

    await using tcp = startTier(checkout, "tcp", { RPC_PORT: "0" });
    const address = await tcp.listening();
    await using http = startTier(checkout, "http", { HTTP_PORT: "0", RPC_ADDRESSES: address });
    const origin = await http.listening();
    const exists = async (username: string) => {
      const path = "/api/entrytask/user/user_exists";
      const answer = await fetch(origin + path, {
        method: "POST",
        body: new URLSearchParams({ username }),
      });
      return answer.json();
    };
    expect(await exists("grace")).toEqual({
      errCode: "7",
      errMsg: "success",
      data: { exists: false },
    });
    const credentials = new URLSearchParams({ username: "grace", password: "hopper1906" });
    await fetch(`${origin}/api/entrytask/user/signup`, { method: "POST", body: credentials });
    expect(await exists("grace")).toMatchObject({ data: { exists: true } });
    expect(await exists("g")).toMatchObject({ errCode: "6" });

    const document = await (await fetch(`${origin}/openapi.json`)).json();
    expect(document.paths["/api/entrytask/user/user_exists"].post.operationId).toBe("userExists");
    expect(await fromPage(checkout, origin)).toEqual({ tag: "success", data: { exists: true } });
    await Bun.write(
      checkout.path("stub.tmp.ts"),
      `${stub.replace("9091", address.split(":")[1] ?? "")}console.log(exists);`,
    );
    expect(await succeed(checkout.run("stub.tmp.ts"))).toBe("true\n");
    const called = await succeed(
      checkout.run(
        ...["src/rpc-main.ts", "--address", address, "User.userExists", '{"username":"grace"}'],
      ),
    );
    expect(JSON.parse(called)).toEqual({ exists: true });
    // No test may assume that the contract has only the methods of today. The embedded pair is
    // enough: the other pairs differ only in their databases.
    const readers = await contractReaders(checkout);
    expect(readers.length).toBeGreaterThan(3);
    await succeed(checkout.run("test", ...readers, "--test-name-pattern", "embedded"));
    await succeed(checkout.run("test", ...FOLLOWING));
  },
);

test("a service is added in four steps: compiled, served, listed and tested", async () => {
  await using checkout = await checkoutOf();
  const { blocks, says } = await section("Add a service in four steps");
  const [schema = "", ...others] = blocks;
  expect(others).toHaveLength(4);

  await apply(checkout, schema);
  await succeed(checkout.codegen());
  expect((await checkout.compile()).output).toMatch(says);
  for (const block of others) await apply(checkout, block);
  await check(checkout);
  await succeed(checkout.run("test", "src/greeter", "test/house-rules.test.ts"));

  await using tcp = startTier(checkout, "tcp", { RPC_PORT: "0" });
  const rpc = ["src/rpc-main.ts", "--address", await tcp.listening()];
  expect(await succeed(checkout.run(...rpc))).toContain("Greet a guest by name.");
  const greeting = await succeed(checkout.run(...rpc, "Greeter.greet", '{"name":"Grace"}'));
  expect(JSON.parse(greeting)).toEqual({ text: "Hello, Grace!" });
});
