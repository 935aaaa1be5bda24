import { StackError } from "./error.ts";
import { IpAddress, Prefix } from "./ip/address.ts";
import { isHostAddress, LocalAddresses } from "./ip/local_addresses.ts";
import type { Link, LinkCapabilities } from "./link.ts";
import type { StackNotice } from "./notice.ts";
import type { Sharing } from "./sharing.ts";
import type { CongestionEvent } from "./tcp/congestion_event.ts";
import type { Transition } from "./tcp/state.ts";
import type { TcpOptions } from "./tcp/tcp_options.ts";
import { HEADER_LENGTH as ETHERNET_HEADER_LENGTH } from "./wire/ethernet.ts";
import { isGroupMac, isZeroMac, MAC_LENGTH, parseMac } from "./wire/mac.ts";

/** What a stack is made with. */
export interface StackOptions {
  /** Where frames leave. */
  readonly link: Link;
  /** Our MAC address, `02:00:00:00:00:02` or its six bytes: of one station. */
  readonly mac: string | Uint8Array;
  /** Our addresses with their prefix lengths, `192.168.69.2/24`: at least one, none twice. */
  readonly addresses: readonly (string | Prefix)[];
  /** The way to everything off the link; lies in the network of one of our addresses. */
  readonly gateway?: string | IpAddress;
  /** Gives uniform unsigned 32-bit integers. Sequence numbers are as hard to guess as these. */
  readonly random: () => number;
  /** Time at the start in milliseconds; default 0. */
  readonly now?: number;
  /**
   * The time in milliseconds, on the same clock, for who asks between two calls of `receive` and
   * `poll` (`Connection.info`); without it, the time of the last call.
   */
  readonly clock?: () => number;
  /** Told each transition of a TCP connection. */
  readonly trace?: (transition: Transition) => void;
  /** Told what happens to the sending of TCP connections: losses found and mended, timeouts. */
  readonly observe?: (event: CongestionEvent) => void;
  /** Told what is worth a log line. */
  readonly notice?: (notice: StackNotice) => void;
  /** Called when a call from outside `receive` and `poll` has left work: poll soon. */
  readonly wake?: () => void;
  /** Limits and times of TCP that differ from the defaults. */
  readonly tcp?: Partial<TcpOptions>;
  /** The other stacks that have the same addresses, if this is one of several. */
  readonly sharing?: Sharing | undefined;
}

/** The addresses of an interface, checked. */
export interface InterfaceAddresses {
  /** Our MAC address: six bytes of our own. */
  readonly mac: Uint8Array;
  /** Our Internet addresses. */
  readonly local: LocalAddresses;
  /** The gateway. */
  readonly gateway: IpAddress | undefined;
}

/**
 * Checks what a stack is to be made with.
 *
 * @throws {StackError} `"invalid"`, for the first thing that makes no sense.
 */
export function checkOptions(options: StackOptions): InterfaceAddresses {
  checkCapabilities(options.link.capabilities);
  const mac = checkMac(options.mac);
  const local = checkAddresses(options.addresses);
  const gateway = options.gateway === undefined ? undefined : checkGateway(options.gateway, local);
  return { mac, local, gateway };
}

function checkCapabilities({ mtu, maxFrame }: LinkCapabilities): void {
  if (!Number.isInteger(mtu) || mtu < 576 || mtu > 65535) {
    throw new StackError("invalid", `link MTU ${mtu}: expected a whole number from 576 to 65535`);
  }
  if (maxFrame < mtu + ETHERNET_HEADER_LENGTH) {
    throw new StackError(
      "invalid",
      `largest frame of the link is ${maxFrame} bytes: expected at least ` +
        `${mtu + ETHERNET_HEADER_LENGTH} for its MTU of ${mtu}`,
    );
  }
}

function checkMac(mac: string | Uint8Array): Uint8Array {
  const bytes = typeof mac === "string" ? parseMac(mac) : mac;
  if (bytes === undefined || bytes.length !== MAC_LENGTH) {
    throw new StackError(
      "invalid",
      `MAC address "${mac}": expected six bytes, as "02:00:00:00:00:02"`,
    );
  }
  if (isGroupMac(bytes, 0) || isZeroMac(bytes, 0)) {
    throw new StackError("invalid", `MAC address "${mac}": expected that of one station`);
  }
  return bytes.slice();
}

function checkAddresses(addresses: readonly (string | Prefix)[]): LocalAddresses {
  if (addresses.length === 0) {
    throw new StackError("invalid", "no address: expected at least one, as 192.168.69.2/24");
  }
  const prefixes = addresses.map((address) => checkAddress(address));
  for (const [i, { address }] of prefixes.entries()) {
    if (prefixes.findIndex((other) => other.address.equals(address)) !== i) {
      throw new StackError("invalid", `address ${address} is there twice`);
    }
  }
  return new LocalAddresses(prefixes);
}

function checkAddress(address: string | Prefix): Prefix {
  const prefix = typeof address === "string" ? Prefix.parse(address) : address;
  if (prefix === undefined) {
    throw new StackError(
      "invalid",
      `address "${address}": expected an IPv4 address with its prefix length, as 192.168.69.2/24`,
    );
  }
  const bits = prefix.address.word3;
  const isNetwork = prefix.length < 31 && (bits & ~prefix.mask) === 0;
  if (
    prefix.address.version !== 4 || !isHostAddress(bits) || isNetwork ||
    prefix.broadcast?.equals(prefix.address)
  ) {
    throw new StackError(
      "invalid",
      `address "${prefix}": expected one that a host can have on a link, ` +
        `not that of a network, a group or the loopback`,
    );
  }
  return prefix;
}

function checkGateway(gateway: string | IpAddress, local: LocalAddresses): IpAddress {
  const address = typeof gateway === "string" ? IpAddress.parse(gateway) : gateway;
  if (address === undefined) {
    throw new StackError(
      "invalid",
      `gateway "${gateway}": expected an IPv4 address, as 192.168.69.1`,
    );
  }
  if (local.isOwn(address.word3)) {
    throw new StackError("invalid", `gateway ${address} is our own address`);
  }
  if (local.onLink(address) === undefined || local.isBroadcast(address.word3)) {
    throw new StackError(
      "invalid",
      `gateway ${address}: expected a host in the network of an address of ours ` +
        `(${local.prefixes.join(", ")})`,
    );
  }
  return address;
}
