import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { available, Receiver } from "../../test/notify-receiver.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** A tier that becomes ready when the file `go` exists. */
function startTier(folder: Folder, variables: Record<string, string>, hasParent = false) {
  const file = (path: string) => JSON.stringify(join(import.meta.dir, path));
  const script = `
    import { existsSync } from "node:fs";
    import { runTier } from ${file("lifecycle.ts")};
    import { Systemd } from ${file("systemd.ts")};
    import { createLog } from ${file("../telemetry/log.ts")};
    const log = createLog("test", "silent", false);
    const isReady = () => existsSync(${JSON.stringify(join(folder.path, "go"))});
    const tier = {
      address: "here",
      close: async () => undefined,
      readiness: async () => (isReady() ? [] : ["users:\\n down"]),
    };
    const systemd = Systemd.of(process.env, (error) => console.error(error));
    await runTier(log, async () => tier, { systemd, reload: () => [] });
    setInterval(() => undefined, 1000);`;
  return Bun.spawn([process.execPath, "-e", script], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "ignore", "inherit"],
    ...(hasParent && { ipc() {} }),
  });
}

describe.skipIf(!available)("a tier that systemd has started", () => {
  test.each(["a path", "an abstract name"])(
    "tells its state, on a socket with %s",
    async (what) => {
      await using folder = await Folder.make();
      const path = join(folder.path, "notify");
      const socket = what === "a path" ? path : `@${path}`;
      await using receiver = new Receiver(socket);
      await receiver.waitFor("bound");
      const tier = startTier(folder, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "600000" });
      await receiver.waitFor("STATUS=not ready: users: down");
      await receiver.waitFor("WATCHDOG=1");
      expect(receiver.messages).not.toContain("READY=1\nSTATUS=ready");
      await Bun.write(join(folder.path, "go"), "");
      await receiver.waitFor("READY=1\nSTATUS=ready");
      tier.kill("SIGHUP");
      await receiver.waitFor("READY=1");
      tier.kill("SIGTERM");
      await receiver.waitFor("STOPPING=1\nSTATUS=stopping");
      expect(await tier.exited).toBe(0);
      const states = receiver.messages.filter((each) => /^(READY|RELOADING|STOPPING)/.test(each));
      expect(states).toEqual([
        "READY=1\nSTATUS=ready",
        "RELOADING=1",
        "READY=1",
        "STOPPING=1\nSTATUS=stopping",
      ]);
    },
  );

  test("says nothing if it is a worker, and feeds no watchdog of another process", async () => {
    await using folder = await Folder.make();
    const path = join(folder.path, "notify");
    await using receiver = new Receiver(path);
    await receiver.waitFor("bound");
    await Bun.write(join(folder.path, "go"), "");
    const variables = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "30000", WATCHDOG_PID: "1" };
    const worker = startTier(folder, variables, true);
    const tier = startTier(folder, variables);
    await receiver.waitFor("READY=1\nSTATUS=ready");
    await Bun.sleep(500);
    const others = receiver.messages.filter((each) => !each.startsWith("STATUS="));
    expect(others).toEqual(["bound", "READY=1\nSTATUS=ready"]);
    for (const each of [worker, tier]) each.kill("SIGKILL");
    await Promise.all([worker.exited, tier.exited]);
  });
});
