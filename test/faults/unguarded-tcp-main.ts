// A TCP server that is broken on purpose, which the checker must detect: it trusts every master,
// and uses what an earlier one has left.
import { History } from "../../src/storage/redis/history.ts";
import { MasterGuard } from "../../src/storage/redis/master-guard.ts";

Object.defineProperty(History.prototype, "isKnown", { get: () => true });
Object.defineProperty(MasterGuard.prototype, "mayRead", { get: () => true });
MasterGuard.prototype.marking = async (mark) => void (await mark());

await import("./quick-tcp-main.ts");
