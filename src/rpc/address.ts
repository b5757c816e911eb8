/** The address of a server. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate must be for, if `host` is an IP address that DNS gave for it. */
  readonly name?: string;
}
