/** What TCP has counted since the stack began. Every drop has a reason. */
export class TcpCounters {
  /** Segments received, good or bad. */
  segmentsReceived = 0;
  /** Segments sent, retransmissions included. */
  segmentsSent = 0;
  /** Payload bytes received in order. */
  bytesReceived = 0;
  /** Payload bytes sent for the first time. */
  bytesSent = 0;
  /** Payload bytes sent again. */
  bytesRetransmitted = 0;
  /** Segments sent again: data, SYN, SYN-ACK or FIN. */
  segmentsRetransmitted = 0;
  /** Retransmission timeouts that expired. */
  retransmissionTimeouts = 0;
  /** Recoveries entered because RACK or duplicate ACKs found a loss (RFC 8985, RFC 5681). */
  fastRetransmits = 0;
  /** Reductions of the window that turned out needless and were taken back. */
  recoveriesUndone = 0;
  /** Segments with text that a router has marked (RFC 3168). */
  congestionMarksReceived = 0;
  /** Reductions of the window because the peer reported a mark (RFC 3168). */
  congestionReductions = 0;
  /** Tail loss probes sent (RFC 8985). */
  tailLossProbes = 0;
  /** Acknowledgments that report something received twice (RFC 2883). */
  duplicateSacksReceived = 0;
  /** SACK blocks of which a part was not believed: they had cut what was sent into too many pieces. */
  sackBlocksIgnored = 0;
  /** Window probes sent (RFC 9293 section 3.8.6.1). */
  windowProbes = 0;
  /** Keepalive probes sent. */
  keepAliveProbes = 0;
  /** RST segments sent. */
  resetsSent = 0;
  /** RST segments received and accepted. */
  resetsReceived = 0;
  /** Challenge ACKs sent (RFC 5961). */
  challengeAcksSent = 0;
  /** Challenge ACKs withheld because their connection has had enough (RFC 5961 section 7). */
  challengeAcksLimited = 0;
  /** Challenge ACKs withheld because the whole stack has sent enough in this second. */
  challengeAcksExhausted = 0;
  /** Duplicate ACKs received (RFC 5681 section 2). */
  duplicateAcksReceived = 0;
  /** Segments received out of order and kept. */
  segmentsOutOfOrder = 0;
  /** Active opens begun. */
  activeOpens = 0;
  /** SYNs accepted by a listener. */
  passiveOpens = 0;
  /** SYNs answered with a cookie because the half-open table was full (RFC 4987). */
  synCookiesSent = 0;
  /** Connections that began with the acknowledgment of a cookie. */
  synCookiesAccepted = 0;
  /** Acknowledgments that were none of a cookie while some were out (answered with RST). */
  synCookiesRejected = 0;
  /** Connections that became Established. */
  connectionsEstablished = 0;
  /** Connections that ended by the goodbye of both sides. */
  connectionsClosed = 0;
  /** Active opens that failed. */
  attemptsFailed = 0;
  /** Connections reset by the peer. */
  connectionsReset = 0;
  /** Connections reset by this side. */
  connectionsAborted = 0;
  /** Connections given up because the peer no longer answered. */
  connectionsTimedOut = 0;
  /** Those of them whose user timeout ran out (RFC 5482). */
  userTimeouts = 0;
  /** Those of them that their application had closed. */
  orphansTimedOut = 0;
  /** Connections reset after `close()` because too many waited for their peers. */
  orphansReset = 0;
  /** Connections reset because they held memory without progress while it was scarce. */
  hoardersReset = 0;
  /** Times that a connection's out-of-order data was dropped for want of memory (RFC 2018 section 8). */
  aheadPruned = 0;
  /** Half-open connections dropped because the handshake was never completed. */
  halfOpenTimedOut = 0;
  /** Connections whose TIME_WAIT was cut short because there were too many. */
  timeWaitEvicted = 0;
  /** Connections whose FIN_WAIT_2 ended by its timer. */
  finWait2Expired = 0;
  /** Bytes received after `close()` and discarded by the lingering close. */
  lingerBytesDiscarded = 0;
  /** ICMP errors that named a connection and passed the checks of RFC 5927. */
  icmpErrorsAccepted = 0;
  /** ICMP errors that named no connection or a sequence number not in flight. */
  icmpErrorsIgnored = 0;
  /** Segment sizes lowered because ICMP said that a packet was too large (RFC 1191). */
  pathMtuLowered = 0;
  /** The same, put off because segments of that size had come through (RFC 5927 section 7.2). */
  pathMtuDoubted = 0;
  /** Connections whose segments routers may fragment, since ICMP names an MTU below 552. */
  pathMtuTiny = 0;
  /** Segment sizes lowered because large segments went unanswered time after time (RFC 4821). */
  blackHolesSuspected = 0;
  /** Segment sizes restored because smaller segments went unanswered, too. */
  blackHolesDismissed = 0;
  /** Segment sizes raised again because a larger segment had come through. */
  pathMtuRaised = 0;
  /** Packets for no connection here that were handed to another stack (see `Sharing`). */
  handedOver = 0;
  /** Dropped: the same, for want of room. */
  droppedHandOver = 0;
  /** Segments with an option list that breaks the format; the rest of the list was ignored. */
  optionsMalformed = 0;
  /** Dropped: shorter than its header says or than a header can be. */
  droppedMalformed = 0;
  /** Dropped: wrong checksum. */
  droppedChecksum = 0;
  /** Dropped: addressed to a broadcast or multicast address. */
  droppedGroup = 0;
  /** Dropped: nobody listens there (answered with RST unless it was one). */
  droppedNoConnection = 0;
  /** Dropped: outside the receive window (answered with ACK unless RST). */
  droppedOutOfWindow = 0;
  /** Dropped: ACK bit missing where it must be. */
  droppedNoAck = 0;
  /** Dropped: older than what was received before, by its timestamp (RFC 7323 section 5). */
  droppedOldTimestamp = 0;
  /** Dropped: without a timestamp where both sides have agreed on them. */
  droppedNoTimestamp = 0;
  /** Dropped: acknowledges what was never sent, or too old (RFC 5961 section 5). */
  droppedBadAck = 0;
  /** Dropped: RST that is neither exact nor in the window. */
  droppedBadReset = 0;
  /** Dropped: SYN when the half-open table was full and cookies were off. */
  droppedHalfOpenFull = 0;
  /** Dropped: SYN, or acknowledgment of a cookie, when the connection table was full. */
  droppedTableFull = 0;
  /** Dropped: out-of-order data past the bound on ranges. */
  droppedReassembly = 0;
  /** Dropped, whole or in part: data that the memory of the stack had no room for. */
  droppedMemory = 0;
  /** Dropped: data after the peer's FIN. */
  droppedAfterFin = 0;
  /** Segments lost on the spot because the link or the neighbor queue was full. */
  droppedLinkFull = 0;
}
