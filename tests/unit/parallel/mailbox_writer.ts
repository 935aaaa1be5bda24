// A thread that puts 2,000 frames into a mailbox: its own index, their number, and some bytes.

import { parentPort, workerData } from "node:worker_threads";
import { Mailbox } from "../../../runtime/parallel/mailbox.ts";

const { memory, writer } = workerData as { memory: SharedArrayBuffer; writer: number };
const mailbox = new Mailbox(memory);
for (let number = 0; number < 2000;) {
  const head = Uint8Array.of(writer, number >> 8, number & 255);
  const body = new Uint8Array(number % 60).fill(writer);
  if (mailbox.put(writer, head, body, 0, writer)) number++;
}
parentPort!.postMessage("done");
