import type { IpPacket } from "../ip/packet.ts";
import * as icmp from "../wire/icmp.ts";

/**
 * What an error report says of a packet that we sent, whichever version of ICMP said it.
 *
 * - `"net-unreachable"`, `"host-unreachable"`: nothing leads there now, or it does not answer.
 * - `"protocol-unreachable"`, `"port-unreachable"`: it was reached, and nobody is there.
 * - `"fragmentation-needed"`: larger than a link on the path carries.
 * - `"source-route-failed"`: a source route could not be followed; we never ask for one.
 * - `"admin-prohibited"`: a filter is in the way.
 * - `"time-exceeded"`: too many hops, or fragments that did not come in time.
 * - `"parameter-problem"`: somebody did not understand the header.
 */
export type IcmpErrorType =
  | "net-unreachable"
  | "host-unreachable"
  | "protocol-unreachable"
  | "port-unreachable"
  | "fragmentation-needed"
  | "source-route-failed"
  | "admin-prohibited"
  | "time-exceeded"
  | "parameter-problem";

/** Who is told of errors about packets that it sent. */
export interface IcmpErrorReceiver {
  /**
   * An error was reported. Anybody can send such a report: it is a hint until the transport has
   * found the connection and checked that the quoted numbers are in flight (RFC 5927 section 4).
   *
   * @param type What it says.
   * @param quoted The packet that caused it, from us: a view of its header and of at least 8 bytes
   *   of payload, valid during the call.
   * @param mtu With `"fragmentation-needed"`: largest packet that the next hop takes, in bytes, as
   *   the router says; where it does not, as is likely (RFC 1191 section 5). Otherwise 0.
   * @param now The stack's time in ms.
   * @param error The packet that reports it, valid during the call.
   */
  icmpError(
    type: IcmpErrorType,
    quoted: IpPacket,
    mtu: number,
    now: number,
    error: IpPacket,
  ): void;
  /**
   * A packet could not be delivered because the next hop does not answer on the link. That we know
   * ourselves, so it can be believed.
   *
   * @param dropped The packet, valid during the call.
   * @param now The stack's time in ms.
   */
  neighborUnreachable(dropped: IpPacket, now: number): void;
}

/** Meanings of the codes 0 to 15 of "destination unreachable" (RFC 1122 section 3.2.2.1, RFC 1812). */
const UNREACHABLE: readonly IcmpErrorType[] = [
  "net-unreachable",
  "host-unreachable",
  "protocol-unreachable",
  "port-unreachable",
  "fragmentation-needed",
  "source-route-failed",
  "net-unreachable", // network unknown
  "host-unreachable", // host unknown
  "host-unreachable", // source host isolated
  "admin-prohibited", // network
  "admin-prohibited", // host
  "net-unreachable", // for this type of service
  "host-unreachable", // for this type of service
  "admin-prohibited", // communication
  "admin-prohibited", // host precedence violation
  "admin-prohibited", // precedence cutoff
];

/** What type and code of an ICMP message for IPv4 mean; `undefined` if it is no error we heed. */
export function errorType(type: number, code: number): IcmpErrorType | undefined {
  switch (type) {
    case icmp.UNREACHABLE:
      return UNREACHABLE[code];
    case icmp.TIME_EXCEEDED:
      return "time-exceeded";
    case icmp.PARAMETER_PROBLEM:
      return "parameter-problem";
  }
  return undefined;
}
