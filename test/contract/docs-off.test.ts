import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../child.ts";
import { startStack } from "../stack.ts";
import { Api } from "./client.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const DOCS = [
  ...["/docs", "/docs.html", "/docs.js", "/openapi.json"],
  ...["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"],
];

test("DOCS=off removes the description of the API, and no other file links to it", async () => {
  await using shown = await startStack();
  await using hidden = await startStack({ DOCS: "off" });
  for (const path of DOCS) {
    expect((await new Api(shown.url).fetch("GET", path)).status).toBe(200);
    expect((await new Api(hidden.url).send("GET", path)).status).toBe(404);
  }
  const files = readdirSync(join(ROOT, "public"), { withFileTypes: true })
    .filter((file) => file.isFile())
    .map(({ name }) => `/${name}`)
    .filter((path) => !DOCS.includes(path));
  expect(files).toContain("/signIn.html");
  for (const path of files) {
    const response = await new Api(hidden.url).fetch("GET", path);
    expect(response.status).toBe(200);
    expect(await response.text()).not.toMatch(/\/docs|openapi/i);
  }
});
