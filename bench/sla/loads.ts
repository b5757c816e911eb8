import { HASHES } from "../report/results.ts";

export type Endpoint = "get_user_info" | "signin" | "signup";

export interface Load {
  readonly endpoint: Endpoint;
  readonly connections: number;
  /** Requests per second that the contract promises. */
  readonly floor?: number;
  /** This many connections sign in at the same time. They are not measured. */
  readonly concurrentSignIns?: number;
  /** More requests may come than can be hashed in time: 503 counts as refused, not as an error. */
  readonly mayRefuse?: boolean;
  /** Other services would go on hashing for abandoned requests during the next contender's turn. */
  readonly porticoOnly?: boolean;
  /** Part of the short run, too. */
  readonly isQuick?: boolean;
}

/** Loads on one set of users, whose passwords are all hashed in one way. */
export interface LoadSet {
  readonly passwordHash: string;
  readonly loads: readonly Load[];
}

/** The loads of the contract, and loads beyond it. */
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
      { endpoint: "get_user_info", connections: 32, concurrentSignIns: 32, mayRefuse: true },
      ...[200, 2000, 5000].map((connections): Load => {
        return { endpoint: "signin", connections, mayRefuse: true, porticoOnly: true };
      }),
    ],
  },
];

/** The name in results, as in "get_user_info while 32 sign in". */
export function measuredEndpoint({ endpoint, concurrentSignIns }: Load): string {
  return concurrentSignIns ? `${endpoint} while ${concurrentSignIns} sign in` : endpoint;
}

export function quickSets(): LoadSet[] {
  return LOAD_SETS.map(({ passwordHash, loads }) => {
    return { passwordHash, loads: loads.filter(({ isQuick }) => isQuick) };
  });
}
