import type { ListenerConfig } from "./config/config.ts";
import { describe } from "./config/validate.ts";
import { FetchListener } from "./fetch_listener.ts";
import type { FetchModule, Listener } from "./listener.ts";
import { firstLine } from "./log/format.ts";
import { suggestion } from "./nearest.ts";
import { within } from "./within.ts";

/** Longest time that a module may take to be loaded and to start, in milliseconds. */
const START_TIMEOUT = 30_000;

/** Names of the listeners that Taproom brings along, each a module in `listeners/`. */
export const BUILT_INS: readonly string[] = [
  "chargen",
  "daytime",
  "discard",
  "echo",
  "goodbye",
  "http",
];

/**
 * A listener that cannot be served. The message is for people and names port and module; the
 * module's own error, if there is one, is the `cause`.
 *
 * A listener that fails to load is reported and its port stays closed: all others are served.
 */
export class ListenerError extends Error {
  /** Always `"ListenerError"`. */
  override readonly name = "ListenerError";

  /**
   * Makes the error.
   *
   * @param listener The entry in the config.
   * @param reason What is wrong.
   * @param options With the module's own error as `cause`.
   */
  constructor(readonly listener: ListenerConfig, reason: string, options?: ErrorOptions) {
    super(`port ${listener.port} (${listener.module}): ${reason}`, options);
  }
}

/**
 * Turns a module specifier into what `import()` takes.
 *
 * @param specifier A path (`./app.ts`, `../app.ts`, `/srv/app.ts`), or a URL with its scheme, `npm:`
 *   and `jsr:` included.
 * @param base What a relative path is relative to: URL of the config file.
 * @throws {TypeError} The specifier is a bare name.
 */
export function resolveSpecifier(specifier: string, base: URL): string {
  if (/^[A-Za-z]:[\\/]/.test(specifier)) return new URL(`file:///${specifier}`).href;
  if (/^\.{0,2}\//.test(specifier)) return new URL(specifier, base).href;
  if (/^[A-Za-z][A-Za-z\d+.-]*:/.test(specifier)) return specifier;
  throw new TypeError(
    `expected a path, such as "./app.ts", or a URL, found ${JSON.stringify(specifier)}`,
  );
}

/**
 * Loads the module of a listener, and makes its listener if its default export is a factory.
 *
 * Needs no permission but what the specifier does: to read a file and what it imports; to import
 * from a host.
 *
 * @param config The entry of the config.
 * @param base URL of the config file.
 * @throws {ListenerError} The module cannot be imported, throws, or exports something else.
 */
export async function loadListener(config: ListenerConfig, base: URL): Promise<Listener> {
  const made = await makeListener(config, await importDefault(config, base));
  return isFetchModule(made) ? new FetchListener(made) : made;
}

/**
 * Waits until a listener is loaded, or loaded and started, but not for ever. Keeps the event loop
 * alive: Deno ends a program all of which waits for a top-level await that nothing will resolve.
 *
 * @throws {ListenerError} It takes too long.
 * @throws Whatever loading or starting throws.
 */
export async function startInTime(
  config: ListenerConfig,
  starting: Promise<unknown>,
): Promise<void> {
  if (await within(START_TIMEOUT, starting)) return;
  throw new ListenerError(config, `not loaded and started within ${START_TIMEOUT / 1000} s`);
}

async function importDefault(config: ListenerConfig, base: URL): Promise<unknown> {
  const url = locateModule(config, base);
  let module: { default?: unknown };
  try {
    module = await import(url);
  } catch (error) {
    const reason = `the module cannot be imported: ${importReason(error)}`;
    throw new ListenerError(config, reason, { cause: error });
  }
  return module.default;
}

function locateModule(config: ListenerConfig, base: URL): string {
  const { module } = config;
  // Computed, so that nothing here imports listeners/, which import the types of mod.ts.
  if (BUILT_INS.includes(module)) return new URL(`../listeners/${module}.ts`, import.meta.url).href;
  try {
    return resolveSpecifier(module, base);
  } catch {
    throw new ListenerError(
      config,
      `expected a built-in (${BUILT_INS.join(", ")}), a path, such as "./${module}", or a URL, ` +
        `found ${JSON.stringify(module)}${suggestion(module, BUILT_INS)}`,
    );
  }
}

async function makeListener(
  config: ListenerConfig,
  exported: unknown,
): Promise<Listener | FetchModule> {
  if (isListener(exported)) {
    if (Object.keys(config.options ?? {}).length === 0) return exported;
    throw new ListenerError(
      config,
      "expected no options (the default export takes none: it is no function), found " +
        describeExport(config.options),
    );
  }
  if (typeof exported !== "function") {
    throw new ListenerError(
      config,
      "expected a default export with a function flow(flow, context) or fetch(request), or a " +
        `function that makes one, found ${describeExport(exported)}`,
    );
  }
  let made: unknown;
  try {
    made = await exported(structuredClone(config.options ?? {}));
  } catch (error) {
    throw new ListenerError(config, `the module refuses: ${firstLine(error)}`, { cause: error });
  }
  if (isListener(made)) return made;
  throw new ListenerError(
    config,
    "expected the default export to make an object with a function flow(flow, context) or " +
      `fetch(request), found ${describeExport(made)}`,
  );
}

/** Functions count too: some frameworks export one that has a `fetch`. */
function isListener(value: unknown): value is Listener | FetchModule {
  if (value === null || typeof value !== "object" && typeof value !== "function") return false;
  const { flow, fetch } = value as { flow?: unknown; fetch?: unknown };
  return typeof flow === "function" || flow === undefined && typeof fetch === "function";
}

function isFetchModule(value: Listener | FetchModule): value is FetchModule {
  return !("flow" in value) || value.flow === undefined;
}

function describeExport(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return describe(value);
  const keys = Object.keys(value);
  if (keys.length === 0) return "an object without members";
  const more = keys.length > 5 ? ", …" : "";
  return `an object with ${keys.slice(0, 5).join(", ")}${more}`;
}

/**
 * What an import failed of, in one line. Deno tells of modules not found and of syntax errors in
 * several, in colour, with the place in the last.
 */
function importReason(error: unknown): string {
  if ((error as { code?: unknown } | null)?.code !== "ERR_MODULE_NOT_FOUND") {
    return firstLine(error);
  }
  // deno-lint-ignore no-control-regex
  const text = (error as Error).message.replace(/\x1b\[[\d;]*m/g, "");
  const place = /\n\s*(at \S+:\d+:\d+)\s*$/.exec(text)?.[1];
  const reason = text.split("\n", 1)[0]!;
  return place ? `${reason} ${place}` : reason;
}
