// What both servers serve: the same module, as `deno serve` takes it.
export default { fetch: (): Response => new Response("Hello, world!") };
