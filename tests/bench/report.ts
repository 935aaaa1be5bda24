import type { Scenario } from "./scenarios.ts";

/** One load on one server. */
export interface Measurement {
  readonly scenario: string;
  readonly server: string;
  readonly round: number;
  /** What the client says, by name. */
  readonly figures: Record<string, number>;
  /** CPU seconds that the server used for it. */
  readonly cpu: number;
  /** Resident memory of the server after it, in bytes. */
  readonly rss: number;
}

/** The middle of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A line of the result: one figure of one scenario. */
export interface Line {
  readonly scenario: string;
  readonly unit: string;
  /** Per server: the median of the rounds, and half the range between the extremes over it. */
  readonly servers: Record<string, { median: number; spread: number; cpu: number; rss: number }>;
  /** Per server: its median over the reference's. */
  readonly ratios: Record<string, number>;
  readonly better: "more" | "less";
}

/**
 * Sums up the rounds.
 *
 * @param reference Name of the server that the ratios are to.
 */
export function summarize(
  scenarios: readonly Scenario[],
  measurements: readonly Measurement[],
  reference: string,
): Line[] {
  const lines: Line[] = [];
  for (const scenario of scenarios) {
    const of = Map.groupBy(
      measurements.filter((measurement) => measurement.scenario === scenario.name),
      (measurement) => measurement.server,
    );
    for (const { figure, unit, better } of scenario.shown) {
      const servers: Line["servers"] = {};
      for (const [server, rounds] of of) {
        const values = rounds.map(({ figures }) => figures[figure]!);
        const middle = median(values);
        servers[server] = {
          median: middle,
          spread: (Math.max(...values) - Math.min(...values)) / 2 / middle,
          cpu: median(rounds.map(({ cpu }) => cpu)),
          rss: Math.max(...rounds.map(({ rss }) => rss)),
        };
      }
      const ratios: Line["ratios"] = {};
      for (const [server, { median }] of Object.entries(servers)) {
        if (servers[reference]) ratios[server] = median / servers[reference].median;
      }
      lines.push({ scenario: scenario.name, unit, servers, ratios, better });
    }
  }
  return lines;
}

/** The table for people. */
export function table(
  lines: readonly Line[],
  servers: readonly string[],
  reference: string,
): string {
  const others = servers.filter((server) => server !== reference);
  const rows = [[
    "scenario",
    "unit",
    ...servers.map((server) => server),
    ...others.map((server) => `${server}/${reference}`),
    ...servers.map((server) => `CPU s ${server}`),
    ...servers.map((server) => `MB ${server}`),
  ]];
  for (const { scenario, unit, better, servers: results, ratios } of lines) {
    const cell = (server: string, show: (result: Line["servers"][string]) => string) =>
      results[server] ? show(results[server]) : "-";
    rows.push([
      scenario,
      unit,
      ...servers.map((server) =>
        cell(server, ({ median, spread }) => `${number(median)} ±${(spread * 100).toFixed(0)}%`)
      ),
      ...others.map((server) =>
        ratios[server] === undefined
          ? "-"
          : `${ratios[server].toFixed(2)}${better === "less" ? " (less is better)" : ""}`
      ),
      ...servers.map((server) => cell(server, ({ cpu }) => cpu.toFixed(2))),
      ...servers.map((server) => cell(server, ({ rss }) => (rss / 1e6).toFixed(0))),
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((text, column) =>
      column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

function number(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
