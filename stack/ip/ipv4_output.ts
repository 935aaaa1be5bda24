import type { Ipv4Counters } from "../counters.ts";
import type { LinkCapabilities } from "../link.ts";
import type { Resolver } from "../neighbor/resolver.ts";
import { write16 } from "../wire/bytes.ts";
import * as ethernet from "../wire/ethernet.ts";
import { Frame } from "../wire/frame.ts";
import * as ipv4 from "../wire/ipv4.ts";
import { writeMac } from "../wire/mac.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import type { IpAddress } from "./address.ts";
import { Ipv4Route } from "./ipv4_route.ts";
import { isHostAddress, type LocalAddresses } from "./local_addresses.ts";
import { type IpOutput, type Route, TRANSPORT_OFFSET } from "./output.ts";

/** Time to live of what we send (RFC 1122 section 3.2.1.7, IANA's recommended value). */
export const DEFAULT_TTL = 64;
/** Routes that are kept for whoever asks for the same again; a power of two. */
const RECENT_ROUTES = 1_024;
/** Packets to ourselves that wait for the next poll. */
export const MAX_LOOPED = 256;
/** Bytes of them, with headers. */
export const MAX_LOOPED_BYTES = 1 << 20;

/** What lies between the start of the frame and the transport header, in bytes. */
const HEADERS = ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH;

/** What an {@link Ipv4Output} works with. */
export interface Ipv4OutputOptions {
  /** What the link can do. */
  readonly capabilities: LinkCapabilities;
  /** Sends to neighbors. */
  readonly resolver: Resolver;
  /** Our MAC address. */
  readonly mac: Uint8Array;
  /** Our addresses. */
  readonly local: LocalAddresses;
  /** The way to everything that is not on the link. */
  readonly gateway: IpAddress | undefined;
  /** Uniform unsigned 32-bit integers. */
  random(): number;
  /** What is counted. */
  readonly counters: Ipv4Counters;
  /** Called when the first packet to ourselves waits for {@link Ipv4Output.takeLooped}. */
  pending(): void;
}

/** Sends IPv4 packets: routes, headers, fragments (RFC 791). */
export class Ipv4Output implements IpOutput {
  readonly frame: Frame = new Frame(new Uint8Array(TRANSPORT_OFFSET + ipv4.MAX_LENGTH));
  readonly transmitChecksum: boolean;
  readonly gather: boolean;
  readonly segmentationLimit: number;
  /** The stack's time in ms, which it sets before it calls anything that may send. */
  now = 0;
  readonly #options: Ipv4OutputOptions;
  /** Connections between the same addresses share a route. */
  readonly #recent: (Ipv4Route | undefined)[] = new Array(RECENT_ROUTES).fill(undefined);
  #looped: Frame[] = [];
  #loopedBytes = 0;

  /** @param options What to work with. */
  constructor(options: Ipv4OutputOptions) {
    const { transmitChecksum, segmentation, maxFrame, gather = false } = options.capabilities;
    this.#options = options;
    this.transmitChecksum = transmitChecksum;
    this.gather = gather && transmitChecksum; // What is summed here lies in one piece.
    this.segmentationLimit = segmentation
      ? Math.min(maxFrame - HEADERS, ipv4.MAX_LENGTH - ipv4.HEADER_LENGTH)
      : 0;
  }

  route(remote: IpAddress, local?: IpAddress): Ipv4Route | undefined {
    const slot = (remote.word3 ^ remote.word3 >>> 10) & (RECENT_ROUTES - 1);
    const recent = this.#recent[slot];
    if (
      recent !== undefined && local !== undefined && local.equals(recent.local) &&
      remote.equals(recent.remote)
    ) return recent;
    const route = this.#findRoute(remote, local);
    if (route === undefined) this.#options.counters.noRoute++;
    else this.#recent[slot] = route;
    return route;
  }

  send(
    route: Route,
    protocol: number,
    length: number,
    ecn: number,
    mayFragment = false,
  ): boolean {
    const { frame } = this;
    const { mtu } = route;
    let sent: boolean;
    if (length + ipv4.HEADER_LENGTH <= mtu || frame.segmentSize > 0) {
      // A packet that may not be fragmented needs no identification (RFC 6864 section 4.1).
      sent = protocol === PROTOCOL_TCP && !mayFragment
        ? this.#emit(route as Ipv4Route, protocol, 0, length, 0, ipv4.DONT_FRAGMENT, ecn)
        : this.#emit(route as Ipv4Route, protocol, 0, length, this.#identification(), 0, ecn);
    } else sent = this.#sendFragments(route as Ipv4Route, protocol, length);
    frame.clearOffload();
    return sent;
  }

  /** Whether packets to ourselves wait to be received. */
  get hasLooped(): boolean {
    return this.#looped.length > 0;
  }

  /** Takes the packets to ourselves, as frames of which the Ethernet header means nothing. */
  takeLooped(): Frame[] {
    const looped = this.#looped;
    this.#looped = [];
    this.#loopedBytes = 0;
    return looped;
  }

  #findRoute(remote: IpAddress, local: IpAddress | undefined): Ipv4Route | undefined {
    const { local: own, gateway, capabilities } = this.#options;
    if (remote.version !== 4) return undefined;
    if (local !== undefined && (local.version !== 4 || !own.isOwn(local.word3))) return undefined;
    if (own.isOwn(remote.word3)) {
      return new Ipv4Route(local ?? remote, remote, ipv4.MAX_LENGTH, undefined);
    }
    if (!isHostAddress(remote.word3) || own.isBroadcast(remote.word3)) return undefined;
    const nextHop = own.onLink(remote) !== undefined ? remote : gateway;
    if (nextHop === undefined) return undefined;
    const from = local ?? own.onLink(nextHop)!.address;
    return new Ipv4Route(from, remote, Math.min(capabilities.mtu, ipv4.MAX_LENGTH), nextHop);
  }

  #identification(): number {
    // Unpredictable, so that nobody can count our packets or slip in fragments (RFC 7739).
    return this.#options.random() & 0xffff;
  }

  #sendFragments(route: Ipv4Route, protocol: number, length: number): boolean {
    const { counters } = this.#options;
    if (
      protocol === PROTOCOL_TCP || this.frame.checksum === "partial" ||
      length + ipv4.HEADER_LENGTH > ipv4.MAX_LENGTH
    ) {
      counters.tooLarge++;
      return false;
    }
    counters.packetsFragmented++;
    const identification = this.#identification();
    const most = (route.mtu - ipv4.HEADER_LENGTH) & ~7;
    let sent = true;
    for (let start = 0; start < length; start += most) {
      const isLast = start + most >= length;
      const field = start >>> 3 | (isLast ? 0 : ipv4.MORE_FRAGMENTS);
      const size = isLast ? length - start : most;
      if (!this.#emit(route, protocol, start, size, identification, field, 0)) sent = false;
    }
    return sent;
  }

  /**
   * Sends a part of what the transport wrote. Its headers are written right before it: for all but
   * the first that is over the end of the part before, which has left by then.
   *
   * @param start Offset of the part in what the transport wrote.
   * @param length Length of the part in bytes.
   * @param field Flags and fragment offset.
   * @param ecn Bits of explicit congestion notification.
   */
  #emit(
    route: Ipv4Route,
    protocol: number,
    start: number,
    length: number,
    identification: number,
    field: number,
    ecn: number,
  ): boolean {
    const { frame, now } = this;
    const { bytes } = frame;
    const { mac, resolver, counters } = this.#options;
    const at = TRANSPORT_OFFSET + start - HEADERS;
    frame.offset = at;
    frame.length = HEADERS + length;
    // The transport counted from its own header.
    if (frame.checksum === "partial") frame.checksumStart += HEADERS;
    if (frame.segmentSize > 0) frame.headerLength += HEADERS;
    writeMac(bytes, at + ethernet.SOURCE, mac);
    write16(bytes, at + ethernet.TYPE, ethernet.TYPE_IPV4);
    ipv4.emit(
      bytes,
      at + ethernet.HEADER_LENGTH,
      ipv4.HEADER_LENGTH + length,
      identification,
      field,
      DEFAULT_TTL,
      protocol,
      route.local.word3,
      route.remote.word3,
      ecn,
    );
    counters.packetsSent++;
    if (route.nextHop === undefined) return this.#loop(frame);
    let neighbor = route.neighbor;
    if (neighbor === undefined || neighbor.state === "evicted") {
      neighbor = route.neighbor = resolver.neighbor(route.nextHop, now);
    }
    return resolver.transmit(neighbor, frame, now);
  }

  #loop(frame: Frame): boolean {
    const { counters } = this.#options;
    if (
      this.#looped.length === MAX_LOOPED || this.#loopedBytes + frame.length > MAX_LOOPED_BYTES
    ) {
      counters.droppedLoopFull++;
      return false;
    }
    counters.packetsLooped++;
    this.#loopedBytes += frame.length;
    this.#looped.push(frame.clone());
    if (this.#looped.length === 1) this.#options.pending();
    return true;
  }
}
