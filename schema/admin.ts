import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";
import { CountedFailures } from "./failures.ts";
import { Password } from "./texts.ts";
import { Time } from "./time.ts";

export * from "./failures.ts";

/** No rule of sign-up: older rows may have names that it refuses today. */
const Username = Type.String({
  maxLength: 128,
  description: "The name of the user, compared byte for byte.",
  examples: ["grace"],
});

export const Done = Type.Object({}, { description: "An empty reply: it is done." });

export const UserRef = Type.Object(
  { username: Username },
  { description: "A user, by the username." },
);

export const UserSearch = Type.Object(
  {
    prefix: Type.Optional(
      Type.String({
        maxLength: 128,
        description: "How the usernames begin. Without it, all users are found.",
        examples: ["gr"],
      }),
    ),
    after: Type.Optional(
      Type.String({
        maxLength: 128,
        description: "The `next` of the page before. Without it, the first page.",
        examples: ["grace"],
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: "Users on a page. Default: 50." }),
    ),
  },
  { description: "Which users, and which page of them.", examples: [{ prefix: "gr" }] },
);

const accountFields = {
  username: Type.String({ examples: ["grace"] }),
  nickname: Type.String({ examples: ["Amazing"] }),
  profilePath: Type.String({ description: "Bare file name of the picture under /avatars/." }),
  createdAt: Time("The sign-up"),
  modifiedAt: Time("The last change of the row"),
  disabledAt: Type.Union([Time("When the user was disabled"), Type.Null()], {
    description: "When the user was disabled, ISO 8601 in UTC; null if the user is enabled.",
  }),
};

export const Account = Type.Object(accountFields, {
  description: "A user, without the password.",
});

export const FoundUsers = Type.Object(
  {
    users: Type.Array(Account, { description: "In the order of the usernames, byte by byte." }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: "The `after` of the next page; null if there is none.",
    }),
  },
  { description: "One page of users." },
);

export const ShownUser = Type.Object(
  {
    ...accountFields,
    sessions: Type.Integer({ minimum: 0, description: "How many live sessions the user has." }),
    failures: Type.Array(CountedFailures, {
      description:
        "The failures that count now: those from everywhere, and those of single networks, " +
        "devices and sessions that this server knows of. At most 100.",
    }),
  },
  { description: "One user in full." },
);

export const NewPassword = Type.Object(
  { username: Username, password: Password },
  { description: "A user and the new password." },
);

export const MadePassword = Type.Object(
  {
    password: Type.String({
      description: "Shown only here: Portico stores only its hash.",
      examples: ["7m4kx2tqz9hwc"],
    }),
  },
  { description: "The password that was made." },
);

export const AccountSession = Type.Object(
  {
    id: Type.String({
      description: "Names the session in endSession. It is not the session's cookie.",
      examples: ["5f0c1d2e3b4a59687786a5b4c3d2e1f0"],
    }),
    createdAt: Time("The sign-in"),
    expiresAt: Time("When the session ends by itself"),
    device: Type.String({ description: "The User-Agent of the sign-in; may be empty." }),
    address: Type.String({
      description: "The network of the sign-in; may be empty.",
      examples: ["203.0.113.0/24"],
    }),
  },
  { description: "A live session of a user." },
);

export const AccountSessions = Type.Object(
  { sessions: Type.Array(AccountSession, { description: "Newest first." }) },
  { description: "The live sessions of a user." },
);

export const SessionOfUser = Type.Object(
  {
    username: Username,
    id: Type.String({
      maxLength: 64,
      description: "An `id` of listSessions.",
      examples: ["5f0c1d2e3b4a59687786a5b4c3d2e1f0"],
    }),
  },
  { description: "One session of a user." },
);

export const EndedSessions = Type.Object(
  { ended: Type.Integer({ minimum: 0, description: "How many sessions lived until now." }) },
  { description: "How many sessions ended." },
);

export const DeletedUser = Type.Object(
  {
    profilePath: Type.String({
      description:
        "The picture of the user. The daily sweep removes it, as `bun run sweep` does. " +
        "The default picture stays.",
      examples: ["0b6b4bb8-7c06-4d3a-9f0c-6b1f0e6d2c11.webp"],
    }),
  },
  { description: "What is left of a deleted user." },
);

export const Throttled = Type.Object(
  {
    username: Type.Optional(Username),
    address: Type.Optional(
      Type.String({ maxLength: 64, description: "An IP address.", examples: ["203.0.113.7"] }),
    ),
  },
  { description: "A user, an address, or both.", examples: [{ username: "grace" }] },
);

// The numbers of Admin are 101 to 200.
export const AdminContract = contract(
  "Admin",
  {
    findUsers: {
      number: 101,
      summary: "Find users by the beginning of the username, page by page.",
      idempotent: true,
      request: UserSearch,
      reply: FoundUsers,
      errors: [],
    },
    showUser: {
      number: 102,
      summary: "Show one user.",
      idempotent: true,
      request: UserRef,
      reply: ShownUser,
      errors: ["UserNotExistError"],
    },
    setPassword: {
      number: 103,
      summary: "Set the password of a user, and end all sessions of the user.",
      request: NewPassword,
      reply: Done,
      errors: ["UserNotExistError"],
    },
    resetPassword: {
      number: 104,
      summary: "Make a new password for a user, show it once, and end all sessions of the user.",
      request: UserRef,
      reply: MadePassword,
      errors: ["UserNotExistError"],
    },
    disableUser: {
      number: 105,
      summary: "Disable a user: the sessions end, and sign-in answers UserNotExistError.",
      request: UserRef,
      reply: Done,
      errors: ["UserNotExistError"],
    },
    enableUser: {
      number: 106,
      summary: "Enable a disabled user: sign-in works again, with the same password.",
      request: UserRef,
      reply: Done,
      errors: ["UserNotExistError"],
    },
    listSessions: {
      number: 107,
      summary: "List the live sessions of a user.",
      idempotent: true,
      request: UserRef,
      reply: AccountSessions,
      errors: ["UserNotExistError"],
    },
    endSession: {
      number: 108,
      summary: "End one session of a user.",
      request: SessionOfUser,
      reply: Done,
      errors: ["UserNotExistError"],
    },
    endAllSessions: {
      number: 109,
      summary: "End all sessions of a user.",
      request: UserRef,
      reply: EndedSessions,
      errors: ["UserNotExistError"],
    },
    deleteUser: {
      number: 110,
      summary: "Delete a user for ever, with all sessions. The name is free again.",
      request: UserRef,
      reply: DeletedUser,
      errors: ["UserNotExistError"],
    },
    liftThrottle: {
      number: 111,
      summary: "Forget the failed sign-ins of a user, of an IP address, or of both.",
      request: Throttled,
      reply: Done,
      errors: ["UserNotExistError"],
    },
  },
  { callers: ["admin"] },
);
