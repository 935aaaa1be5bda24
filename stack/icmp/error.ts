/**
 * What an ICMP error says of a packet of ours (RFC 792, RFC 1122 section 3.2.2, RFC 1812 section
 * 5.2.7), whatever the version of ICMP.
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
