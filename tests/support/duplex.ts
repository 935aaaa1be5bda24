/**
 * A connection in memory, between a server under test and a client that is the test: the test
 * decides byte by byte what the server reads in one go, sees each of its writes, and can stall it,
 * end the stream or reset the connection. Nothing waits for time.
 */

const encoder = new TextEncoder();

/** Text of one character per byte, or bytes. */
export type Data = string | Uint8Array;

/** Turns text of characters up to U+00FF into bytes. */
export function bytesOf(data: Data): Uint8Array {
  if (typeof data !== "string") return data;
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) bytes[i] = data.charCodeAt(i);
  return bytes;
}

/** Turns bytes into text of one character per byte. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4_096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  }
  return text;
}

/** Lets everything that is ready to run do so: one turn of the event loop. */
export function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port2.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port1.postMessage(0);
  });
}

/** What the server's end is: as much of `Deno.TcpConn` as a server of byte streams needs. */
export class ServerEnd {
  readonly localAddr: Deno.NetAddr = { transport: "tcp", hostname: "192.168.69.2", port: 80 };
  readonly remoteAddr: Deno.NetAddr = { transport: "tcp", hostname: "192.168.69.1", port: 40000 };
  /** `close` was called. */
  closed = false;
  /** `abort` was called. */
  aborted = false;

  readonly #client: ClientEnd;
  #reading: { p: Uint8Array; settle: PromiseWithResolvers<number | null> } | undefined;
  #writing: { p: Uint8Array; settle: PromiseWithResolvers<number> } | undefined;

  constructor(client: ClientEnd) {
    this.#client = client;
  }

  /** Whether a read waits for the client. */
  get reading(): boolean {
    return this.#reading !== undefined;
  }

  /** How many bytes the read that waits can take. */
  get room(): number {
    return this.#reading?.p.length ?? 0;
  }

  /** Whether a write waits for the client. */
  get writing(): boolean {
    return this.#writing !== undefined;
  }

  read(p: Uint8Array): Promise<number | null> {
    if (this.#reading !== undefined) throw new Error("two reads at once");
    if (p.length === 0) throw new Error("a read into no memory");
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("closed"));
    const settle = Promise.withResolvers<number | null>();
    this.#reading = { p, settle };
    this.serve();
    return settle.promise;
  }

  write(p: Uint8Array): Promise<number> {
    if (this.#writing !== undefined) throw new Error("two writes at once");
    if (this.closed) return Promise.reject(new Deno.errors.BadResource("closed"));
    const settle = Promise.withResolvers<number>();
    this.#writing = { p, settle };
    this.serve();
    return settle.promise;
  }

  closeWrite(): Promise<void> {
    this.#client.finish();
    return Promise.resolve();
  }

  close(): void {
    if (this.closed) throw new Deno.errors.BadResource("closed");
    this.#end(new Deno.errors.Interrupted("closed"));
  }

  abort(): void {
    this.aborted = true;
    this.#end(new Deno.errors.ConnectionAborted("aborted"));
  }

  #end(error: Error): void {
    this.closed = true;
    this.#reading?.settle.reject(error);
    this.#reading = undefined;
    this.#writing?.settle.reject(error);
    this.#writing = undefined;
    this.#client.finish();
  }

  /** Settles a read and a write as far as the client's side allows. */
  serve(): void {
    const client = this.#client;
    if (this.#reading !== undefined) {
      const { p, settle } = this.#reading;
      const given = client.give(p);
      if (given !== undefined) {
        this.#reading = undefined;
        if (given instanceof Error) settle.reject(given);
        else settle.resolve(given);
      }
    }
    if (this.#writing !== undefined) {
      const { p, settle } = this.#writing;
      const taken = client.take(p);
      if (taken !== 0) {
        this.#writing = undefined;
        if (taken instanceof Error) settle.reject(taken);
        else settle.resolve(taken);
      }
    }
  }
}

/** The client's end, in the hand of a test. */
export class ClientEnd {
  /** The other end, to be given to the server. */
  readonly server: ServerEnd = new ServerEnd(this);
  /** Each write of the server, in order. */
  readonly writes: Uint8Array[] = [];
  /** Bytes that the client is willing to take: when it is 0 a write of the server waits. */
  window = Infinity;
  /** The server has ended its stream. */
  ended = false;

  readonly #queue: Uint8Array[] = [];
  #finished = false;
  #error: Error | undefined;
  #text = "";
  readonly #waiting = new Set<() => void>();

  /** Sends bytes that the server gets with one read, if it has room for them. */
  send(data: Data): void {
    const bytes = bytesOf(data);
    if (bytes.length > 0) this.#queue.push(bytes);
    this.server.serve();
  }

  /** Sends each byte so that the server needs a read for each. */
  sendBytewise(data: Data): void {
    for (const byte of bytesOf(data)) this.send(Uint8Array.of(byte));
  }

  /** Ends the client's stream; it can still receive. */
  end(): void {
    this.#finished = true;
    this.server.serve();
  }

  /** Loses the connection: reads and writes of the server reject, also those that wait. */
  reset(error: Error = new Deno.errors.ConnectionReset("reset by the test")): void {
    this.#error = error;
    this.#queue.length = 0;
    this.server.serve();
    this.#changed();
  }

  /** Takes `window` more bytes of the server. */
  open(window: number): void {
    this.window += window;
    this.server.serve();
  }

  /** Everything that was received, one character per byte. */
  get text(): string {
    return this.#text;
  }

  /** Waits until a condition holds; it is looked at whenever something was received. */
  async until(condition: () => boolean, what = "the condition"): Promise<void> {
    while (!condition()) {
      if (this.ended || this.#error !== undefined) {
        throw new Error(`${what} cannot come true any more; received: ${this.#text}`);
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Waits until the text received ends with `tail`. */
  async untilText(tail: string): Promise<string> {
    await this.until(() => this.#text.endsWith(tail), `text that ends with ${tail}`);
    return this.#text;
  }

  /** Waits until the server has ended its stream, and gives all that was received. */
  async untilEnded(): Promise<string> {
    await this.until(() => this.ended, "the end of the server's stream");
    return this.#text;
  }

  /** Takes what was received out of `text`. */
  takeText(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** For the server's end: fills `p`. `undefined`: nothing there yet. */
  give(p: Uint8Array): number | null | Error | undefined {
    if (this.#error !== undefined) return this.#error;
    const first = this.#queue[0];
    if (first === undefined) return this.#finished ? null : undefined;
    const given = Math.min(p.length, first.length);
    p.set(first.subarray(0, given));
    if (given === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(given);
    return given;
  }

  /** For the server's end: takes from `p`. 0: no room. */
  take(p: Uint8Array): number | Error {
    if (this.#error !== undefined) return this.#error;
    const taken = Math.min(p.length, this.window);
    if (taken === 0) return 0;
    this.window -= taken;
    const bytes = p.slice(0, taken);
    this.writes.push(bytes);
    this.#text += textOf(bytes);
    this.#changed();
    return taken;
  }

  /** For the server's end: it says goodbye. */
  finish(): void {
    this.ended = true;
    this.#changed();
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** UTF-8 text as text of one character per byte, as it is on the wire. */
export function wire(text: string): string {
  return textOf(encoder.encode(text));
}
