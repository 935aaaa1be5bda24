import type { InterfaceConfig } from "../../../runtime/config/config.ts";
import { connectFlow } from "../../../runtime/connect.ts";
import { type LoopbackOptions, loopbackPair } from "../../../runtime/device/loopback.ts";
import type { ConnectionFlow } from "../../../runtime/flow.ts";
import { FlowSet } from "../../../runtime/flow_set.ts";
import { NetworkInterface } from "../../../runtime/interface.ts";
import type { Flow } from "../../../runtime/listener.ts";
import { IpAddress } from "../../../stack/ip/address.ts";

/** Two interfaces on a wire in memory, each with its stack and driver, in real time. */
export class Pair implements AsyncDisposable {
  /** 192.168.69.2, which serves. */
  readonly server: NetworkInterface;
  /** 192.168.69.1, which connects. */
  readonly client: NetworkInterface;
  /** The flows of the server. */
  readonly served = new FlowSet();
  /** The flows of the client. */
  readonly opened = new FlowSet();
  readonly #running: Promise<unknown>;
  #met: Promise<unknown> | undefined;

  constructor(options: LoopbackOptions = {}, config: Partial<InterfaceConfig> = {}) {
    const [a, b] = loopbackPair(options);
    this.server = new NetworkInterface(interfaceConfig(2), a);
    this.client = new NetworkInterface({ ...interfaceConfig(1), ...config }, b);
    this.#running = Promise.all([this.server.run(), this.client.run()]);
    this.#running.catch(() => {});
  }

  /** Serves a port. */
  listen(port: number, handler: (flow: ConnectionFlow) => void): void {
    this.server.stack.listen({ port }, (connection) => handler(this.served.adopt(connection)));
  }

  /** Settles when each flow of the server has ended. */
  async servedAll(): Promise<void> {
    for (const flow of this.served) await flow.closed;
  }

  /** Connects the client to the server. */
  async connect(port: number): Promise<Flow> {
    // Only so many packets wait for ARP: a burst begins when the stations know each other.
    await (this.#met ??= this.#connect(1).catch(() => {}));
    return await this.#connect(port);
  }

  /** A served flow and the one connected to it. */
  async join(port = 7): Promise<[served: ConnectionFlow, opened: Flow]> {
    const accepted = Promise.withResolvers<ConnectionFlow>();
    const handle = this.server.stack.listen({ port }, (connection) => {
      accepted.resolve(this.served.adopt(connection));
    });
    const opened = await this.connect(port);
    const served = await accepted.promise;
    handle.close();
    return [served, opened];
  }

  #connect(port: number): Promise<Flow> {
    const address = IpAddress.parse("192.168.69.2")!;
    return connectFlow(this.client.stack, address, { port }, this.opened);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.client.close();
    await this.#running;
  }
}

function interfaceConfig(host: number) {
  return {
    device: { type: "tap" as const, name: `wire${host}`, offload: false, queues: 1, busyPoll: 0 },
    mac: `02:00:00:00:00:0${host}`,
    addresses: [`192.168.69.${host}/24`],
    mtu: 1500,
  };
}
