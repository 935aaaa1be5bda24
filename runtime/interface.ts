import { IpAddress, Prefix } from "../stack/ip/address.ts";
import type { StackNotice } from "../stack/notice.ts";
import type { Sharing } from "../stack/sharing.ts";
import type { CongestionEvent } from "../stack/tcp/congestion_event.ts";
import { Stack } from "../stack/stack.ts";
import { formatTransition } from "../stack/tcp/state.ts";
import type { TcpOptions } from "../stack/tcp/tcp_options.ts";
import type { InterfaceConfig } from "./config/config.ts";
import type { Capture } from "./device/capture.ts";
import type { Device } from "./device/device.ts";
import { Driver } from "./driver.ts";
import type { Log } from "./listener.ts";
import { createLog, logTransition } from "./log.ts";
import { secureRandom } from "./random.ts";

/** How an interface is run. */
export interface InterfaceOptions {
  /** Where its frames are captured into; nowhere by default. */
  readonly capture?: Capture | undefined;
  /** Whether each TCP state transition is logged; `false` by default. */
  readonly trace?: boolean;
  /** See `DriverOptions`. */
  readonly busyPoll?: number;
  /** Limits and times of TCP that differ from the defaults. */
  readonly tcp?: Partial<TcpOptions>;
  /** Other stacks that have the same addresses. */
  readonly sharing?: Sharing | undefined;
}

/** A network interface: one stack on one device, and the driver that runs it. */
export class NetworkInterface {
  /** Its entry in the config. */
  readonly config: InterfaceConfig;
  /** What it is attached to. */
  readonly device: Device;
  /** Its stack. */
  readonly stack: Stack;
  readonly #prefixes: readonly Prefix[];
  readonly #driver: Driver;
  #running: Promise<void> | undefined;

  /**
   * @param config Its entry in the config.
   * @param device What it is attached to, open; closed by {@link NetworkInterface.close}.
   * @param options How it is run.
   */
  constructor(config: InterfaceConfig, device: Device, options: InterfaceOptions = {}) {
    const captured = options.capture?.wrap(device, config.addresses.join(", "));
    this.config = config;
    this.device = captured ?? device;
    this.#prefixes = config.addresses.map((text) => Prefix.parse(text)!);
    this.#driver = new Driver(this.device, { busyPoll: options.busyPoll });
    const log = createLog({ interface: this.device.name });
    this.stack = new Stack({
      link: this.device,
      mac: config.mac,
      addresses: config.addresses,
      gateway: config.gateway,
      random: secureRandom,
      now: this.#driver.now(),
      clock: this.#driver.now,
      wake: this.#driver.wake,
      notice: (notice) => report(notice, log),
      observe: ({ type, time: _, ...properties }: CongestionEvent) =>
        log.debug(type.replaceAll("-", " "), properties),
      trace: captured || options.trace
        ? (transition) => {
          const line = formatTransition(transition);
          captured?.annotate(line);
          if (options.trace) logTransition(line);
        }
        : undefined,
      tcp: { ...options.tcp, ...tcpOptions(config) },
      sharing: options.sharing,
    });
  }

  /** Whether an address is one of its own. */
  owns(address: IpAddress): boolean {
    return this.#prefixes.some((prefix) => prefix.address.equals(address));
  }

  /** Whether an address is on its link: 2; beyond its gateway: 1; out of its reach: 0. */
  nearness(address: IpAddress): 0 | 1 | 2 {
    if (this.#prefixes.some((prefix) => prefix.contains(address))) return 2;
    return this.config.gateway === undefined ? 0 : 1;
  }

  /**
   * Drives the stack until {@link NetworkInterface.close}.
   *
   * @throws Whatever device or stack throws.
   */
  run(): Promise<void> {
    this.stack.start(this.#driver.now());
    return this.#running = this.#driver.run(this.stack);
  }

  /** Takes the device away; what the stack still had, and whoever waited for it, ends unheard. */
  async close(): Promise<void> {
    this.#driver.stop();
    await this.#running?.catch(() => {});
    await this.device.close();
    this.stack.abort();
  }
}

/** What a config says of TCP. */
function tcpOptions(config: InterfaceConfig): Partial<TcpOptions> {
  const { congestion, sendBuffer, receiveBuffer, memoryLimit } = config;
  const said = Object.entries({ congestion, sendBuffer, receiveBuffer, memoryLimit });
  return Object.fromEntries(said.filter(([, value]) => value !== undefined));
}

function report(notice: StackNotice, log: Log): void {
  switch (notice.type) {
    case "address-conflict":
      return log.warn(`address ${notice.address} is also claimed by ${notice.mac}`);
    case "neighbor-unreachable":
      return log.warn(`${notice.address} does not answer ARP`, { dropped: notice.dropped });
    case "listener-error":
      return log.error("listener failed", {
        port: notice.port,
        peer: notice.peer,
        error: notice.error,
      });
  }
}
