// Protocol numbers of IP payloads, in IPv4 and IPv6 alike.

/** ICMP (RFC 792). */
export const PROTOCOL_ICMP = 1;
/** TCP (RFC 9293). */
export const PROTOCOL_TCP = 6;
/** UDP (RFC 768). */
export const PROTOCOL_UDP = 17;
