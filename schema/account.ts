import { Type } from "@sinclair/typebox";
import { OwnUsername, Profiled, ProfilePath, SessionId } from "./fields.ts";
import { Password } from "./texts.ts";

// The messages about sessions, the password and the end of an account. schema/user.ts has the
// methods.

/** At most this many session ids of the cookies of a request count. Browsers send far fewer. */
export const MAX_SESSION_IDS = 8;
/** As many device ids. The paths and the parent domains of a host allow more, but few. */
export const MAX_DEVICE_IDS = 4;

/** A message so that other services can name it too. Callers that have no browser leave it out. */
export const Client = Type.Object(
  {
    address: Type.String({ description: "The IP address of the browser.", maxLength: 100 }),
    userAgent: Type.Optional(
      Type.String({ description: "The beginning of its User-Agent.", maxLength: 120 }),
    ),
    deviceIds: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: MAX_DEVICE_IDS,
        description:
          "What earlier sign-ins replied as `deviceId`. The first valid one of the user counts.",
      }),
    ),
    sessionIds: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: MAX_SESSION_IDS,
        description: "The sessions that the browser has. A sign-in ends those of its user.",
      }),
    ),
  },
  { description: "What the HTTP tier knows of a browser. It never comes from a body." },
);

/** A time in ISO 8601. */
function Time(description: string) {
  return Type.String({
    description: `${description} ISO 8601 in UTC.`,
    examples: ["2026-11-30T17:12:50.000Z"],
  });
}

export const SessionInfo = Type.Object(
  {
    id: Type.String({
      description: "Names the session in lists. It is no session id: it opens nothing.",
      examples: ["9a0c3ad3e5a1f4f0a6d5b8c7e2f10b4d"],
    }),
    current: Type.Boolean({ description: "Whether it is the session of the request." }),
    createdAt: Time("The sign-in."),
    expiresAt: Time("When the session ends by itself."),
    device: Type.String({
      description: "The User-Agent of the sign-in; empty if there was none.",
      examples: ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"],
    }),
    address: Type.String({
      description: "The network of the sign-in; empty if it is not known.",
      examples: ["203.0.113.0/24"],
    }),
  },
  { description: "A session as its user sees it." },
);

export const SessionList = Type.Object(
  { sessions: Type.Array(SessionInfo, { description: "Newest first." }) },
  { description: "The sessions of a user." },
);

export const SessionEnding = Type.Object(
  {
    sessionId: SessionId,
    id: Type.String({
      description: "must be the id of one of your sessions",
      examples: ["9a0c3ad3e5a1f4f0a6d5b8c7e2f10b4d"],
    }),
    username: Type.Optional(OwnUsername),
    client: Type.Optional(Client),
  },
  { description: "Which session of the user ends." },
);

export const SessionEnd = Type.Object(
  { current: Type.Boolean({ description: "Whether it was the session of the request." }) },
  { description: "The session has ended." },
);

export const OtherSessions = Type.Object(
  {
    sessionId: SessionId,
    username: Type.Optional(OwnUsername),
    client: Type.Optional(Client),
  },
  { description: "The session that does not end." },
);

export const EndedSessions = Type.Object(
  { ended: Type.Integer({ minimum: 0, description: "How many sessions have ended." }) },
  { description: "Sessions have ended." },
);

export const PasswordChange = Type.Object(
  {
    sessionId: SessionId,
    oldPassword: Password,
    newPassword: Password,
    username: Type.Optional(OwnUsername),
    client: Type.Optional(Client),
  },
  { description: "The new password of the session's user." },
);

export const AccountDeletion = Type.Object(
  {
    sessionId: SessionId,
    password: Password,
    username: Type.Optional(OwnUsername),
    client: Type.Optional(Client),
  },
  { description: "The session's user, who wants to be deleted." },
);

export const DeletedAccount = Type.Object(
  { profilePath: ProfilePath },
  { description: "The picture that the deleted user had." },
);

export const AccountData = Type.Object(
  {
    ...Profiled,
    createdAt: Time("The sign-up."),
    modifiedAt: Time("The last change of the profile or the password."),
    sessions: Type.Array(SessionInfo, { description: "Newest first." }),
  },
  { description: "Everything that is stored about a user, without the password's hash." },
);
