import { configureSync, resetSync } from "@logtape/logtape";
import { loopbackPair } from "../../../runtime/device/loopback.ts";
import type { Config, ListenerConfig } from "../../../runtime/config/config.ts";
import { connectFlow } from "../../../runtime/connect.ts";
import type { Device } from "../../../runtime/device/device.ts";
import { FlowSet } from "../../../runtime/flow_set.ts";
import { NetworkInterface } from "../../../runtime/interface.ts";
import type { Flow, Listener } from "../../../runtime/listener.ts";
import { textFormatter } from "../../../runtime/log/format.ts";
import type { Runtime } from "../../../runtime/api.ts";
import { start } from "../../../runtime/runtime.ts";
import { IpAddress } from "../../../stack/ip/address.ts";

/** What a rig is made with. */
export interface RigOptions {
  /** Modules, each with its port. */
  readonly listeners?: Record<number, Listener | string>;
  /** More of the config. */
  readonly config?: Partial<Config>;
}

/** A runtime at 192.168.69.2, and at the other end of its wire a client at 192.168.69.1. */
export class Rig implements AsyncDisposable {
  /** The runtime's end of the wire. */
  readonly device: Device;
  /** The other end. */
  readonly client: NetworkInterface;
  /** The client's flows. */
  readonly flows = new FlowSet();
  /** Lines of the log so far, without their time. */
  readonly log: string[];
  readonly runtime: Runtime;
  readonly #running: Promise<void>;
  #met: Promise<unknown> | undefined;

  private constructor(runtime: Runtime, device: Device, client: NetworkInterface, log: string[]) {
    this.runtime = runtime;
    this.device = device;
    this.client = client;
    this.log = log;
    this.#running = client.run();
  }

  static async start(options: RigOptions = {}): Promise<Rig> {
    const [device, far] = loopbackPair();
    const log = collectLog();
    const listeners = Object.entries(options.listeners ?? {})
      .map(([port, listener]) => ({ port: Number(port), module: moduleOf(listener) }));
    const runtime = await start(
      runtimeConfig(listeners, options.config),
      { openDevice: () => device, base: new URL(import.meta.url) },
    );
    const client = new NetworkInterface(interfaceConfig(1), far);
    return new Rig(runtime, device, client, log);
  }

  /** Connects the client to a port of the runtime. */
  async connect(port: number): Promise<Flow> {
    // Only so many packets wait for ARP: a burst begins when the stations know each other.
    await (this.#met ??= this.#connect(1).catch(() => {}));
    return await this.#connect(port);
  }

  #connect(port: number): Promise<Flow> {
    const address = IpAddress.parse("192.168.69.2")!;
    return connectFlow(this.client.stack, address, { port }, this.flows);
  }

  /** Connects the client and reads what it is told until the end. */
  async ask(port: number): Promise<string> {
    const flow = await this.connect(port);
    const text = await new Response(flow.readable).text();
    flow.close();
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime.abort();
    await this.client.close();
    await this.#running;
    resetSync();
  }
}

/** The config of a runtime on a wire. */
export function runtimeConfig(listeners: ListenerConfig[], more: Partial<Config> = {}): Config {
  return {
    interfaces: [interfaceConfig(2)],
    listeners,
    trace: false,
    drainTimeout: 10,
    ...more,
  };
}

function interfaceConfig(host: number) {
  return {
    device: { type: "tap" as const, name: `wire${host}`, offload: false, queues: 1, busyPoll: 0 },
    mac: `02:00:00:00:00:0${host}`,
    addresses: [`192.168.69.${host}/24`],
    mtu: 1500,
  };
}

/** A listener of a test, as a module that can be imported. */
function moduleOf(listener: Listener | string): string {
  if (typeof listener === "string") return listener;
  const key = crypto.randomUUID();
  (globalThis as Record<string, unknown>)[key] = listener;
  return `data:text/javascript,export default globalThis["${key}"];`;
}

function collectLog(): string[] {
  const lines: string[] = [];
  const format = textFormatter({ color: false, stacks: false });
  configureSync({
    reset: true,
    sinks: { lines: (record) => lines.push(format(record).replace(/^\S+ /, "")) },
    loggers: [
      { category: "taproom", sinks: ["lines"], lowestLevel: "trace" },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  return lines;
}
