// Reads profiles that `bun --cpu-prof` writes, in the format of Chrome DevTools.

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** One node id for each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** Native functions have an empty path. */
export interface ProfiledFunction {
  readonly name: string;
  readonly path: string;
}

/**
 * Add up the time of functions, without the functions that they call.
 * @param keyOf the key to add up by; gets the function and its callers, innermost first
 * @returns each key and its share of all time, the largest first
 */
export function ownTimes(
  { nodes, samples, timeDeltas }: CpuProfile,
  keyOf: (stack: readonly ProfiledFunction[]) => string,
): [key: string, share: number][] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const keys = new Map<number, string>();
  const keyOfNode = (id: number): string => {
    const known = keys.get(id);
    if (known !== undefined) return known;
    const stack: ProfiledFunction[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame) stack.push({ name: frame.functionName, path: frame.url });
    }
    const key = keyOf(stack);
    keys.set(id, key);
    return key;
  };
  const times = new Map<string, number>();
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const us = timeDeltas[index] ?? 0;
    const key = keyOfNode(id);
    times.set(key, (times.get(key) ?? 0) + us);
    total += us;
  }
  const shares = Array.from(times, ([key, us]): [string, number] => [key, us / total]);
  return shares.sort(([, one], [, other]) => other - one);
}
