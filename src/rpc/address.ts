/** Where a server is. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** The name that a certificate must be for, where `host` is what DNS said of it. */
  readonly name?: string;
}
