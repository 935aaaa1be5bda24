// Runs seeds from 1 until one finds something; says which and what, as JSON; seed 0 if none does.
import { simulate } from "./simulate.ts";

let found = { seed: 0, fault: "" };
for (let seed = 1; seed <= Number(Deno.args[0]) && found.seed === 0; seed++) {
  const { faults } = simulate(seed);
  if (faults.length > 0) found = { seed, fault: faults[0]!.split("\n")[0]! };
}
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(found)));
