// An open transfer: reads from chargen, and says every quarter of a second how much has come.
//
//   transfer.ts HOST PORT SECONDS

const [hostname, port, seconds] = Deno.args;
const INTERVAL = 250;
using conn = await Deno.connect({ hostname: hostname!, port: Number(port) });
const buffer = new Uint8Array(1 << 18);
const end = performance.now() + Number(seconds) * 1000;
let bytes = 0, next = performance.now() + INTERVAL;
for (let now = 0; now < end; now = performance.now()) {
  bytes += await conn.read(buffer) ?? NaN;
  if (now < next) continue;
  Deno.stdout.writeSync(new TextEncoder().encode(`${Math.round(now)} ${bytes}\n`));
  bytes = 0;
  next += INTERVAL;
}
