import type { LocalAddresses } from "../ip/local_addresses.ts";
import type { ArpOutput } from "./arp_output.ts";

/** How often we ask and announce after the start (RFC 5227 section 1.1: PROBE_NUM). */
const ROUNDS = 3;
/** Time between two rounds in ms (PROBE_MIN). */
const INTERVAL = 1_000;

/**
 * Asks at the start whether anybody else has our addresses, and announces them (RFC 5227). We do
 * not wait for objections: they are reported when they come. More than one round, since a bridge
 * may not forward yet when we begin.
 */
export class Announcer {
  readonly #arp: ArpOutput;
  readonly #local: LocalAddresses;
  #left = 0;
  #next = Infinity;

  /**
   * @param arp Sends.
   * @param local Our addresses.
   */
  constructor(arp: ArpOutput, local: LocalAddresses) {
    this.#arp = arp;
    this.#local = local;
  }

  /** Begins, with the first round. */
  start(now: number): void {
    this.#left = ROUNDS;
    this.#next = now;
    this.poll(now);
  }

  /** Does a round if one is due. */
  poll(now: number): void {
    if (now < this.#next) return;
    for (const { address } of this.#local.prefixes) {
      this.#arp.probe(address, now);
      this.#arp.announce(address, now);
    }
    this.#left--;
    this.#next = this.#left > 0 ? now + INTERVAL : Infinity;
  }

  /** When the next round is due; `Infinity` if none is. */
  nextDeadline(): number {
    return this.#next;
  }
}
