import { join } from "node:path";
import { TEST_PASSWORDS, testUsername } from "../../src/user/test-users.ts";
import { type Credentials, SIGN_IN } from "../peers/api.ts";

/** Concurrent sign-ins while sessions are opened. */
const SIGN_INS_AT_ONCE = 32;

/** A step of 0.618 of all: consecutive users are far apart, and none repeats before the end. */
const GOLDEN = 0.618_033_988_75;

/** The users of a database that `bun run seed` has filled. */
export class Users {
  readonly total: number;
  readonly #step: number;
  #next = 0;

  constructor(total: number) {
    this.total = total;
    let step = Math.max(1, Math.round(total * GOLDEN));
    while (greatestCommonDivisor(step, total) !== 1) step++;
    this.#step = step;
  }

  /** A different user each time, until all have been returned once. */
  next(): Credentials {
    const n = this.#next;
    this.#next = (n + this.#step) % this.total;
    return { username: testUsername(n), password: `testpassword${n % TEST_PASSWORDS}` };
  }

  take(count: number): Credentials[] {
    return Array.from({ length: count }, () => this.next());
  }

  /** Users who are not in the database. Their names have a random prefix in common. */
  newUsers(count: number): {
    readonly prefix: string;
    readonly password: string;
    readonly users: Credentials[];
  } {
    const prefix = `${randomPrefix()}-`;
    const password = "testpassword0";
    const users = Array.from({ length: count }, (_, n): Credentials => {
      return { username: prefix + n.toString(36).padStart(4, "0"), password };
    });
    return { prefix, password, users };
  }
}

/** Seven characters of base 36: with a dash and the number, within the limit of a username. */
function randomPrefix(): string {
  const number = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return number.toString(36).padStart(7, "0");
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}

/** Write one line for each request of a load. @returns the file */
export async function writeLines(folder: string, lines: Iterable<string>): Promise<string> {
  const file = join(folder, `${Bun.randomUUIDv7()}.txt`);
  await Bun.write(file, Array.from(lines).join("\n"));
  return file;
}

export interface Session {
  readonly username: string;
  /** The value of the header `Cookie`. */
  readonly cookie: string;
}

/** Sign users in. */
export async function openSessions(
  origin: string,
  users: readonly Credentials[],
): Promise<Session[]> {
  const sessions: Session[] = [];
  const waiting = users.values();
  const signInAll = async () => {
    for (const user of waiting) sessions.push(await openSession(origin, user));
  };
  await Promise.all(Array.from({ length: SIGN_INS_AT_ONCE }, signInAll));
  return sessions;
}

async function openSession(origin: string, user: Credentials): Promise<Session> {
  const { username } = user;
  const response = await fetch(origin + SIGN_IN, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(user),
  });
  const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
  if (response.status === 200 && cookie?.startsWith("sessionID=")) return { username, cookie };
  throw new Error(`Cannot sign ${username} in: ${response.status} ${await response.text()}`);
}
