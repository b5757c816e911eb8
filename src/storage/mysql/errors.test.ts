import { expect, test } from "bun:test";
import { MigrationError, UnfitTableError } from "../migration.ts";
import { isDemoted, isRolledBack, isTemporary } from "./errors.ts";

/** Such as mysql2 makes it from an error of the server. */
function fromServer(errno: number, sqlState: string): Error {
  return Object.assign(new Error("from the server"), { errno, sqlState, code: "ER_WHATEVER" });
}

test.each([
  ["too many connections", fromServer(1040, "08004")],
  ["too many connections of a user", fromServer(1203, "42000")],
  ["a limit of a user", fromServer(1226, "42000")],
  ["a server that shuts down", fromServer(1053, "08S01")],
  ["a Galera node that is not prepared", fromServer(1047, "08S01")],
  ["a read-only server", fromServer(1290, "HY000")],
  ["MySQL's super_read_only", fromServer(1836, "HY000")],
  ["a killed connection", fromServer(1927, "70100")],
  ["a lock wait", fromServer(1205, "HY000")],
  ["ProxySQL without a server behind it", fromServer(9001, "HY000")],
  ["TiDB without its storage", fromServer(9005, "HY000")],
  ["nobody at that port", Object.assign(new Error("refused"), { code: "ECONNREFUSED" })],
  ["a name that is not known yet", Object.assign(new Error("dns"), { code: "ENOTFOUND" })],
  [
    "an interrupted TLS handshake",
    Object.assign(new Error("reset"), { code: "HANDSHAKE_SSL_ERROR", errno: -104 }),
  ],
  ["no answer", new Error("no answer within 2500 ms")],
])("%s is waited for", (_, error) => {
  expect(isTemporary(error)).toBe(true);
});

test.each([
  ["a wrong password", fromServer(1045, "28000")],
  ["no right to the database", fromServer(1044, "42000")],
  ["no such database", fromServer(1049, "42000")],
  ["no right to a statement", fromServer(1142, "42000")],
  ["GET_LOCK forbidden by a cluster", fromServer(1235, "42000")],
  ["GET_LOCK forbidden by pxc_strict_mode", fromServer(1105, "HY000")],
  ["a locked account of MySQL", fromServer(3118, "HY000")],
  ["a locked account of MariaDB", fromServer(4151, "HY000")],
  ["an expired password", fromServer(1862, "HY000")],
  ["no plain text", fromServer(3159, "HY000")],
  ["a partitioned table", fromServer(1503, "HY000")],
  ["a foreign key", fromServer(1833, "HY000")],
  ["a view", fromServer(1347, "HY000")],
  ["an error of next year", fromServer(7777, "HY000")],
  ["rows in the way", new MigrationError({ version: 1, name: "x", sql: "" }, "why")],
  ["columns in the way", new UnfitTableError("why")],
  ["a foreign CA", Object.assign(new Error("ca"), { code: "HANDSHAKE_SSL_ERROR", errno: 0 })],
  ["a mistake of ours", new TypeError("x is not a function")],
])("%s is not", (_, error) => {
  expect(isTemporary(error)).toBe(false);
});

test("refusals of a demoted server differ from rolled-back statements", () => {
  expect(
    [1290, 1792, 1836, 1047, 1223].every((errno) => isDemoted(fromServer(errno, "HY000"))),
  ).toBe(true);
  expect([1205, 1213, 3572].every((errno) => isRolledBack(fromServer(errno, "HY000")))).toBe(true);
  expect(isDemoted(fromServer(1213, "40001")) || isRolledBack(fromServer(1290, "HY000"))).toBe(
    false,
  );
  // A number without a SQLSTATE is a system error.
  expect(isDemoted(Object.assign(new Error("system"), { errno: 1290 }))).toBe(false);
});
