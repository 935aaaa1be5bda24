// What else a program does while it serves: a timer and file reads. Between GET /start and GET /stop
// it notes how late they come; the same module on both servers.
//
// A tick may be late because the program was at work, or because it was kept from running. The CPU
// time since the tick before tells: what is left of it after the interval is the program's own work.

import process from "node:process";

const INTERVAL = 10;

/** Lateness of each tick, how much of it was own work, and duration of each read, in ms. */
let late: number[] = [];
let own: number[] = [];
let reads: number[] = [];
let timer: ReturnType<typeof setInterval> | undefined;

function start(): void {
  late = [];
  own = [];
  reads = [];
  let reading = false;
  let before = performance.now();
  let cpuBefore = cpu();
  timer = setInterval(async () => {
    const now = performance.now();
    const cpuNow = cpu();
    late.push(now - before - INTERVAL);
    own.push(Math.max(0, Math.min(now - before, cpuNow - cpuBefore) - INTERVAL));
    before = now;
    cpuBefore = cpuNow;
    if (reading) return;
    reading = true;
    await Deno.readFile(new URL(import.meta.url));
    reads.push(performance.now() - now);
    reading = false;
  }, INTERVAL);
}

/** CPU time of this process so far, all threads, in milliseconds. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export default {
  fetch(request: Request): Response {
    clearInterval(timer);
    if (new URL(request.url).pathname === "/start") start();
    return Response.json({
      ticks: late.length,
      late: Math.max(0, ...late),
      own: Math.max(0, ...own),
      reads: reads.length,
      read: Math.max(0, ...reads),
    });
  },
};
