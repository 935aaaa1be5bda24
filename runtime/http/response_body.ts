/**
 * What is inside a `Response`.
 *
 * The public way to the body of a Response is a stream, whatever it was made from; making one
 * costs ten times what the rest of an exchange does. `Deno.serve` looks at the internal fields of
 * the Response instead, and so does this file, the only one that knows them:
 *
 * - "serve fast status", "serve fast body", "serve fast header kind" and "serve fast content type"
 *   describe a response that has a body in memory and no header besides its content type. The
 *   status is 0 for any other, and becomes 0 as soon as somebody looks at `headers`.
 * - "serve fast consumed" marks it as used, "lazy static body" is the body while nobody has looked.
 * - "response" is the inner response, whose `body.streamOrStatic` is either a stream or
 *   `{ body, consumed }` with a string or bytes.
 *
 * The fields are found by the names of their symbols and tried on examples once, at start-up. If
 * anything is not as expected, all bodies are taken as streams, which is slower and right.
 */

/** What a body can be. */
export type ResponseBody = string | Uint8Array<ArrayBuffer> | ReadableStream | null;

/** A body that is in memory, with the content type that is the only header of its response. */
export interface QuickBody {
  body: string | Uint8Array<ArrayBuffer>;
  /** Value of Content-Type; `null` for none. */
  contentType: string | null;
}

/** The content type of a Response made from a string. */
export const PLAIN_TEXT = "text/plain;charset=UTF-8";

type Fields = Record<symbol, unknown>;
interface InnerResponse {
  body: { streamOrStatic: { body?: unknown; consumed?: boolean } } | null;
}

const symbols = new Map(
  Object.getOwnPropertySymbols(new Response("")).map((symbol) => [symbol.description, symbol]),
);
const missing = Symbol();
const INNER = symbols.get("response") ?? missing;
const STATUS = symbols.get("serve fast status") ?? missing;
const BODY = symbols.get("serve fast body") ?? missing;
const KIND = symbols.get("serve fast header kind") ?? missing;
const TYPE = symbols.get("serve fast content type") ?? missing;
const CONSUMED = symbols.get("serve fast consumed") ?? missing;
const LAZY = symbols.get("lazy static body") ?? missing;

/** Values of "serve fast header kind". */
const KIND_NONE = 0;
const KIND_PLAIN_TEXT = 1;

/** The answer of {@link takeQuick}: one object, valid until the next call. */
const quick: QuickBody = { body: "", contentType: null };

function peekQuick(response: Response): QuickBody | undefined {
  const fields = response as unknown as Fields;
  if (fields[STATUS] !== 200 || fields[CONSUMED] === true) return undefined;
  if (fields[LAZY] === null) {
    const held = (fields[INNER] as InnerResponse).body?.streamOrStatic;
    if (held === undefined || held.consumed !== false) return undefined;
  }
  fields[CONSUMED] = true;
  const kind = fields[KIND];
  quick.body = fields[BODY] as QuickBody["body"];
  quick.contentType = kind === KIND_PLAIN_TEXT
    ? PLAIN_TEXT
    : kind === KIND_NONE
    ? null
    : fields[TYPE] as string;
  return quick;
}

function peekBody(response: Response): ResponseBody {
  const { body } = (response as unknown as Record<symbol, InnerResponse>)[INNER]!;
  if (body === null) return null;
  const held = body.streamOrStatic;
  if (typeof held.body !== "string" && !(held.body instanceof Uint8Array)) return response.body;
  held.consumed = true;
  return held.body as string | Uint8Array<ArrayBuffer>;
}

/** Whether both ways to look inside give what the public way gives. */
function peekingWorks(): boolean {
  try {
    const holds = (response: Response, body: unknown, contentType: string | null) => {
      const found = peekQuick(response);
      return found?.contentType === contentType && `${found.body}` === `${body}` &&
        response.bodyUsed && peekQuick(response) === undefined;
    };
    const bytes = new Uint8Array([1, 2]);
    const looked = new Response("a");
    looked.headers.set("a", "b");
    const read = new Response("a");
    void read.text();
    const headed = new Response("a", { headers: { a: "b" } });
    const streamed = new Response(new Blob(["a"]).stream());
    return holds(new Response("a"), "a", PLAIN_TEXT) &&
      holds(Response.json(1), "1", "application/json") &&
      holds(new Response(bytes), bytes, null) &&
      [looked, read, headed, streamed, new Response()].every((r) => peekQuick(r) === undefined) &&
      !looked.bodyUsed && peekBody(looked) === "a" && looked.bodyUsed &&
      headed.headers.get("a") === "b" && peekBody(headed) === "a" && headed.bodyUsed &&
      peekBody(streamed) === streamed.body && peekBody(new Response()) === null;
  } catch {
    return false;
  }
}

const works = peekingWorks();

/**
 * Takes the body of a response of status 200 that is in memory and whose only header is its
 * content type, and marks it as used.
 *
 * @returns `undefined` if it is not such a response, or used; else valid until the next call.
 */
export const takeQuick: (response: Response) => QuickBody | undefined = works
  ? peekQuick
  : () => undefined;

/** Takes the body of any response that is not used; one in memory is marked as used. */
export const takeBody: (response: Response) => ResponseBody = works
  ? peekBody
  : (response) => response.body;
