import type { TcpCounters } from "./tcp/counters.ts";

/** What passed the link, and the frames that went no further. */
export class LinkCounters {
  /** Frames received, good or bad. */
  framesReceived = 0;
  /** Bytes in them. */
  bytesReceived = 0;
  /** Frames that the link took. */
  framesSent = 0;
  /** Bytes in them. */
  bytesSent = 0;
  /** Frames that the link refused: lost. */
  sendRefused = 0;
  /** Dropped: shorter than an Ethernet header. */
  droppedShort = 0;
  /** Dropped: to the MAC address of another station. */
  droppedNotForUs = 0;
  /** Dropped: to a multicast group; this stack is in none. */
  droppedMulticast = 0;
  /** Dropped: from a group or from nobody, which no station is. */
  droppedBadSource = 0;
  /** Dropped: neither IPv4 nor ARP. */
  droppedUnknownType = 0;
}

/** ARP, and the packets that wait for it. */
export class ArpCounters {
  /** Requests received. */
  requestsReceived = 0;
  /** Replies received, asked for or not. */
  repliesReceived = 0;
  /** Requests sent, by broadcast or to refresh an entry. */
  requestsSent = 0;
  /** Replies sent. */
  repliesSent = 0;
  /** Questions sent whether anybody has our address (RFC 5227). */
  probesSent = 0;
  /** Announcements of our own addresses sent. */
  announcementsSent = 0;
  /** Times that another station claimed one of our addresses. */
  conflicts = 0;
  /** Addresses that did not answer within all tries. */
  resolutionsFailed = 0;
  /** Entries that made room for another. */
  evicted = 0;
  /** Packets that had to wait for an address. */
  packetsQueued = 0;
  /** Dropped: packets that waited for an address, for want of room. */
  droppedQueueFull = 0;
  /** Dropped: packets whose next hop did not answer. */
  droppedUnresolved = 0;
  /** Dropped: ARP packets of another format, or with addresses that no station has. */
  droppedMalformed = 0;
}

/** IPv4, without what became of a packet in the protocol above. */
export class Ipv4Counters {
  /** Packets received, good or bad; fragments count one by one. */
  packetsReceived = 0;
  /** Packets given to the protocol above; a reassembled one counts once. */
  packetsDelivered = 0;
  /** Packets sent, fragments and packets to ourselves included. */
  packetsSent = 0;
  /** Packets sent to one of our own addresses. */
  packetsLooped = 0;
  /** Packets that were sent in fragments. */
  packetsFragmented = 0;
  /** Times that a way was looked for and nothing leads to the destination. */
  noRoute = 0;
  /** Packets that could not be sent: larger than a packet, or than the path and not divisible. */
  tooLarge = 0;
  /** Dropped: packets to ourselves for which the queue had no room. */
  droppedLoopFull = 0;
  /** Dropped: version other than 4. */
  droppedBadVersion = 0;
  /** Dropped: header or total length impossible. */
  droppedBadLength = 0;
  /** Dropped: wrong header checksum. */
  droppedBadChecksum = 0;
  /** Dropped: options whose lengths do not hold. */
  droppedBadOptions = 0;
  /** Dropped: a source route leads on from here, and this stack does not forward. */
  droppedSourceRoute = 0;
  /** Dropped: from a broadcast, multicast, loopback or reserved address, or from one of ours. */
  droppedBadSource = 0;
  /** Dropped: to an address that is none of ours. */
  droppedNotForUs = 0;
  /** Dropped: to one host only, in a frame to all (RFC 1122 section 3.3.6). */
  droppedLinkBroadcast = 0;
  /** Dropped: of a protocol that is not spoken here. */
  droppedUnknownProtocol = 0;
  /** Fragments received, good or bad. */
  fragmentsReceived = 0;
  /** Datagrams put together from fragments. */
  reassembled = 0;
  /** Fragments dropped: length or offset impossible. */
  droppedBadFragment = 0;
  /** Fragments dropped: exact repetitions of one that is there. */
  droppedDuplicateFragment = 0;
  /** Fragments dropped because they, or others of their datagram, overlap (RFC 5722). */
  droppedOverlap = 0;
  /** Fragments dropped: more than reassembly has room for; the oldest datagrams go first. */
  droppedReassemblyFull = 0;
  /** Fragments dropped: others of their datagram did not come in time. */
  droppedReassemblyTimeout = 0;
}

/** ICMP for IPv4. */
export class IcmpCounters {
  /** Messages received, good or bad. */
  messagesReceived = 0;
  /** Messages sent. */
  messagesSent = 0;
  /** Echo requests answered. */
  echoesAnswered = 0;
  /** Received errors handed to TCP. */
  errorsDelivered = 0;
  /** Errors sent: unreachable or time exceeded. */
  errorsSent = 0;
  /** Errors withheld by the rate limit. */
  errorsLimited = 0;
  /** Dropped: shorter than a header. */
  droppedBadLength = 0;
  /** Dropped: wrong checksum. */
  droppedBadChecksum = 0;
  /** Dropped: to a group. */
  droppedGroup = 0;
  /** Dropped: errors whose quoted packet is not one of ours, or says too little. */
  droppedBadQuote = 0;
  /** Dropped: of a type that nobody here waits for. */
  droppedUnknownType = 0;
}

/** UDP. */
export class UdpCounters {
  /** Datagrams received, good or bad. */
  datagramsReceived = 0;
  /** Datagrams given to whoever has bound the port. */
  datagramsDelivered = 0;
  /** Dropped: length impossible. */
  droppedBadLength = 0;
  /** Dropped: wrong checksum. */
  droppedBadChecksum = 0;
  /** Dropped: nobody on that port. */
  droppedNoPort = 0;
}

/** What a stack has counted since it began, layer by layer. Every drop has a reason. */
export interface Counters {
  /** The link. */
  readonly link: Readonly<LinkCounters>;
  /** ARP. */
  readonly arp: Readonly<ArpCounters>;
  /** IPv4. */
  readonly ipv4: Readonly<Ipv4Counters>;
  /** ICMP. */
  readonly icmp: Readonly<IcmpCounters>;
  /** UDP. */
  readonly udp: Readonly<UdpCounters>;
  /** TCP. */
  readonly tcp: Readonly<TcpCounters>;
}
