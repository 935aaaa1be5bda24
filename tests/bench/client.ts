// The load generator of client.c in Deno, for machines without a C compiler. It takes the same
// arguments and prints the same object, and it is the bottleneck of what it measures more often.

import process from "node:process";

const [mode, hostname, portText, secondsText, widthText] = Deno.args;
const port = Number(portText);
const result = { count: 0, bytes: 0, errors: 0 };
const samples: number[] = [];
const perConnection: number[] = [];
const started = performance.now();
const end = started + Number(secondsText) * 1000;
const ECHO_BYTES = 64;
const request = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n",
);

async function open(): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay();
  return conn;
}

async function echo(): Promise<void> {
  using conn = await open();
  const message = new Uint8Array(ECHO_BYTES).fill(0x2e);
  const buffer = new Uint8Array(ECHO_BYTES);
  for (let before = performance.now(); before < end;) {
    await conn.write(message);
    for (let received = 0; received < ECHO_BYTES;) {
      received += await conn.read(buffer) ?? NaN;
    }
    const after = performance.now();
    samples.push((after - before) * 1000);
    before = after;
    result.count++;
  }
}

async function download(): Promise<void> {
  using conn = await open();
  const buffer = new Uint8Array(262_144);
  let bytes = 0;
  while (performance.now() < end) bytes += await conn.read(buffer) ?? NaN;
  perConnection.push(bytes);
}

async function upload(): Promise<void> {
  using conn = await open();
  const buffer = new Uint8Array(262_144);
  let bytes = 0;
  while (performance.now() < end) bytes += await conn.write(buffer);
  await conn.closeWrite();
  while (await conn.read(buffer) !== null);
  perConnection.push(bytes);
}

async function connect(): Promise<void> {
  const buffer = new Uint8Array(65_536);
  while (performance.now() < end) {
    using conn = await open();
    await conn.write(request);
    let received = 0;
    for (let length; (length = await conn.read(buffer)) !== null;) received += length;
    if (received > 0) result.count++;
    else result.errors++;
  }
}

const modes: Record<string, () => Promise<void>> = { echo, download, upload, connect };
const run = modes[mode!]!;
const settled = await Promise.allSettled(Array.from({ length: Number(widthText) }, run));
result.errors += settled.filter(({ status }) => status === "rejected").length;
result.bytes = perConnection.reduce((sum, bytes) => sum + bytes, 0);
samples.sort((a, b) => a - b);
const { user, system } = process.cpuUsage();
Deno.stdout.writeSync(
  new TextEncoder().encode(
    JSON.stringify({
      ...result,
      seconds: (performance.now() - started) / 1000,
      cpu: (user + system) / 1e6,
      p50: samples[samples.length >> 1] ?? 0,
      p99: samples[Math.floor(samples.length * 0.99)] ?? 0,
      jain: result.bytes ** 2 / perConnection.reduce((sum, bytes) => sum + bytes ** 2, 0) /
          Number(widthText) || 0,
    }) + "\n",
  ),
);
