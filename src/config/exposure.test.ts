import { expect, test } from "bun:test";
import { exposureWarnings } from "./exposure.ts";
import { HTTP_TIER } from "./http.ts";
import { load } from "./load.ts";
import type { Environment } from "./variables.ts";

const warningsFor = (environment: Environment) => exposureWarnings(load(HTTP_TIER, environment));

const PUBLIC_URL = "https://accounts.example.com";
const TRUSTED_PROXIES = "loopback";

test.each([
  {},
  { HTTP_HOST: "::1" },
  { HTTP_HOST: "localhost", PUBLIC_URL: "http://localhost:9090" },
  { PUBLIC_URL, TRUSTED_PROXIES },
  { HTTP_HOST: "0.0.0.0", PUBLIC_URL, TRUSTED_PROXIES },
  { HTTP_HOST: "0.0.0.0", TRUSTED_PROXIES: "private" },
])("%p needs no warning", (environment) => {
  expect(warningsFor(environment)).toEqual([]);
});

test.each([
  { HTTP_HOST: "0.0.0.0" },
  { HTTP_HOST: "::" },
  { HTTP_HOST: "192.0.2.1", PUBLIC_URL: "http://accounts.example.com" },
])("%p sends passwords unencrypted", (environment) => {
  const message = `HTTP_HOST is ${environment.HTTP_HOST}, and PUBLIC_URL is not https`;
  expect(warningsFor(environment)).toEqual([expect.stringContaining(message)]);
});

test.each([{ PUBLIC_URL }, { HTTP_HOST: "0.0.0.0", PUBLIC_URL }])(
  "%p takes all browsers for one",
  (environment) => {
    expect(warningsFor(environment)).toEqual([
      expect.stringContaining("TRUSTED_PROXIES is not set"),
    ]);
  },
);
