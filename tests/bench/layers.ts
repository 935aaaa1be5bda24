// Which layer of Taproom a function belongs to, by where it stands.

/** A layer, the path of its files, and where that does not tell, the names of its functions. */
const RULES: readonly (readonly [layer: string, url: RegExp, name?: RegExp])[] = [
  ["read (system call)", /\/runtime\/device\/.*tap/, /read|receive/i],
  ["waiting, event loop", /\/runtime\/device\//, /wait|wake|poll|settle|run|dispatch/i],
  ["write (system call)", /\/runtime\/device\/.*(tap|gather|carries)/],
  ["read (system call)", /virtio/, /read/i],
  ["write (system call)", /virtio/, /write/i],
  ["read (system call)", /\/runtime\/device\//],
  ["checksum", /\/stack\/wire\/checksum/],
  ["emit TCP, IP, Ethernet", /\/stack\/wire\//, /write|emit/i],
  ["emit TCP, IP, Ethernet", /\/stack\/(tcp\/emit|ip\/.*(output|packet)|link|neighbor)/],
  ["parse Ethernet, IP, TCP", /\/stack\/(wire|ip|stack|icmp|udp)/],
  ["TCP", /\/stack\//],
  ["HTTP: parse", /\/http\/(parser|headers|syntax|target|framing|input|buffers|chunked)/],
  ["handler, Request, Response", /\/http\/(request|api)|\/tests\/bench\/|ext:deno_(fetch|web)/],
  ["HTTP: respond", /\/runtime\/http\//],
  ["flow", /\/runtime\/(flow|serve|service|fifo|connect|listener)|\/listeners\//],
  ["waiting, event loop", /\/runtime\/|ext:|node:/],
  ["waiting, event loop", /^$/, /^op_/],
  ["garbage collection", /^$/, /garbage/],
];
const REST = "V8 and Deno";

/** All layers, on the way of a request from read to write. */
export const LAYERS: readonly string[] = [
  "read (system call)",
  "parse Ethernet, IP, TCP",
  "TCP",
  "flow",
  "HTTP: parse",
  "handler, Request, Response",
  "HTTP: respond",
  "emit TCP, IP, Ethernet",
  "checksum",
  "write (system call)",
  "waiting, event loop",
  "garbage collection",
  REST,
];

/**
 * The layer of a function of a CPU profile.
 *
 * @param name The function's name; calls of C by FFI count for the function that makes them.
 * @param url Its module; empty for what is V8's own.
 */
export function layerOf(name: string, url: string): string {
  return RULES.find(([_, place, names]) => place.test(url) && (names?.test(name) ?? true))?.[0] ??
    REST;
}
