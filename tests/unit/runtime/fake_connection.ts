import { IpAddress } from "../../../stack/ip/address.ts";
import type {
  CloseReason,
  Connection,
  ConnectionInfo,
  ConnectionObserver,
  Endpoint,
  KeepAlive,
  TcpState,
} from "../../../stack/tcp/api.ts";

/** A connection without a stack: the test is the peer and the network. */
export class FakeConnection implements Connection {
  readonly local: Endpoint = { address: IpAddress.parse("10.0.0.2")!, port: 7 };
  readonly remote: Endpoint = { address: IpAddress.parse("10.0.0.1")!, port: 40000 };
  state: TcpState = "Established";
  closeReason: CloseReason | undefined;
  observer: ConnectionObserver | undefined;
  noDelay: boolean | undefined;
  keepAlive: boolean | KeepAlive | undefined;
  userTimeout: number | undefined;
  /** What the owner called, in order: `closeWrite`, `close`, `abort`. */
  readonly calls: string[] = [];
  /** Everything taken by `write`, as text. */
  sent = "";
  #received: number[] = [];
  #finished = false;
  #shut = false;

  /** @param room Bytes that the send buffer has room for. */
  constructor(public room = Infinity) {}

  /** The peer sends. */
  deliver(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const taken = this.#received.length === 0
      ? this.observer?.received?.(bytes, 0, bytes.length) ?? 0
      : 0;
    this.fill(bytes.subarray(taken));
  }

  /** Bytes that lay ahead are in order now. */
  fill(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#received.push(...bytes);
    this.observer?.readable();
  }

  /** The peer says FIN. */
  finish(): void {
    this.#finished = true;
    this.state = "Close_wait";
    this.observer?.readable();
  }

  /** The peer acknowledges, and the send buffer has room for so many bytes more. */
  acknowledge(bytes: number): void {
    this.room += bytes;
    this.observer?.writable();
  }

  /** The connection ends; what was received in order and not read is kept only after goodbyes. */
  end(reason: CloseReason): void {
    if (this.closeReason !== undefined) return;
    this.closeReason = reason;
    this.state = "Closed";
    if (reason !== "closed") this.#received = [];
    this.observer?.closed(reason);
  }

  get readableBytes(): number {
    return this.#received.length;
  }

  get ended(): boolean {
    return this.#finished && this.#received.length === 0;
  }

  get writableBytes(): number {
    return this.#shut || this.closeReason !== undefined ? 0 : this.room;
  }

  read(target: Uint8Array): number {
    const bytes = this.#received.splice(0, target.length);
    target.set(bytes);
    return bytes.length;
  }

  write(source: Uint8Array): number {
    const count = Math.min(source.length, this.writableBytes);
    this.sent += new TextDecoder().decode(source.subarray(0, count));
    this.room -= count;
    return count;
  }

  closeWrite(): void {
    this.calls.push("closeWrite");
    this.#shut = true;
  }

  close(): void {
    this.calls.push("close");
    this.#shut = true;
    this.#received = [];
  }

  abort(): void {
    this.calls.push("abort");
    this.end("aborted");
  }

  setNoDelay(on: boolean): void {
    this.noDelay = on;
  }

  setKeepAlive(on: boolean | KeepAlive): void {
    this.keepAlive = on;
  }

  setUserTimeout(timeout: number): void {
    this.userTimeout = timeout;
  }

  info(): ConnectionInfo {
    return {
      state: this.state,
      congestion: "cubic",
      phase: "open",
      rtt: 0,
      rttvar: 0,
      minRtt: 0,
      rto: 1000,
      backoffs: 0,
      cwnd: 14600,
      ssthresh: Infinity,
      pacingRate: Infinity,
      deliveryRate: 0,
      mss: 1460,
      inFlight: 0,
      sacked: 0,
      lost: 0,
      delivered: this.sent.length,
      lostInAll: 0,
      reordering: false,
      sack: true,
      timestamps: true,
      ecn: false,
      sendScale: 7,
      receiveScale: 7,
      limit: "idle",
      limited: {
        idle: 0,
        application: 0,
        buffer: 0,
        receiver: 0,
        congestion: 0,
        pacing: 0,
        link: 0,
      },
      receiveAhead: 0,
      sendQueued: 0,
      sendWindow: 65535,
      receiveWindow: 65535,
      receiveQueued: this.readableBytes,
      bytesAcknowledged: this.sent.length,
      bytesReceived: 0,
      retransmissions: 0,
    };
  }
}
