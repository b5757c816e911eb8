import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { startStack } from "../stack.ts";
import { ALL_ENDPOINTS } from "./account-calls.ts";
import { ENDPOINTS } from "./client.ts";
import { expectDocumented, isDocumentedBody, openApi } from "./openapi.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const SIGN_UP = ENDPOINTS.signUp.path;
const json = new Headers({ "Content-Type": "application/json", "X-Request-Id": "1" });
const answer = (status: number, body: unknown) => () =>
  expectDocumented({ method: "POST", path: SIGN_UP, status, headers: json, body });

describe("openapi.json", () => {
  test("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(openApi));
    expect(result).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
    const broken = await validator.validate({ ...openApi, paths: { "no-slash": {} } });
    expect(broken.valid).toBeFalse();
  });

  test("is served unchanged, and lists every endpoint with its path and methods", async () => {
    await using stack = await startStack();
    const response = await fetch(`${stack.url}/openapi.json`);
    expect(response.headers.get("content-type")).toMatch(/^application\/json\b/);
    expect(await response.json()).toEqual(openApi);
    const paths: Readonly<Record<string, object>> = Object(openApi.paths);
    const listed = Object.entries(paths).map(([path, operations]) => ({
      path,
      methods: Object.keys(operations).map((method) => method.toUpperCase()),
    }));
    const endpoints = Object.values(ALL_ENDPOINTS).map(({ path, methods }) => ({
      path,
      methods: expect.arrayContaining([...methods]),
    }));
    const picture = { path: "/avatars/{name}", methods: ["GET"] };
    expect(listed).toEqual(expect.arrayContaining([...endpoints, picture]));
    expect(openApi).not.toHaveProperty("servers");
  });

  test("has examples that match their schemas", () => {
    const success = { errCode: "7", errMsg: "success", data: "" };
    expect(answer(200, success)).not.toThrow();
    const fields = { username: "grace", password: "hopper1906" };
    expect(JSON.stringify(openApi)).toContain(JSON.stringify(fields));
    expect(isDocumentedBody("POST", SIGN_UP, fields)).toBeTrue();
  });

  test("rejects answers that the contract does not allow", () => {
    const taken = { errCode: "3", errMsg: "UserExistedError", data: "" };
    expect(answer(409, taken)).not.toThrow();
    expect(answer(402, taken)).toThrow("402 of POST /api/entrytask/user/signup is not in");
    expect(answer(200, taken)).toThrow("is not as openapi.json says");
    expect(answer(409, { ...taken, errMsg: "Taken" })).toThrow();
    expect(answer(409, { ...taken, more: 1 })).toThrow();
    expect(answer(409, { ...taken, data: null })).toThrow();
    const elsewhere = { method: "POST", path: "/elsewhere", status: 400, headers: json, body: {} };
    expect(() => expectDocumented(elsewhere)).toThrow();
    expect(() => expectDocumented({ ...elsewhere, path: SIGN_UP, method: "PUT" })).toThrow();
  });

  test("rejects bodies that the server refuses", () => {
    const isTaken = (fields: Record<string, unknown>) => isDocumentedBody("POST", SIGN_UP, fields);
    expect(isTaken({ username: "gracé", password: "hopper1906" })).toBeTrue();
    expect(isTaken({ username: "ann", password: "hopper1906" })).toBeFalse();
    expect(isTaken({ username: "grace\u200b", password: "hopper1906" })).toBeFalse();
    expect(isTaken({ username: "grace" })).toBeFalse();
    expect(isTaken({ username: "grace", password: 19061906 })).toBeFalse();
  });
});
