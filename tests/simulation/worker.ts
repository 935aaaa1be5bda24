// A worker of the simulation: it gets batches of seeds and gives back what came of them.
/// <reference lib="deno.worker" />
import { tallyOf } from "./tally.ts";

self.onmessage = ({ data }: MessageEvent<{ from: number; count: number }>) => {
  self.postMessage(tallyOf(data.from, data.count));
};
self.postMessage("ready");
