import type { ConnectionFlow } from "./flow.ts";
import type { FailedRequest, HttpConnection } from "./http/api.ts";
import { attend, type HttpEnding, HttpServer, serveHttp } from "./http/mod.ts";
import type { FetchModule, Flow, Listener, ListenerContext } from "./listener.ts";

/** A listener made of an HTTP application: the HTTP/1.1 engine serves its flows. */
export class FetchListener implements Listener, HttpEnding {
  readonly #module: FetchModule;
  #context: ListenerContext | undefined;
  #server: HttpServer | undefined;

  /** @param module The application. */
  constructor(module: FetchModule) {
    this.#module = module;
  }

  /** {@link Listener.start} */
  async start(context: ListenerContext): Promise<void> {
    this.#context = context;
    await this.#module.start?.(context);
    // What `deno serve` tells by default, too.
    this.#module.onListen?.({ transport: "tcp", hostname: "0.0.0.0", port: context.port });
  }

  /** {@link Listener.flow} */
  flow(flow: Flow, context: ListenerContext): Promise<void> {
    const { handler, options } = this.#serverFor(context);
    return serveHttp(flow, handler, options);
  }

  /** Serves one flow, and ends it: as {@link FetchListener.flow}, with fewer objects for each. */
  serve(flow: ConnectionFlow): void {
    attend(this.#server ??= this.#serverFor(this.#context!), flow, this);
  }

  /** {@link HttpEnding.finished} */
  finished(): void {}

  /** {@link HttpEnding.failed} */
  failed(flow: HttpConnection, error: unknown): void {
    const peer = peerOf(flow.remoteAddr as Deno.NetAddr);
    this.#context!.log.error("listener failed", { peer, error });
    flow.abort?.();
  }

  /** {@link Listener.stop} */
  async stop(context: ListenerContext): Promise<void> {
    await this.#module.stop?.(context);
  }

  #serverFor(context: ListenerContext): HttpServer {
    const tell = (request: FailedRequest, error: unknown) => {
      const { method, url, remoteAddr } = request;
      return { peer: peerOf(remoteAddr), method, url, error };
    };
    return new HttpServer((request, info) => this.#module.fetch(request, info), {
      signal: context.signal,
      onError: (error, request) => context.log.error("handler failed", tell(request, error)),
      onAborted: (error, request) =>
        context.log.debug("handler cut short by its client", tell(request, error)),
    });
  }
}

function peerOf({ hostname, port }: Deno.NetAddr): string {
  return `${hostname}:${port}`;
}
