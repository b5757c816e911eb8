// Serves one contender and tells its parent the port.
import { contenderOf } from "./contenders.ts";

const { port } = await contenderOf(process.argv[2]).serve();
process.send?.({ port });
process.on("disconnect", () => process.exit(0));
