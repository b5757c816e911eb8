import { expect, setDefaultTimeout, test } from "bun:test";
import { Deadlines, Expiring } from "./deadlines.ts";
import { seededRandom, testSeed } from "./testing/seed.ts";
import { eventually } from "./testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const TICK_MS = 10;
const TURN_MS = 1024 * TICK_MS;
/** How late a loaded machine may run a timer. Less than a turn. */
const NOISE_MS = 5_000;

class Entry extends Expiring {
  readonly deadline: number;
  readonly #onExpire: (entry: Entry) => void;
  lateMs: number[] = [];

  constructor(inMs: number, onExpire: (entry: Entry) => void = () => undefined) {
    super();
    this.deadline = performance.now() + inMs;
    this.#onExpire = onExpire;
  }

  expire(): void {
    this.lateMs.push(performance.now() - this.deadline);
    this.#onExpire(this);
  }
}

function add(deadlines: Deadlines, ...entries: Entry[]): void {
  for (const entry of entries) deadlines.add(entry);
}

test("entries expire once each, never early and soon after their deadline", async () => {
  const random = seededRandom(testSeed("deadlines"));
  const deadlines = new Deadlines();
  const entries = Array.from({ length: 500 }, () => new Entry(random() * 400));
  add(deadlines, ...entries);
  expect(deadlines.size).toBe(500);
  await eventually(() => deadlines.size === 0);
  for (const { lateMs } of entries) {
    expect(lateMs).toHaveLength(1);
    expect(lateMs[0]).toBeGreaterThanOrEqual(0);
    expect(lateMs[0]).toBeLessThan(TICK_MS + NOISE_MS);
  }
});

test.each([0, -5, -5000])("a deadline %d ms from now expires with the next tick", async (inMs) => {
  const deadlines = new Deadlines();
  add(deadlines, new Entry(1000));
  await Bun.sleep(3 * TICK_MS); // The wheel is turning.
  const entry = new Entry(inMs);
  add(deadlines, entry);
  await eventually(() => entry.lateMs.length > 0, NOISE_MS);
});

test("a deadline more than a turn of the wheel away does not expire on the way", async () => {
  const deadlines = new Deadlines();
  const far = new Entry(TURN_MS + 50);
  const near = new Entry(50);
  add(deadlines, far, near);
  await eventually(() => near.lateMs.length > 0);
  await Bun.sleep(100);
  expect(far.lateMs).toEqual([]);
  expect(deadlines.size).toBe(1);
  deadlines.delete(far);
  expect(deadlines.size).toBe(0);
});

test("a deleted entry does not expire, and deleting it twice counts once", async () => {
  const deadlines = new Deadlines();
  const [kept, gone] = [new Entry(50), new Entry(50)];
  add(deadlines, kept, gone);
  deadlines.delete(gone);
  deadlines.delete(gone);
  expect(deadlines.size).toBe(1);
  await eventually(() => kept.lateMs.length > 0);
  expect(gone.lateMs).toEqual([]);
  deadlines.delete(kept);
  expect(deadlines.size).toBe(0);
});

test("an entry may add and delete others while it expires", async () => {
  const deadlines = new Deadlines();
  const late = new Entry(-10);
  const neighbour = new Entry(40);
  const first = new Entry(40, () => {
    deadlines.delete(neighbour);
    deadlines.add(late);
  });
  add(deadlines, first, neighbour);
  await eventually(() => late.lateMs.length === 1, NOISE_MS);
  expect(neighbour.lateMs).toEqual([]);
  expect(deadlines.size).toBe(0);
});

test("after a stall of the event loop everything that is due expires at once", async () => {
  const deadlines = new Deadlines();
  const entries = [5, 60, 110].map((inMs) => new Entry(inMs));
  add(deadlines, ...entries, new Entry(60_000));
  Bun.sleepSync(150);
  await eventually(() => entries.every(({ lateMs }) => lateMs.length === 1), NOISE_MS);
  expect(deadlines.size).toBe(1);
});

test("a deadline that is NaN or infinite is refused", () => {
  expect(() => new Deadlines().add(new Entry(Infinity))).toThrow(RangeError);
});

test("the timer stops when no entry is left, and starts again with the next", async () => {
  const code = `
    import { Deadlines, Expiring } from "${import.meta.dir}/deadlines.ts";
    const deadlines = new Deadlines();
    class Entry extends Expiring {
      constructor(inMs) {
        super();
        this.inMs = inMs;
        this.deadline = performance.now() + inMs;
      }
      expire() {
        console.log(this.inMs);
      }
    }
    const unneeded = new Entry(60_000);
    deadlines.add(unneeded);
    deadlines.add(new Entry(20));
    deadlines.delete(unneeded);
    setTimeout(() => deadlines.add(new Entry(30)), 100);
  `;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", timeout: 4000 });
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe("20\n30\n");
});
