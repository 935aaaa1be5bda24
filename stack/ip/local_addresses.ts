import type { IpAddress, Prefix } from "./address.ts";

/** The limited broadcast address 255.255.255.255, as 32 signed bits. */
const LIMITED_BROADCAST = -1;

/**
 * Whether an IPv4 address can be that of a host: not of this network (0/8), loopback (127/8),
 * multicast (224/4), reserved or broadcast (240/4).
 *
 * @param bits The address as 32 bits.
 */
export function isHostAddress(bits: number): boolean {
  const net = bits >>> 24;
  return net !== 0 && net !== 127 && net < 224;
}

/** The IPv4 addresses of the interface and the networks that they lie in. */
export class LocalAddresses {
  /** The addresses with their prefix lengths; never empty. The first is the one preferred. */
  readonly prefixes: readonly Prefix[];
  readonly #own: Int32Array;
  readonly #broadcasts: Int32Array;

  /** @param prefixes At least one. */
  constructor(prefixes: readonly Prefix[]) {
    this.prefixes = prefixes;
    this.#own = Int32Array.from(prefixes, (prefix) => prefix.address.word3);
    const directed = prefixes.flatMap((prefix) => prefix.broadcast?.word3 ?? []);
    this.#broadcasts = Int32Array.of(LIMITED_BROADCAST, ...directed);
  }

  /** Whether an address, as 32 signed bits, is one of ours. */
  isOwn(bits: number): boolean {
    return includes(this.#own, bits);
  }

  /** Whether an address, as 32 signed bits, is the limited or one of our directed broadcasts. */
  isBroadcast(bits: number): boolean {
    return includes(this.#broadcasts, bits);
  }

  /** The longest of our prefixes that an address lies in; `undefined` if it is not on the link. */
  onLink(address: IpAddress): Prefix | undefined {
    let longest: Prefix | undefined;
    for (const prefix of this.prefixes) {
      if (prefix.contains(address) && prefix.length > (longest?.length ?? -1)) longest = prefix;
    }
    return longest;
  }
}

/** A plain loop: there are few addresses, and this runs for every packet. */
function includes(list: Int32Array, bits: number): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === bits) return true;
  return false;
}
