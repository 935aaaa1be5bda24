import type { Figure, Figures, Scenario } from "./scenarios.ts";

/** One load on one server. */
export interface Measurement {
  readonly scenario: string;
  readonly server: string;
  readonly round: number;
  /** What the client says, and {@link costs}. */
  readonly figures: Figures;
}

/** The middle of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * What a load has cost, per unit of work.
 *
 * @param figures What the client says.
 * @param cpu CPU seconds that the server used.
 * @param rss Resident memory of the server afterwards, in bytes.
 */
export function costs(scenario: Scenario, figures: Figures, cpu: number, rss: number): Figures {
  const work = scenario.work === "GB" ? figures.bytes! / 1e9 : figures.count! / 1e6;
  return {
    "server CPU": cpu / work,
    "both ends CPU": (cpu + figures["client CPU"]!) / work,
    MB: rss / 1e6,
  };
}

/** A line of the result: one figure of one scenario. */
export interface Line {
  readonly scenario: string;
  readonly figure: string;
  readonly unit: string;
  readonly better: Figure["better"];
  /** Per server: the median of the rounds, and half the range between the extremes over it. */
  readonly servers: Readonly<Record<string, { median: number; spread: number }>>;
  /** The median of one server over that of another, as `taproom/kernel`, where that says anything. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** Lines that belong together. */
export interface Section {
  readonly title: string;
  readonly lines: readonly Line[];
}

/**
 * Sums up the rounds.
 *
 * @param references Names of the servers that the ratios are to; that of one of them is taken to
 *   those behind it.
 */
export function summarize(
  scenarios: readonly Scenario[],
  measurements: readonly Measurement[],
  references: readonly string[],
): Section[] {
  const line = (scenario: string, { figure, unit, better }: Figure, of: readonly Measurement[]) => {
    const servers: Record<string, { median: number; spread: number }> = {};
    for (const [server, rounds] of Map.groupBy(of, ({ server }) => server)) {
      const values = rounds.map(({ figures }) => figures[figure]!);
      const middle = median(values);
      const spread = (Math.max(...values) - Math.min(...values)) / 2 / middle;
      servers[server] = { median: middle, spread };
    }
    const ratios: Record<string, number> = {};
    for (const [rank, reference] of references.entries()) {
      const to = servers[reference];
      if (to === undefined || better === "neither") continue;
      for (const [server, { median }] of Object.entries(servers)) {
        if (references.indexOf(server) < rank) {
          ratios[`${server}/${reference}`] = median / to.median;
        }
      }
    }
    return { scenario, figure, unit, better, servers, ratios };
  };
  const lines = (figures: (scenario: Scenario) => readonly Figure[]) =>
    scenarios.flatMap((scenario) => {
      const of = measurements.filter(({ scenario: name }) => name === scenario.name);
      return figures(scenario).map((figure) => line(scenario.name, figure, of));
    });
  const last = [...Map.groupBy(measurements, ({ server }) => server).values()]
    .map((rounds) => rounds.at(-1)!);
  return [
    { title: "What the client sees (↓: less is better)", lines: lines(({ shown }) => shown) },
    {
      title: "CPU time",
      lines: lines(({ work }) =>
        ["server CPU", "both ends CPU"].map((figure): Figure => {
          const unit = `${work === "GB" ? "s" : "µs"}/${work}, ${figure.replace(" CPU", "")}`;
          return { figure, unit, better: "less" };
        })
      ),
    },
    {
      title: "Load of the client in cores; near 1 it is the client that was measured",
      lines: lines(() => [{ figure: "client load", unit: "cores", better: "neither" }]),
    },
    {
      title: "Resident memory of the server",
      lines: [
        ...lines(() => [{ figure: "MB", unit: "MB", better: "less" }]),
        line("after all of it", { figure: "MB", unit: "MB", better: "less" }, last),
      ],
    },
  ];
}

/** The tables for people. */
export function tables(sections: readonly Section[], servers: readonly string[]): string {
  const pairs = [
    ...new Set(sections.flatMap(({ lines }) => lines.flatMap(({ ratios }) => Object.keys(ratios)))),
  ];
  return sections.map(({ title, lines }) => {
    const rows = lines.map(({ scenario, unit, better, servers: results, ratios }) => [
      scenario,
      better === "less" ? `${unit} ↓` : unit,
      ...servers.map((server) => {
        const result = results[server];
        if (result === undefined) return "-";
        return `${number(result.median)}${percent(result.spread)}`;
      }),
      ...pairs.map((pair) => Number.isFinite(ratios[pair]) ? ratios[pair]!.toFixed(2) : "-"),
    ]);
    return `${title}\n\n${align([["scenario", "unit", ...servers, ...pairs], ...rows], 2)}\n`;
  }).join("\n");
}

/** Rows under each other: `left` columns aligned to the left, the others to the right. */
export function align(rows: readonly (readonly string[])[], left: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((text, column) =>
      column < left ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

function number(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** A spread, unless the median is 0. */
function percent(spread: number): string {
  return Number.isFinite(spread) ? ` ±${(spread * 100).toFixed(0)}%` : "";
}
