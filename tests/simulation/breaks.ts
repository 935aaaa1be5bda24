/** A fault that is made on purpose, to see whether the simulation finds it. */
export interface Break {
  /** What is wrong then. */
  readonly name: string;
  /** File from the root of the project. */
  readonly file: string;
  /** A piece of it, which is there exactly once. */
  readonly search: string;
  /** What takes its place. */
  readonly replacement: string;
}

/** The faults: each in another part of TCP, each one that somebody has made somewhere. */
export const BREAKS: readonly Break[] = [
  {
    name: "a segment that overlaps what is there is appended whole",
    file: "stack/tcp/receive.ts",
    search: "    segment.offset += cut;\n",
    replacement: "",
  },
  {
    name: "numbers are compared without their wrap",
    file: "stack/tcp/sequence.ts",
    search: "  return ((a - b) | 0) < 0;",
    replacement: "  return (a >>> 0) < (b >>> 0);",
  },
  {
    name: "the peer's window is scaled once too often",
    file: "stack/tcp/acknowledgment.ts",
    search: "tcb.sndWnd = segment.window << tcb.sndScale;",
    replacement: "tcb.sndWnd = segment.window << (tcb.sndScale + 1);",
  },
  {
    name: "ranges ahead are joined with the end of the later one",
    file: "stack/tcp/reassembly.ts",
    search: "this.#ends[from] = seqLt(last, end) ? end : last;",
    replacement: "this.#ends[from] = end;",
  },
  {
    name: "a ring that grows forgets what has wrapped round",
    file: "stack/tcp/byte_ring.ts",
    search: "    larger.set(old.subarray(0, this.#start), old.length - this.#start);\n",
    replacement: "",
  },
  {
    name: "what the peer has reported and thrown away is never sent again",
    file: "stack/tcp/loss_recovery.ts",
    search: "if (flight.head?.sacked) flight.forgetSacked();",
    replacement: "",
  },
  {
    name: "an old window is kept with a new acknowledgment",
    file: "stack/tcp/acknowledgment.ts",
    search: "seqLeq(ack, tcb.sndWl2) && seqLt(seq, tcb.sndWl1)",
    replacement: "seqLt(seq, tcb.sndWl1)",
  },
  {
    name: "nobody asks whether a closed window has opened",
    file: "stack/tcp/send.ts",
    search:
      '    tcb.sendTimer = "persist";\n    tcb.retries = 0;\n    tcb.sendDeadline = now + rto.current;',
    replacement: '    tcb.sendTimer = "persist";\n    tcb.retries = 0;',
  },
  {
    name: "the FIN leaves before the last bytes",
    file: "stack/tcp/send.ts",
    search: "const fin = finOpen && length === left;",
    replacement: "const fin = finOpen && at + length >= queued - 1;",
  },
  {
    name: "a FIN that came ahead counts at once",
    file: "stack/tcp/receive.ts",
    search: "if (tcb.rcvFin !== tcb.rcvNxt || !canReceive(tcb.state)) return;",
    replacement: "if (tcb.rcvFin === undefined || !canReceive(tcb.state)) return;",
  },
  {
    name: "checksums are not verified",
    file: "stack/tcp/tcp.ts",
    search: "if (!packet.checksumVerified && !checksumHolds(packet)) {",
    replacement: "if (packet.payloadLength < 0 && !checksumHolds(packet)) {",
  },
  {
    name: "a connection that ends leaves its timer",
    file: "stack/tcp/transition.ts",
    search: "  wheel.cancel(tcb);\n",
    replacement: "",
  },
  {
    name: "the receive window forgets what is unread",
    file: "stack/tcp/emit.ts",
    search: "Math.min(limit - tcb.receiveQueued,",
    replacement: "Math.min(limit,",
  },
  {
    name: "reading does not open the window",
    file: "stack/tcp/send.ts",
    search: "  return next > current && next >= 2 * current;",
    replacement: "  return next < 0;",
  },
  {
    name: "an acknowledgment of what was never sent is taken",
    file: "stack/tcp/receive.ts",
    search: "if (seqLeq(ack, tcb.sndMax) && seqGeq(",
    replacement: "if (seqGeq(",
  },
  {
    name: "any reset in the window is taken",
    file: "stack/tcp/receive.ts",
    search: "if (offset === 0 || (offset === -1 && finConsumed)) {",
    replacement: "if ((offset >= 0 && offset < tcb.rcvWnd) || (offset === -1 && finConsumed)) {",
  },
  {
    name: "a SYN in an open connection resets it",
    file: "stack/tcp/receive.ts",
    search:
      "    sendChallengeAck(tcb); // RFC 5961 section 4: whatever its number and its timestamp\n",
    replacement:
      '    sendReset(tcb);\n    transition(tcb, "Send_rst");\n    teardown(tcb, "reset");\n',
  },
  {
    name: "a lone segment is never acknowledged",
    file: "stack/tcp/send.ts",
    search: "tcb.ackDeadline = now + tcb.services.options.delayedAck;",
    replacement: "tcb.ackDeadline = Infinity;",
  },
  {
    name: "SACK blocks end one number too late",
    file: "stack/tcp/sack_report.ts",
    search: "      this.ends[count++] = ahead.end(index);",
    replacement: "      this.ends[count++] = (ahead.end(index) + 1) | 0;",
  },
  {
    name: "FIN_WAIT_2 waits for ever",
    file: "stack/tcp/send.ts",
    search: "tcb.waitDeadline = now + tcb.services.options.finWait2Timeout;",
    replacement: "tcb.waitDeadline = Infinity;",
  },
  {
    name: "PAWS lets old segments pass and keeps their timestamps",
    file: "stack/tcp/receive.ts",
    search: "    seqLt(segment.timestamp, tcb.timestampRecent) &&\n",
    replacement: "    seqLt(segment.timestamp, tcb.timestampRecent) && now < 0 &&\n",
  },
  {
    name: "the peer's MSS does not count",
    file: "stack/tcp/handshake.ts",
    search: "Math.min(segment.mss || DEFAULT_MSS, tcb.localMss)",
    replacement: "tcb.localMss",
  },
];
