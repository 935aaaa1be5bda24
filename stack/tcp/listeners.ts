import { StackError } from "../error.ts";
import type { IpAddress } from "../ip/address.ts";
import type { IpPacket } from "../ip/packet.ts";
import type { Connection, ListenHandle } from "./api.ts";
import type { CongestionName } from "./congestion.ts";
import type { Acceptor } from "./tcb.ts";

/** One port being listened on. */
export interface PortListener extends ListenHandle, Acceptor {}

/** The ports being listened on. */
export class Listeners {
  readonly #byPort = new Map<number, PortListener[]>();
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a listener.
   *
   * @param port The port.
   * @param address Our address, or `undefined` for all.
   * @param congestion Congestion control of its connections; `undefined`: that of the stack.
   * @param accept Gets the connections.
   * @param closed Called when the listener is closed.
   * @throws {StackError} `"address-in-use"` if the port is taken on that address or on all.
   */
  add(
    port: number,
    address: IpAddress | undefined,
    congestion: CongestionName | undefined,
    accept: (connection: Connection) => void,
    closed: () => void,
  ): PortListener {
    const others = this.#byPort.get(port) ?? [];
    for (const other of others) {
      if (
        address === undefined || other.address === undefined || address.equals(other.address)
      ) {
        throw new StackError("address-in-use", `port ${port} is already being listened on`);
      }
    }
    const listener: PortListener = {
      port,
      address,
      congestion,
      accept,
      close: () => {
        if (this.#remove(listener)) closed();
      },
    };
    this.#byPort.set(port, [...others, listener]);
    this.#size++;
    return listener;
  }

  /** Who listens on the packet's destination address and this port. */
  find(packet: IpPacket, port: number): PortListener | undefined {
    const listeners = this.#byPort.get(port);
    if (listeners === undefined) return undefined;
    for (const listener of listeners) {
      const { address } = listener;
      if (
        address === undefined ||
        address.version === packet.version &&
          address.matches(packet.bytes, packet.destinationOffset)
      ) return listener;
    }
    return undefined;
  }

  /** Whether anybody listens on a port. */
  has(port: number): boolean {
    return this.#byPort.has(port);
  }

  /** Closes them all. */
  closeAll(): void {
    for (const listeners of [...this.#byPort.values()]) {
      for (const listener of listeners) listener.close();
    }
  }

  #remove(listener: PortListener): boolean {
    const listeners = this.#byPort.get(listener.port);
    if (listeners === undefined || !listeners.includes(listener)) return false;
    const left = listeners.filter((other) => other !== listener);
    if (left.length > 0) this.#byPort.set(listener.port, left);
    else this.#byPort.delete(listener.port);
    this.#size--;
    return true;
  }
}
