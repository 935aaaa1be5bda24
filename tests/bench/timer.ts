// What else a program does while it serves: a timer and file reads. Between GET /start and GET /stop
// it notes how late they come; the same module on both servers.

const INTERVAL = 10;

/** Lateness of each tick and duration of each read, in milliseconds. */
let late: number[] = [];
let reads: number[] = [];
let timer: ReturnType<typeof setInterval> | undefined;

function start(): void {
  late = [];
  reads = [];
  let reading = false;
  let before = performance.now();
  timer = setInterval(async () => {
    const now = performance.now();
    late.push(now - before - INTERVAL);
    before = now;
    if (reading) return;
    reading = true;
    await Deno.readFile(new URL(import.meta.url));
    reads.push(performance.now() - now);
    reading = false;
  }, INTERVAL);
}

export default {
  fetch(request: Request): Response {
    clearInterval(timer);
    if (new URL(request.url).pathname === "/start") start();
    const sorted = late.toSorted((a, b) => a - b);
    return Response.json({
      ticks: late.length,
      late: sorted.at(-1) ?? 0,
      "late p99": sorted[Math.floor(sorted.length * 0.99)] ?? 0,
      reads: reads.length,
      read: Math.max(0, ...reads),
    });
  },
};
