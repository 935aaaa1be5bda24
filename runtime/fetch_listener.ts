import { serveHttp } from "./http/mod.ts";
import type { FetchModule, Listener } from "./listener.ts";

/** Makes a listener of an HTTP application: the HTTP/1.1 engine serves its flows. */
export function fetchListener(module: FetchModule): Listener {
  return {
    async start(context) {
      await module.start?.(context);
      // What `deno serve` tells by default, too.
      module.onListen?.({ transport: "tcp", hostname: "0.0.0.0", port: context.port });
    },
    flow: (flow, context) =>
      serveHttp(flow, (request, info) => module.fetch(request, info), {
        signal: context.signal,
        onError: (error, { method, url }) =>
          context.log.error("handler failed", { method, url, error }),
        onAborted: (error, { method, url }) =>
          context.log.debug("handler cut short by its client", { method, url, error }),
      }),
    stop: (context) => module.stop?.(context),
  };
}
