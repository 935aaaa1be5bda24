/**
 * The rules of the house, checked on source text: which way imports run, and what `stack/` must
 * not touch. Every function works on plain strings, so that it can itself be tested.
 *
 * @module
 */

/** Source files by path from the project's root, as `stack/ip/packet.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** Reads all TypeScript files in some directories, and single files, below a root. */
export async function readSources(root: URL, paths: readonly string[]): Promise<Sources> {
  const sources = new Map<string, string>();
  async function visit(path: string): Promise<void> {
    const url = new URL(path, root);
    if (path.endsWith(".ts")) {
      sources.set(path, await Deno.readTextFile(url));
      return;
    }
    for await (const { name, isDirectory } of Deno.readDir(url)) {
      if (isDirectory) await visit(`${path}/${name}`);
      else if (name.endsWith(".ts")) await visit(`${path}/${name}`);
    }
  }
  for (const path of paths) await visit(path);
  return sources;
}

const COMMENT_OR_STRING =
  /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g;

/** The code without its comments; strings stay. */
function withoutComments(source: string): string {
  return source.replace(COMMENT_OR_STRING, (token) => token.startsWith("/") ? " " : token);
}

/**
 * The code without comments and without what quoted strings say, on as many lines as before.
 * Templates stay: they hold code.
 */
function withoutText(source: string): string {
  return source.replace(COMMENT_OR_STRING, (token) => {
    if (token.startsWith("/")) return token.replace(/[^\n]+/g, " ");
    return token.startsWith("`") ? token : '""';
  });
}

const IMPORTS = [
  /\bimport\s+(?:type\s+)?[\w\s{},*$]+?\bfrom\s*["']([^"']+)["']/g,
  /\bimport\s*["']([^"']+)["']/g,
  /\bimport\s*\(\s*["']([^"']+)["']/g,
  /\bexport\s+(?:type\s+)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})\s*from\s*["']([^"']+)["']/g,
];

/**
 * What a file imports: values and types, statically, dynamically and by re-export. What is relative
 * comes as a path from the root, the rest as it is written.
 */
export function importsOf(path: string, source: string): string[] {
  const code = withoutComments(source);
  const found = IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name]) => name!));
  return found.map((name) =>
    /^\.\.?\//.test(name) ? new URL(name, `file:///${path}`).pathname.slice(1) : name
  );
}

/** A circle of imports, as the paths along it; `undefined` if there is none. */
export function circleIn(sources: Sources): string[] | undefined {
  const done = new Set<string>();
  const trail: string[] = [];
  function visit(path: string): string[] | undefined {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    const source = sources.get(path);
    if (source === undefined || done.has(path)) return undefined;
    trail.push(path);
    for (const next of importsOf(path, source)) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    trail.pop();
    done.add(path);
    return undefined;
  }
  for (const path of sources.keys()) {
    const circle = visit(path);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** Imports of files in a directory that lead out of it, as `from -> to`. */
export function importsOutOf(directory: string, sources: Sources): string[] {
  return importsWhere(sources, directory, (to) => !to.startsWith(`${directory}/`));
}

/** Imports of files in a directory that lead into another place, as `from -> to`. */
export function importsInto(place: string, directory: string, sources: Sources): string[] {
  return importsWhere(sources, directory, (to) => to === place || to.startsWith(`${place}/`));
}

function importsWhere(
  sources: Sources,
  directory: string,
  isWrong: (to: string) => boolean,
): string[] {
  return [...sources].filter(([path]) => path.startsWith(`${directory}/`))
    .flatMap(([path, source]) =>
      importsOf(path, source).filter(isWrong).map((to) => `${path} -> ${to}`)
    );
}

const IMPURE = [
  /\bDeno\b/,
  /\bDate\b/,
  /\bMath\s*\.\s*random\b/,
  /\b(?:set|clear)(?:Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bconsole\b/,
  /\bperformance\b/,
  /\bcrypto\b/,
  /\bglobalThis\b/,
  /\bPromise\b/,
  /\basync\b/,
  /\bawait\b/,
  /\bimport\s*\(/,
];

/** What a pure state machine must not touch, and where it does: `path:line: what`. */
export function impuritiesOf(path: string, source: string): string[] {
  const lines = withoutText(source).split("\n");
  return lines.flatMap((line, i) =>
    IMPURE.flatMap((pattern) => {
      const found = pattern.exec(line);
      return found === null ? [] : [`${path}:${i + 1}: ${found[0]}`];
    })
  );
}
