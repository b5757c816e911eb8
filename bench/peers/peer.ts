/** The ports and databases of one running peer. */
export interface PeerConfig {
  readonly httpPort: number;
  readonly rpcPort: number;
  /** `mysql://…`: a database that `bun run seed` has filled. */
  readonly databaseUrl: string;
  /** `redis://…/<number>`: an empty database that no other peer uses. */
  readonly redisUrl: string;
  /** As in `PASSWORD_HASH`: how new passwords are hashed. Both schemes are verified. */
  readonly passwordHash: string;
}

/** One process of a peer. It listens on 127.0.0.1 and ends on SIGTERM. */
export interface Tier {
  /** "HTTP" or "TCP". */
  readonly name: string;
  readonly command: readonly string[];
  /** Added to `PATH` and `HOME`. The process gets no other variable of ours. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One implementation of the service, or a ceiling for all of them. */
export interface Peer {
  /** As shown in tables. */
  readonly name: string;
  /** False for a ceiling, which gives fixed answers to two endpoints. */
  readonly isService: boolean;
  /**
   * Build it, if needed.
   * @returns why it cannot be measured on this machine, as in "go is not installed"
   */
  prepare(): Promise<string | undefined>;
  /** In the order in which they are started. Either may be ready first. */
  tiers(config: PeerConfig): readonly Tier[];
}
