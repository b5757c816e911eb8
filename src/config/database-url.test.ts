import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority, available, type Certificate } from "../../test/certificates.ts";
import { databaseHosts, databaseUrls } from "../storage/mysql/host-urls.ts";
import { parseDatabaseUrl } from "./database-url.ts";

// It makes keys on a shared machine.
setDefaultTimeout(60_000);

const URL_ = "mysql://u:p@db:3306/portico";
let folder: string;
let authority: Authority;
let [one, other]: Certificate[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "portico-database-url-"));
  if (!available) return;
  authority = await Authority.create(folder, "a+b c");
  one = await authority.sign("one", "DNS:one");
  other = await authority.sign("other", "DNS:other");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  "mysql://u:p@db:3306/portico",
  "mysql://u:p@db/portico?",
  "mysql://u:p%23%3F@[::1]:3306/portico",
  "mysql://u:p@one:3306,two/portico?ssl-mode=REQUIRED",
  "mysql://u:p,q@one,[::1]:3307, 10.0.0.7:3306/portico",
  ...["DISABLED", "PREFERRED", "REQUIRED", "required"].map((mode) => `${URL_}?ssl-mode=${mode}`),
])("%s is taken as it is", (url) => {
  expect(parseDatabaseUrl(url)).toBe(url);
});

test.skipIf(!available)(
  "the files of MySQL's own parameters are taken, whatever their names",
  () => {
    const ca = authority.ca.replaceAll(" ", "%20");
    const files = `ssl-cert=${one?.cert}&ssl-key=${one?.key}`;
    for (const query of [
      `ssl-ca=${ca}`,
      `ssl-mode=VERIFY_CA&ssl-ca=${ca}`,
      `ssl-ca=${encodeURIComponent(authority.ca)}&ssl-mode=verify_identity&${files}`,
      `ssl-mode=REQUIRED&ssl-ca=${ca}`,
      files,
    ]) {
      expect(parseDatabaseUrl(`${URL_}?${query}`)).toBe(`${URL_}?${query}`);
    }
  },
);

test("each host has a URL, with the user, database and parameters of all", () => {
  const url = "mysql://u:p,q@one:3307,[::1], 10.0.0.7:3306/portico?ssl-mode=REQUIRED";
  expect(databaseUrls(url)).toEqual([
    "mysql://u:p,q@one:3307/portico?ssl-mode=REQUIRED",
    "mysql://u:p,q@[::1]/portico?ssl-mode=REQUIRED",
    "mysql://u:p,q@10.0.0.7:3306/portico?ssl-mode=REQUIRED",
  ]);
  expect(databaseHosts(url)).toBe("one:3307, [::1], 10.0.0.7:3306");
});

test.each(["one,one", "one:3306,one", "one,two,one:3306"])(
  "a host twice is refused: %s",
  (hosts) => {
    expect(() => parseDatabaseUrl(`mysql://u:p@${hosts}/portico`)).toThrow("names a host twice");
  },
);

test.each([
  ...["mysql://u:p@one,/portico", "mysql://u:p@,one/portico", "mysql://u:p@one,two"],
  ...["mysql://u:p@one:x,two/portico"],
  "mysql://u:p@one,mysql://u:p@two/portico",
  ...["mysql:///portico", "mysql://u:p@db/portico#x", "mysql://u:p#x@db/portico", "nonsense"],
])("%s is refused", (url) => {
  expect(() => parseDatabaseUrl(url)).toThrow("must be mysql://user:password@host:port/database");
});

test.each([
  "sslmode=REQUIRED",
  "useSSL=true",
  "tls=true",
  "ssl=1",
  "ssl_mode=REQUIRED",
  "SSL-MODE=REQUIRED",
  "ssl-mod=REQUIRED",
  "charset=utf8",
  "connectionLimit=1",
  "ssl-mode=REQUIRED&x",
  "=",
  "ssl-capath=/etc",
])("?%s is refused, because the driver would ignore it", (query) => {
  expect(() => parseDatabaseUrl(`${URL_}?${query}`)).toThrow(
    /after its "\?": must be one of ssl-mode, ssl-ca, ssl-cert, ssl-key$/,
  );
});

test.each([
  ["ssl-mode=REQUIRED&ssl-mode=REQUIRED", "has ssl-mode more than once"],
  ["ssl-mode=REQUIERD", "has ssl-mode=REQUIERD: must be one of DISABLED, PREFERRED, REQUIRED, "],
  ["ssl-mode=", "has ssl-mode=: must be one of"],
  ["ssl-mode", "has ssl-mode=: must be one of"],
  ["ssl-mode=true", "has ssl-mode=true: must be one of"],
  ["ssl-mode=VERIFY_CA", "has ssl-mode=VERIFY_CA, which needs ssl-ca"],
  ["ssl-mode=VERIFY_IDENTITY", "has ssl-mode=VERIFY_IDENTITY, which needs ssl-ca"],
  ["ssl-ca=/nowhere.pem", 'has ssl-ca, which names "/nowhere.pem", which does not exist'],
  ["ssl-ca=", 'has ssl-ca, which names "", which does not exist'],
  ["ssl-ca=/etc/passwd", 'has ssl-ca, which names "/etc/passwd", which is not a PEM file'],
])("?%s is refused by name", (query, why) => {
  expect(() => parseDatabaseUrl(`${URL_}?${query}`)).toThrow(why);
});

test.skipIf(!available)("a certificate needs its own key", () => {
  const parse = (query: string) => () => parseDatabaseUrl(`${URL_}?${query}`);
  expect(parse(`ssl-cert=${one?.cert}`)).toThrow("must have both ssl-cert and ssl-key");
  expect(parse(`ssl-key=${one?.key}`)).toThrow("must have both ssl-cert and ssl-key");
  expect(parse(`ssl-cert=${one?.cert}&ssl-key=${other?.key}`)).toThrow(
    "has an ssl-key that is not the one of its ssl-cert",
  );
  expect(parse(`ssl-cert=${one?.key}&ssl-key=${one?.cert}`)).toThrow(
    "holds no certificate, only a key",
  );
});
