import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { type Answer, type Api, ENDPOINTS, isRecord, type Member, newMember } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";

const USER = "/api/entrytask/user";

/** The endpoints about sessions, the password and the whole account. */
export const ACCOUNT_ENDPOINTS = {
  sessions: { path: `${USER}/sessions`, methods: ["GET"] },
  endSession: { path: `${USER}/end_session`, methods: ["POST"] },
  endOthers: { path: `${USER}/end_other_sessions`, methods: ["POST"] },
  changePassword: { path: `${USER}/change_password`, methods: ["POST"] },
  deleteAccount: { path: `${USER}/delete_account`, methods: ["POST"] },
  exportData: { path: `${USER}/export_my_data`, methods: ["GET"] },
} as const;

const { sessions, endSession, endOthers, changePassword, deleteAccount, exportData } =
  ACCOUNT_ENDPOINTS;

/** The password that every member has. */
export const PASSWORD = "hopper1906";
export const NEW_PASSWORD = "lovelace1815";

export const account = {
  sessions: (api: Api) => api.send("GET", sessions.path),
  endSession: (api: Api, id: string) => api.post(endSession.path, { id }),
  endOthers: (api: Api) => api.send("POST", endOthers.path),
  changePassword: (api: Api, oldPassword = PASSWORD, newPassword = NEW_PASSWORD) =>
    api.post(changePassword.path, { oldPassword, newPassword }),
  deleteAccount: (api: Api, password = PASSWORD) => api.post(deleteAccount.path, { password }),
  exportData: (api: Api) => api.send("GET", exportData.path),
} as const;

type Call = (api: Api) => Promise<Answer>;

/** Calls that need only a session, and leave it alone. */
export const HARMLESS_CALLS: Readonly<Record<string, Call>> = {
  "list of sessions": account.sessions,
  export: account.exportData,
  "end of other sessions": account.endOthers,
};

/** Every endpoint here, called with everything right if the session is. */
export const ACCOUNT_CALLS: Readonly<Record<string, Call>> = {
  ...HARMLESS_CALLS,
  "end of a session": (api) => account.endSession(api, "0".repeat(32)),
  "change of password": (api) => account.changePassword(api),
  deletion: (api) => account.deleteAccount(api),
};

export interface ListedSession {
  readonly id: string;
  readonly current: boolean;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly device: string;
  readonly address: string;
}

const SESSION_KEYS = ["id", "current", "createdAt", "expiresAt", "device", "address"];
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A list of sessions whose shape has been checked. */
export function readSessions(data: unknown): ListedSession[] {
  if (!Array.isArray(data)) throw new Error(`No list: ${JSON.stringify(data)}`);
  return data.map((each: unknown) => {
    if (!isRecord(each)) throw new Error(`No session: ${JSON.stringify(each)}`);
    expect(Object.keys(each)).toEqual(SESSION_KEYS);
    const { id, current, createdAt, expiresAt, device, address } = each;
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(createdAt).toMatch(ISO_TIME);
    expect(expiresAt).toMatch(ISO_TIME);
    return {
      id: String(id),
      current: current === true,
      createdAt: String(createdAt),
      expiresAt: String(expiresAt),
      device: String(device),
      address: String(address),
    };
  });
}

/** What names a session in the list: the first 128 bits of SHA-256 of its id. */
export function handleOf(sessionId: string): string {
  return createHash("sha256").update(sessionId).digest("hex").slice(0, 32);
}

/** The sessions of the session's user. */
export async function sessionsOf(api: Api): Promise<ListedSession[]> {
  const answer = await account.sessions(api);
  expect(answer.code).toBe("7");
  return readSessions(answer.data);
}

/** Fail unless each of these sessions has ended. */
export async function expectEnded(apis: readonly Api[]): Promise<void> {
  for (const api of apis) expect((await api.userInfo()).code).toBe("2");
}

/** A new member with a picture. */
export async function memberWithPicture(
  ...args: Parameters<typeof newMember>
): Promise<Member & { readonly profilePath: string }> {
  const member = await newMember(...args);
  const answer = await member.api.avatar(avatarForm(pngOf(2, 2, [1, 2, 3])));
  if (!isRecord(answer.data)) throw new Error(`No picture: ${answer.text}`);
  return { ...member, profilePath: String(answer.data.profilePath) };
}

/** The path of every endpoint of the API. */
export const ALL_ENDPOINTS = { ...ENDPOINTS, ...ACCOUNT_ENDPOINTS };
