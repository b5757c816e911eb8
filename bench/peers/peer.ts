/** Where the processes of one contender listen, and what they keep their data in. */
export interface Place {
  readonly httpPort: number;
  readonly rpcPort: number;
  /** `mysql://…`, with Portico's tables, which are filled by `bun run seed`. */
  readonly databaseUrl: string;
  /** `redis://…/<number>`: a database of its own, empty at first. */
  readonly redisUrl: string;
  /** As in `PASSWORD_HASH`: how new passwords are hashed. Rows in either scheme are verified. */
  readonly passwordHash: string;
}

/** One process of a contender. It listens on 127.0.0.1 and ends on SIGTERM. */
export interface Tier {
  /** As in "HTTP" and "TCP". */
  readonly name: string;
  readonly command: readonly string[];
  /** Beside `PATH` and `HOME`; nothing else of ours reaches it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A way to build the same service, to be measured beside Portico. */
export interface Peer {
  /** As it stands in tables. */
  readonly name: string;
  /** False for a ceiling that answers the loads alone, always the same. */
  readonly isService: boolean;
  /**
   * Build what there is to build.
   * @returns why it cannot be measured on this machine, as in "go is not installed"
   */
  prepare(): Promise<string | undefined>;
  /** In the order in which they are started. Either may come up before the other. */
  tiers(place: Place): readonly Tier[];
}
