import { DeviceError } from "../error.ts";

// Lengths and results are 32 bits on purpose: as 64-bit ones they would be BigInts, and nothing
// here is larger than 64 KiB. The upper half of the argument's register is zero.
const SYMBOLS = {
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  writev: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // Variadic in C; on Linux, on both architectures, its arguments travel as if they were not.
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  ioctlNumber: { name: "ioctl", parameters: ["i32", "u32", "u32"], result: "i32" },
  sched_yield: { parameters: [], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  ppoll: {
    parameters: ["pointer", "u32", "pointer", "pointer"],
    result: "i32",
    nonblocking: true,
  },
  ppollNow: {
    name: "ppoll",
    parameters: ["pointer", "u32", "pointer", "pointer"],
    result: "i32",
  },
  errnoLocation: { name: "__errno_location", parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library as this project uses it: the functions it calls, and `errno`. */
export interface Libc {
  /** The functions. `ppoll` runs on another thread: its `errno` is lost. */
  readonly symbols: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
  /** The error number of this thread's last failed call. */
  errno(): number;
  /** Ends one use of the library; with the last one it is unloaded. */
  unload(): void;
}

/** What the C library is called: by glibc on every architecture, by musl. */
const NAMES = [
  "libc.so.6",
  Deno.build.arch === "aarch64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1",
  "libc.so",
];

// One library for all devices: a call that always has the same target is compiled into a direct
// one, which is twice as fast as the general one.
let loaded: Libc | undefined;
let users = 0;

/**
 * Loads the C library of Linux, or shares the one that is loaded.
 *
 * @throws {DeviceError} `"unavailable"` on another system, `"permission"` without `--allow-ffi`.
 */
export function loadLibc(): Libc {
  loaded ??= load();
  users++;
  return loaded;
}

function load(): Libc {
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) {
    throw new DeviceError(
      "unavailable",
      `a TAP needs Linux on x86_64 or aarch64, and this is "${os}" on "${arch}"`,
    );
  }
  const library = openFirst();
  const symbols = library.symbols;
  // errno lives at a fixed place per thread, and the event loop stays on its thread.
  const location = symbols.errnoLocation();
  const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location!, 4));
  return {
    symbols,
    errno: () => errno[0]!,
    unload() {
      if (--users > 0) return;
      loaded = undefined;
      library.close();
    },
  };
}

function openFirst(): Deno.DynamicLibrary<typeof SYMBOLS> {
  for (const name of NAMES) {
    try {
      return Deno.dlopen(name, SYMBOLS);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) {
        throw new DeviceError(
          "permission",
          `a TAP needs Deno's permission to call the C library: run deno with "--allow-ffi"`,
        );
      }
    }
  }
  const tried = NAMES.map((name) => `"${name}"`).join(", ");
  throw new DeviceError("unavailable", `found no C library to load: tried ${tried}`);
}

const encoder = new TextEncoder();

/** A string as C has it, with a zero at its end. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${text}\0`);
}
