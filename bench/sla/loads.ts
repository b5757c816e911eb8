/** What all requests of a load ask for. */
export type Endpoint = "get_user_info" | "signin" | "signup";

/** How passwords are hashed: the classic way, lightly, and as is the default. */
export const HASHES = {
  classic: "salted-md5",
  light: "argon2id:m=2048,t=1,p=1",
  default: "argon2id:m=19456,t=2,p=1",
} as const;

export interface Load {
  readonly endpoint: Endpoint;
  readonly connections: number;
  /** Requests per second that the contract promises. */
  readonly floor?: number;
  /** Sign-ins by so many connections beside it, which are not measured. */
  readonly signInsBeside?: number;
  /** More may come than can be hashed in time: what is refused with 503 is counted apart. */
  readonly mayRefuse?: boolean;
  /** Others would go on hashing what nobody awaits any more, into the next one's turn. */
  readonly isPorticoAlone?: boolean;
  /** Part of the short run, too. */
  readonly isQuick?: boolean;
}

/** Loads on one set of users, whose passwords are hashed in one way. */
export interface LoadSet {
  readonly passwordHash: string;
  readonly loads: readonly Load[];
}

/** The loads of the contract, and those that show where it ends. */
export const LOAD_SETS: readonly LoadSet[] = [
  {
    passwordHash: HASHES.classic,
    loads: [
      { endpoint: "get_user_info", connections: 200, floor: 3000, isQuick: true },
      { endpoint: "signin", connections: 200, floor: 1000, isQuick: true },
      { endpoint: "signup", connections: 200, isQuick: true },
      { endpoint: "get_user_info", connections: 2000, floor: 1500, isQuick: true },
      { endpoint: "signin", connections: 2000, floor: 800, isQuick: true },
      { endpoint: "get_user_info", connections: 5000 },
      { endpoint: "signin", connections: 5000 },
    ],
  },
  {
    passwordHash: HASHES.light,
    loads: [
      { endpoint: "signin", connections: 200, floor: 1000, isQuick: true },
      { endpoint: "signin", connections: 2000, floor: 800 },
    ],
  },
  {
    passwordHash: HASHES.default,
    loads: [
      { endpoint: "signin", connections: 32, mayRefuse: true, isQuick: true },
      { endpoint: "signup", connections: 32, mayRefuse: true },
      { endpoint: "get_user_info", connections: 32 },
      { endpoint: "get_user_info", connections: 32, signInsBeside: 32, mayRefuse: true },
      ...[200, 2000, 5000].map((connections): Load => {
        return { endpoint: "signin", connections, mayRefuse: true, isPorticoAlone: true };
      }),
    ],
  },
];

/** As results name it, as in "get_user_info beside 32 signing in". */
export function measuredEndpoint({ endpoint, signInsBeside }: Load): string {
  return signInsBeside ? `${endpoint} beside ${signInsBeside} signing in` : endpoint;
}

/** Those of the short run. */
export function quickSets(): LoadSet[] {
  return LOAD_SETS.map(({ passwordHash, loads }) => {
    return { passwordHash, loads: loads.filter(({ isQuick }) => isQuick) };
  });
}
