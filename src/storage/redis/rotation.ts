import { lookup } from "node:dns";
import type { DNSLookupFunction } from "ioredis";

type Resolve = (
  host: string,
  options: { readonly all: true },
  found: (error: Error | null, addresses: readonly { readonly address: string }[]) => void,
) => void;

/**
 * Look up the addresses of a name in turn, for the endpoint of a cluster: if the node at one
 * address does not answer, the next may. A name with one address is kept, and so is one that cannot
 * be resolved: connecting then says why.
 * @param turn of the first look-up
 */
export function rotatingLookup(turn: number, resolve: Resolve = lookup): DNSLookupFunction {
  let next = turn;
  return (host, found) => {
    resolve(host, { all: true }, (error, addresses) => {
      const isSeveral = !error && addresses.length > 1;
      found(null, (isSeveral && addresses[next++ % addresses.length]?.address) || host);
    });
  };
}
