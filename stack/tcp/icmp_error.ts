import type { IcmpErrorType } from "../icmp/error.ts";
import { SMALLEST_MTU } from "../wire/ipv4.ts";
import { TCP_HEADER_LENGTH, TIMESTAMPS_LENGTH } from "../wire/tcp.ts";
import { PathMtu } from "./path_mtu.ts";
import type { Tcb } from "./tcb.ts";
import { teardown, transition } from "./transition.ts";

/**
 * An ICMP error that quotes a segment of this connection which is in flight (RFC 5927 section 4).
 *
 * Only the opening of a connection may fail by it, and only by what RFC 1122 section 4.2.3.9 calls
 * a hard error. In a synchronized state every error is soft (RFC 5927 section 5.2): what the
 * network says unasked ends no connection that works.
 *
 * @param tcb The connection.
 * @param type What the network reports.
 * @param mtu With `"fragmentation-needed"`: the next hop's MTU in bytes.
 */
export function icmpErrorArrives(tcb: Tcb, type: IcmpErrorType, mtu: number): void {
  switch (type) {
    case "fragmentation-needed":
      lowerSegmentSize(tcb, mtu, tcb.services.now);
      return;
    case "port-unreachable":
    case "protocol-unreachable":
      if (tcb.state === "Syn_sent") {
        transition(tcb, "Timeout");
        teardown(tcb, type === "port-unreachable" ? "refused" : "unreachable");
        return;
      }
      tcb.softError = true;
      return;
    default:
      tcb.softError = true;
  }
}

/**
 * Path MTU discovery (RFC 1191): what was too large is sent again in smaller segments. An MTU that
 * no link has is not believed.
 */
function lowerSegmentSize(tcb: Tcb, mtu: number, now: number): void {
  const options = tcb.timestamps ? TIMESTAMPS_LENGTH : 0;
  const mss = mtu - tcb.route.headerLength - TCP_HEADER_LENGTH - options;
  if (mtu < SMALLEST_MTU || mss >= tcb.sndMss) return;
  tcb.pathMtu ??= new PathMtu();
  if (!tcb.pathMtu.tooLarge(tcb, mss, now)) return;
  tcb.recovery?.tooLarge(tcb);
  tcb.services.touch(tcb);
}
