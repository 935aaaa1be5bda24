/**
 * Serves an HTTP application, or a page that says what serves it.
 *
 * Options: `module`, specifier of a module that `deno serve` would run (`export default { fetch }`),
 * relative to the config file; the page by default.
 *
 * @module
 */
import type { FetchModule, ListenerContext, ServeInfo } from "../mod.ts";

export default function http(options: Record<string, unknown>): FetchModule {
  const { module, ...others } = options;
  for (const name of Object.keys(others)) {
    throw new TypeError(`options.${name}: unknown option, expected module`);
  }
  if (module === undefined) return { fetch: page };
  if (typeof module !== "string") {
    throw new TypeError(
      `options.module: expected a path or a URL, found ${JSON.stringify(module)}`,
    );
  }

  let app: FetchModule;
  return {
    async start(context: ListenerContext) {
      app = (await import(context.resolve(module))).default;
      if (typeof app?.fetch !== "function") {
        throw new TypeError(
          "options.module: expected a default export with a function fetch(request), found none " +
            `in ${module}`,
        );
      }
      await app.start?.(context);
    },
    fetch: (request, info) => app.fetch(request, info),
    stop: (context) => app.stop?.(context),
  };
}

const headers = { "content-type": "text/html; charset=utf-8" };

function page(request: Request, info: ServeInfo): Response {
  if (new URL(request.url).pathname !== "/") {
    return new Response("There is one page here: /\n", { status: 404 });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("This page can only be read.\n", {
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
  }
  const { hostname, port } = info.remoteAddr;
  return new Response(html(`${hostname}:${port}`), { headers });
}

const html = (peer: string): string =>
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Taproom</title>
<style>
  :root { color-scheme: light dark; --ink: #2b2118; --paper: #fbf6ec; --amber: #c97a12 }
  @media (prefers-color-scheme: dark) { :root { --ink: #f1e6d2; --paper: #1d1712; --amber: #e8a33d } }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center;
    background: var(--paper); color: var(--ink); font: 1.1rem/1.6 Georgia, serif }
  main { max-width: 34rem; padding: 2rem }
  h1 { margin: 0 0 1rem; font-size: 3rem; letter-spacing: -.02em }
  h1::after { content: "."; color: var(--amber) }
  code { font: .95em ui-monospace, monospace; color: var(--amber) }
</style>
<main>
  <h1>Taproom</h1>
  <p>A TCP/IP stack written in TypeScript serves this page: frames come in and go out, and all
  between them and the program that answers you is its own work.</p>
  <p>To it you are <code>${peer}</code>.</p>
  <p>Serve something yourself: write a module with
  <code>export default { fetch: () =&gt; new Response("Hello") }</code> and name it in the config.</p>
</main>
</html>
`;
