import type { Connection } from "./connection.ts";

/** The connections of a pool that have a free slot. */
export class FreeConnections {
  readonly #packedInFlight: number;
  readonly #connections: Connection[] = [];

  constructor(packedInFlight: number) {
    this.#packedInFlight = packedInFlight;
  }

  add(connection: Connection): void {
    if (!this.#connections.includes(connection)) this.#connections.push(connection);
  }

  delete(connection: Connection): void {
    const index = this.#connections.lastIndexOf(connection);
    if (index >= 0) this.#connections.splice(index, 1);
  }

  /** Where the next call goes: on as few connections as `packedInFlight` says, then evenly. */
  pick(): Connection | undefined {
    let least: Connection | undefined;
    for (let index = this.#connections.length - 1; index >= 0; index--) {
      const connection = this.#connections[index];
      if (!connection || connection.inFlight < this.#packedInFlight) return connection;
      if (!least || connection.inFlight < least.inFlight) least = connection;
    }
    return least;
  }

  /** How many have no call at all. */
  get idle(): number {
    return this.#connections.filter(({ inFlight }) => inFlight === 0).length;
  }
}
