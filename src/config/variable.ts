/** The processes and commands that read variables. `start` and `dev` read those of both tiers. */
export type Program = "http" | "tcp" | "rpc" | "migrate" | "seed" | "backup" | "sweep";

export interface Variable {
  readonly default: string;
  readonly meaning: string;
  /** Empty: only `start` and `dev` read it. */
  readonly readBy: readonly Program[];
  /** An empty value is an error: ignoring it would change where data are or who has access. */
  readonly isNeverEmpty?: true;
}
