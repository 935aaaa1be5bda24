import type { ArpCounters } from "../counters.ts";
import { IpAddress } from "../ip/address.ts";
import { isHostAddress, type LocalAddresses } from "../ip/local_addresses.ts";
import type { AddressConflictNotice } from "../notice.ts";
import * as arp from "../wire/arp.ts";
import { read16, read32 } from "../wire/bytes.ts";
import { formatMac, isGroupMac, isMac, isZeroMac, MAC_LENGTH } from "../wire/mac.ts";
import type { ArpOutput } from "./arp_output.ts";
import type { Resolver } from "./resolver.ts";

/** Shortest time between two defences of an address in ms (RFC 5227 section 1.1). */
export const DEFEND_INTERVAL = 10_000;

/** Takes in ARP packets (RFC 826): answers, learns, and defends our addresses (RFC 5227). */
export class ArpInput {
  readonly #mac: Uint8Array;
  readonly #local: LocalAddresses;
  readonly #resolver: Resolver;
  readonly #output: ArpOutput;
  readonly #counters: ArpCounters;
  readonly #notice: (notice: AddressConflictNotice) => void;
  /** When each of our addresses was last defended. */
  readonly #defendedAt = new Map<number, number>();

  /**
   * @param mac Our MAC address.
   * @param local Our Internet addresses.
   * @param resolver Learns.
   * @param output Answers.
   * @param counters What is counted.
   * @param notice Told of conflicts, at a bounded rate.
   */
  constructor(
    mac: Uint8Array,
    local: LocalAddresses,
    resolver: Resolver,
    output: ArpOutput,
    counters: ArpCounters,
    notice: (notice: AddressConflictNotice) => void,
  ) {
    this.#mac = mac;
    this.#local = local;
    this.#resolver = resolver;
    this.#output = output;
    this.#counters = counters;
    this.#notice = notice;
  }

  /**
   * Takes in one packet.
   *
   * @param bytes Where it lies.
   * @param at Index of its first byte.
   * @param length Bytes there are, link padding included.
   */
  receive(bytes: Uint8Array, at: number, length: number, now: number): void {
    const counters = this.#counters;
    if (!arp.isValid(bytes, at, length)) {
      counters.droppedMalformed++;
      return;
    }
    const senderMac = at + arp.SENDER_MAC;
    const sender = read32(bytes, at + arp.SENDER_IP);
    const target = read32(bytes, at + arp.TARGET_IP);
    const isRequest = read16(bytes, at + arp.OPERATION) === arp.REQUEST;
    if (isRequest) counters.requestsReceived++;
    else counters.repliesReceived++;
    if (isMac(bytes, senderMac, this.#mac)) return; // our own, come back to us
    // A probe comes from 0.0.0.0: its sender has no address yet (RFC 5227 section 2.1.1).
    const isProbe = sender === 0;
    if (
      isGroupMac(bytes, senderMac) || isZeroMac(bytes, senderMac) ||
      !isProbe && (!isHostAddress(sender) || this.#local.isBroadcast(sender))
    ) {
      counters.droppedMalformed++;
      return;
    }
    if (this.#local.isOwn(sender)) {
      this.#defend(sender, bytes, senderMac, now);
      return;
    }
    const wantsUs = isRequest && this.#local.isOwn(target);
    if (!isProbe) this.#resolver.learn(sender, bytes, senderMac, wantsUs, now);
    if (wantsUs) {
      this.#output.reply(target, bytes.subarray(senderMac, senderMac + MAC_LENGTH), sender, now);
    }
  }

  /** We keep the address, and say so no more than once per interval (RFC 5227 section 2.4 (c)). */
  #defend(own: number, bytes: Uint8Array, senderMac: number, now: number): void {
    this.#counters.conflicts++;
    if (now - (this.#defendedAt.get(own) ?? -Infinity) < DEFEND_INTERVAL) return;
    this.#defendedAt.set(own, now);
    const address = IpAddress.v4(own);
    this.#notice({ type: "address-conflict", address, mac: formatMac(bytes, senderMac) });
    this.#output.announce(address, now);
  }
}
