import { COLON, CR, equalsIgnoreCase, HTAB, latin1, SP } from "./syntax.ts";

/**
 * The header fields of a request as a `Headers`, read from the bytes of the head when they are
 * asked for: no string is made for a field that nobody looks at.
 *
 * It is a `Headers` for everyone: `instanceof Headers` holds, and the platform's own code
 * (`new Headers(it)`, `fetch(url, { headers: it })`) finds in it the internal fields of a real
 * one, which is made at that moment. Like the headers of a request of `Deno.serve` it is
 * immutable.
 */
export class RequestHeaders {
  readonly #source: HeaderSource;
  /**
   * Offsets, from the first header line, of name and value, start and end of each: four numbers
   * per field.
   */
  #index: number[] | undefined = undefined;
  #real: Headers | undefined = undefined;

  constructor(source: HeaderSource) {
    this.#source = source;
  }

  /** Value of a field, repeated ones joined; `null` if there is none. */
  get(name: string): string | null {
    if (this.#real !== undefined) return this.#real.get(name);
    const lower = `${name}`.toLowerCase();
    const { bytes, fieldsStart: base } = this.#source;
    const index = this.#fields();
    let value: string | null = null;
    for (let i = 0; i < index.length; i += 4) {
      if (!equalsIgnoreCase(bytes, base + index[i]!, base + index[i + 1]!, lower)) continue;
      const next = latin1(bytes, base + index[i + 2]!, base + index[i + 3]!);
      value = value === null ? next : `${value}${separator(lower)}${next}`;
    }
    // Not found may mean no possible name, which is for the real one to say.
    return value ?? NO_HEADERS.get(name);
  }

  /** Whether there is a field of this name. */
  has(name: string): boolean {
    if (this.#real !== undefined) return this.#real.has(name);
    const lower = `${name}`.toLowerCase();
    const { bytes, fieldsStart: base } = this.#source;
    const index = this.#fields();
    for (let i = 0; i < index.length; i += 4) {
      if (equalsIgnoreCase(bytes, base + index[i]!, base + index[i + 1]!, lower)) return true;
    }
    return NO_HEADERS.has(name);
  }

  /** Always throws: request headers are immutable. */
  append(_name: string, _value: string): void {
    throw immutable();
  }

  /** Always throws: request headers are immutable. */
  delete(_name: string): void {
    throw immutable();
  }

  /** Always throws: request headers are immutable. */
  set(_name: string, _value: string): void {
    throw immutable();
  }

  /** The fields in the order of the message, with names in small letters. */
  pairs(): [string, string][] {
    const { bytes, fieldsStart: base } = this.#source;
    const index = this.#fields();
    const pairs: [string, string][] = [];
    let cookies: [string, string] | undefined;
    for (let i = 0; i < index.length; i += 4) {
      const name = latin1(bytes, base + index[i]!, base + index[i + 1]!).toLowerCase();
      const value = latin1(bytes, base + index[i + 2]!, base + index[i + 3]!);
      if (name === "cookie" && cookies !== undefined) cookies[1] += separator(name) + value;
      else {
        const pair: [string, string] = [name, value];
        if (name === "cookie") cookies = pair;
        pairs.push(pair);
      }
    }
    return pairs;
  }

  #fields(): number[] {
    return this.#index ??= indexFields(this.#source);
  }

  #materialise(): Headers {
    return this.#real ??= new Headers(this.pairs());
  }

  static {
    Object.setPrototypeOf(this.prototype, Headers.prototype);
    Object.defineProperty(this.prototype, "constructor", { value: Headers });
    const make = (headers: RequestHeaders) => headers.#materialise();
    borrowInternals(this.prototype, new Headers(), make);
    borrowMethods(
      this.prototype,
      ["entries", "forEach", "getSetCookie", "keys", "values", Symbol.iterator],
      Headers.prototype,
      make,
    );
  }
}

/** Where header fields are read from; both may change together, when the head is moved. */
export interface HeaderSource {
  /** The memory that the head lies in. */
  readonly bytes: Uint8Array;
  /** Offset in it of the first header line. */
  readonly fieldsStart: number;
}

const NO_HEADERS = new Headers();

function immutable(): TypeError {
  return new TypeError("Cannot change headers: headers are immutable");
}

/** What repeated fields are joined with (RFC 9110 section 5.3; for cookies RFC 9113 8.2.3). */
function separator(name: string): string {
  return name === "cookie" ? "; " : ", ";
}

/** Finds the fields of a header section that the parser found to be well-formed. */
function indexFields({ bytes, fieldsStart }: HeaderSource): number[] {
  const index: number[] = [];
  let at = fieldsStart;
  while (bytes[at] !== CR) {
    const name = at;
    while (bytes[at] !== COLON) at++;
    const nameEnd = at++;
    while (bytes[at] === SP || bytes[at] === HTAB) at++;
    const value = at;
    while (bytes[at] !== CR) at++;
    let valueEnd = at;
    while (valueEnd > value && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) {
      valueEnd--;
    }
    index.push(
      name - fieldsStart,
      nameEnd - fieldsStart,
      value - fieldsStart,
      valueEnd - fieldsStart,
    );
    at += 2;
  }
  return index;
}

/**
 * Gives `prototype` an accessor for each internal field (a symbol) that a real object of the
 * platform has, which reads and writes it on the real object behind a lazy one. The platform's
 * code then takes the lazy one for a real one.
 */
export function borrowInternals<Lazy extends object>(
  prototype: Lazy,
  example: object,
  real: (lazy: Lazy) => object,
): void {
  for (const symbol of Object.getOwnPropertySymbols(example)) {
    Object.defineProperty(prototype, symbol, {
      configurable: true,
      get(this: Lazy): unknown {
        return Reflect.get(real(this), symbol);
      },
      set(this: Lazy, value: unknown): void {
        Reflect.set(real(this), symbol, value);
      },
    });
  }
}

/** Gives `prototype` methods that call those of the real object behind a lazy one. */
export function borrowMethods<Lazy extends object>(
  prototype: Lazy,
  names: readonly (string | symbol)[],
  realPrototype: object,
  real: (lazy: Lazy) => object,
): void {
  for (const name of names) {
    const method = Reflect.get(realPrototype, name) as (...args: unknown[]) => unknown;
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value(this: Lazy, ...args: unknown[]): unknown {
        return method.apply(real(this), args);
      },
    });
  }
}
