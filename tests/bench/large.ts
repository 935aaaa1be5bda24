// A body of 100 KiB: the same module on both servers.
const body = new Uint8Array(100 * 1024);

export default { fetch: (): Response => new Response(body) };
