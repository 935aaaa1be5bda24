import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { streamSSE } from "hono/streaming";
import { exchange, get, parseResponses, post } from "./support.ts";

/** An app as its author would write it for `deno serve`. */
function makeApp(): Hono {
  const app = new Hono();
  app.use("/api/*", cors());
  app.use("/etag/*", etag());
  app.get("/", (c) => c.text("Hello, Hono!"));
  app.get("/users/:id", (c) => c.json({ id: c.req.param("id"), q: c.req.query("q") ?? null }));
  app.post("/json", async (c) => c.json(await c.req.json()));
  app.post("/form", async (c) => c.text(String((await c.req.parseBody()).a)));
  app.post("/raw", async (c) => c.body(await c.req.arrayBuffer()));
  app.post("/clone", async (c) => c.text(await c.req.raw.clone().text() + await c.req.text()));
  app.get(
    "/headers",
    (c) => c.text(`${c.req.header("x-a")} ${Object.keys(c.req.header()).join()}`),
  );
  app.get("/html", (c) => c.html("<p>x</p>", 201, { "x-b": "c" }));
  app.get("/redirect", (c) => c.redirect("/elsewhere"));
  app.get("/api/x", (c) => c.text("api"));
  app.get("/etag/x", (c) => c.text("etag"));
  app.get("/events", (c) =>
    streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: "one" });
      await stream.writeSSE({ data: "two" });
    }));
  app.get("/throws", () => {
    throw new Error("thrown in the app");
  });
  app.onError((error, c) => c.text(error.message, 500));
  app.mount("/mounted", (request) => new Response(new URL(request.url).pathname));
  return app;
}

Deno.test("an unchanged Hono app answers over the engine as it does when called directly", async () => {
  const app = makeApp();
  const form = "Content-Type: application/x-www-form-urlencoded\r\n";
  const requests: [string, RequestInit & { path: string }][] = [
    [get("/"), { path: "/" }],
    [get("/users/42?q=a%20b"), { path: "/users/42?q=a%20b" }],
    [post('{"a":1}', "/json"), { path: "/json", method: "POST", body: '{"a":1}' }],
    [post("a=b", "/form", form), {
      path: "/form",
      method: "POST",
      body: "a=b",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    }],
    [post("raw", "/raw"), { path: "/raw", method: "POST", body: "raw" }],
    [post("twice", "/clone"), { path: "/clone", method: "POST", body: "twice" }],
    [get("/headers", "X-A: 1\r\n"), {
      path: "/headers",
      headers: { host: "example.org", "x-a": "1" },
    }],
    [get("/html"), { path: "/html" }],
    [get("/redirect"), { path: "/redirect" }],
    [get("/api/x", "Origin: http://a\r\n"), { path: "/api/x", headers: { origin: "http://a" } }],
    [get("/etag/x"), { path: "/etag/x" }],
    [get("/events"), { path: "/events" }],
    [get("/throws"), { path: "/throws" }],
    [get("/nowhere"), { path: "/nowhere" }],
    [get("/mounted/a/b"), { path: "/mounted/a/b" }],
  ];
  const text = await exchange(
    requests.map(([request]) => request).join(""),
    (request) => app.fetch(request),
  );
  const responses = parseResponses(text);
  assertEquals(responses.length, requests.length);
  for (const [i, [, { path, ...init }]] of requests.entries()) {
    const expected = await app.request(`http://example.org${path}`, init);
    const found = responses[i]!;
    assertEquals([found.status, found.body], [expected.status, await expected.text()], path);
    const own = ["connection", "content-length", "date", "transfer-encoding"];
    const headers = (all: Iterable<[string, string]>) =>
      [...all].filter(([name]) => !own.includes(name)).sort();
    assertEquals(headers(found.headers), headers(expected.headers), path);
  }
});
