// Opens a TAP with the options of its argument (JSON) and prints what came of it (JSON).

import { DeviceError } from "../../../runtime/device/error.ts";
import { openTap } from "../../../runtime/device/tap.ts";

let outcome: Record<string, unknown>;
try {
  await using tap = openTap(JSON.parse(Deno.args[0]!));
  outcome = { name: tap.name, mtu: tap.capabilities.mtu };
} catch (error) {
  if (!(error instanceof DeviceError)) throw error;
  outcome = { code: error.code, message: error.message };
}
// deno-lint-ignore no-console
console.log(JSON.stringify(outcome));
