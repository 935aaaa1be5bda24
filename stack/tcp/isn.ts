import type { IpAddress } from "../ip/address.ts";
import { sipHash } from "./siphash.ts";

/** Ticks of the 4 µs clock of RFC 6528 in a millisecond. */
const TICKS_PER_MS = 250;

/**
 * Numbers that a stranger must not guess: initial sequence numbers (RFC 6528), SYN cookies, and
 * where to begin looking for a local port (RFC 6056 section 3.3.3). All depend on the connection's
 * addresses and ports through a hash under a key of this stack's own.
 */
export class SecretNumbers {
  readonly #key: Int32Array;
  readonly #words = new Int32Array(10);
  readonly #cookieWords = new Int32Array(14);

  /** @param random Gives uniform unsigned 32-bit integers; asked for the key, four times. */
  constructor(random: () => number) {
    this.#key = Int32Array.from({ length: 4 }, () => random() | 0);
  }

  /**
   * ISN = M + F(local address, local port, remote address, remote port, key).
   *
   * @param now Time in milliseconds, from which M, the 4 µs clock, is taken.
   * @returns A signed 32-bit integer.
   */
  initialSequence(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    now: number,
  ): number {
    const ticks = Math.floor(now * TICKS_PER_MS);
    return (ticks + this.#hash(local, localPort, remote, remotePort, 0)) | 0;
  }

  /** An offset into the range of local ports for connections to this remote end. */
  portOffset(local: IpAddress, remote: IpAddress, remotePort: number): number {
    return this.#hash(local, 0, remote, remotePort, 1) >>> 0;
  }

  /** Which of the counters of local ports counts for this remote end (RFC 6056 section 3.3.4). */
  portCounter(local: IpAddress, remote: IpAddress, remotePort: number): number {
    return this.#hash(local, 0, remote, remotePort, 5) >>> 0;
  }

  /** What a connection's timestamps differ from the clock by (RFC 7323 section 7.1). */
  timestampOffset(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
  ): number {
    return this.#hash(local, localPort, remote, remotePort, 2);
  }

  /** What hides the plain bits of a SYN cookie from strangers. */
  cookieMask(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
  ): number {
    return this.#hash(local, localPort, remote, remotePort, 3);
  }

  /**
   * What makes a SYN cookie impossible to invent.
   *
   * @param irs Sequence number of the SYN.
   * @param clock A count that moves slowly.
   * @param data What else the cookie vouches for.
   */
  cookie(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    irs: number,
    clock: number,
    data: number,
  ): number {
    const words = this.#cookieWords;
    this.#fill(words, local, localPort, remote, remotePort, 4);
    words[10] = irs;
    words[11] = clock;
    words[12] = data;
    return sipHash(this.#key, words);
  }

  #hash(a: IpAddress, aPort: number, b: IpAddress, bPort: number, purpose: number): number {
    this.#fill(this.#words, a, aPort, b, bPort, purpose);
    return sipHash(this.#key, this.#words);
  }

  #fill(
    words: Int32Array,
    a: IpAddress,
    aPort: number,
    b: IpAddress,
    bPort: number,
    purpose: number,
  ): void {
    words[0] = a.word0;
    words[1] = a.word1;
    words[2] = a.word2;
    words[3] = a.word3;
    words[4] = b.word0;
    words[5] = b.word1;
    words[6] = b.word2;
    words[7] = b.word3;
    words[8] = aPort << 16 | bPort;
    words[9] = purpose;
  }
}
