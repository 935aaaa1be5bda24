// One stack with the services of a runtime on it, and clients at the other end of its link.
import { nextTick } from "node:process";
import { setImmediate } from "node:timers";
import { seededRandom } from "../../runtime/device/random.ts";
import { Service } from "../../runtime/service.ts";
import { Stack } from "../../stack/stack.ts";
import { Frame } from "../../stack/wire/frame.ts";
import { Clients } from "./clients.ts";

const STACK_MAC = "02:00:00:00:00:02";
const STACK = "10.0.0.1";

/** Frames that are taken in before handlers run, as by the driver of a runtime. */
const BATCH = 64;
/** Connections that clients open at one time. */
export const WIDTH = 16;

/** A world of its own. */
export class World {
  readonly clients: Clients = new Clients(Uint8Array.of(2, 0, 0, 0, 0, 2), 0x0a000001);
  readonly stack: Stack;
  /** Its time in milliseconds. */
  now = 0;
  readonly #frame = new Frame();
  readonly #services: Service[] = [];
  readonly #abort = new AbortController();

  constructor() {
    this.stack = new Stack({
      link: this.clients,
      mac: STACK_MAC,
      addresses: [`${STACK}/8`],
      random: seededRandom(1),
      now: 0,
    });
    this.stack.start(0);
  }

  /** Serves a port with a listener module. */
  async listen(port: number, module: string): Promise<void> {
    const host = {
      signal: this.#abort.signal,
      base: new URL("../../", import.meta.url),
      connect: () => Promise.reject(new Error("nobody is out there")),
    };
    const service = new Service({ port, module, options: {} }, host, () => {});
    await service.start();
    this.#services.push(service);
    this.stack.listen({ port }, (connection) => service.serve(connection));
  }

  /** Lets everything happen that is to happen at once. */
  async settle(): Promise<void> {
    do {
      for (let i = 0; i < BATCH && this.clients.receive(this.#frame); i++) {
        this.stack.receive(this.#frame, this.now);
      }
      await pause();
      if (this.stack.nextDeadline() <= this.now) this.stack.poll(this.now);
    } while (this.clients.waiting > 0);
  }

  /** Opens connections, of clients from `first` on. */
  async open(first: number, count: number, port: number): Promise<void> {
    for (let i = 0; i < count;) {
      for (let n = 0; n < WIDTH && i < count; n++, i++) {
        this.clients.open(first + i, port, this.now);
      }
      await this.settle();
      this.now += 0.5;
    }
  }

  /** Lets time pass. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    for (;;) {
      await this.settle();
      const next = this.stack.nextDeadline();
      if (next > end) break;
      this.now = Math.max(this.now, next);
    }
    this.now = end;
    await this.settle();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resets everything, and lets go. */
  async close(): Promise<void> {
    this.stack.abort();
    this.#abort.abort();
    await this.settle();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}
