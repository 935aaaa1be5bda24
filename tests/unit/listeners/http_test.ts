import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import http from "../../../listeners/http.ts";
import type { FetchModule, ListenerContext, ServeInfo } from "../../../mod.ts";

const INFO: ServeInfo = {
  remoteAddr: { transport: "tcp", hostname: "192.168.69.1", port: 37629 },
  completed: Promise.resolve(),
};

function ask(app: FetchModule, path: string, method = "GET"): Response | Promise<Response> {
  return app.fetch(new Request(`http://192.168.69.2${path}`, { method }), INFO);
}

/** A specifier of a module with this source. */
function source(text: string): string {
  return `data:text/javascript,${encodeURIComponent(text)}`;
}

const CONTEXT = { resolve: (specifier: string) => specifier } as ListenerContext;

Deno.test("http: without options there is one page, which says what serves it, and to whom", async () => {
  const app = http({});
  const response = await ask(app, "/?q");
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  const page = await response.text();
  assertMatch(page, /^<!doctype html>[^]*TCP\/IP stack written in TypeScript/);
  assertMatch(page, /192\.168\.69\.1:37629/);
  assertEquals((await ask(app, "/other")).status, 404);
  const refused = await ask(app, "/", "POST");
  assertEquals([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals((await ask(app, "/", "HEAD")).status, 200);
});

Deno.test("http: the option module names an app, which is resolved, started, asked and stopped", async () => {
  const module = source(`
    const calls = [];
    export default {
      start: (context) => calls.push("start " + context.port),
      fetch: (request, info) => {
        calls.push(info.remoteAddr.hostname);
        return Response.json(calls);
      },
      stop: () => calls.push("stop"),
      calls,
    };`);
  const resolved: string[] = [];
  const context = {
    port: 80,
    resolve(specifier: string) {
      resolved.push(specifier);
      return module;
    },
  } as ListenerContext;
  const app = http({ module: "./app.ts" });
  await app.start!(context);
  assertEquals(resolved, ["./app.ts"]);
  assertEquals(await (await ask(app, "/")).json(), ["start 80", "192.168.69.1"]);
  await app.stop!(context);
  const { default: { calls } } = await import(module);
  assertEquals(calls.at(-1), "stop");
});

Deno.test("http: a module that is no app keeps the listener from starting", async () => {
  for (const text of ["export default {}", "export const fetch = 1", "export default null"]) {
    const app = http({ module: source(text) });
    const error = await assertRejects(async () => await app.start!(CONTEXT), TypeError);
    assertEquals(
      error.message,
      `options.module: expected a default export with a function fetch(request), found none in ` +
        source(text),
    );
  }
});

Deno.test("http: wrong options are told with what was found", () => {
  for (
    const [options, message] of [
      [{ module: 7 }, "options.module: expected a path or a URL, found 7"],
      [{ root: "x" }, "options.root: unknown option, expected module"],
    ] as const
  ) {
    assertEquals(assertThrows(() => http(options), TypeError).message, message);
  }
});
