// The rounds: each scenario on each server, interleaved.

import { progress } from "../support/command_line.ts";
import type { Profile } from "./profile.ts";
import { costs, type Measurement } from "./report.ts";
import type { Figures, Scenario } from "./scenarios.ts";
import { type Server, usage } from "./servers.ts";

/** A server under measurement, and the profile that is made of it, if one is. */
export interface Subject extends Server {
  readonly name: string;
  readonly profile: Profile | undefined;
}

/**
 * Runs all rounds.
 *
 * @param rounds How many, after one of a second that does not count.
 * @param seconds Length of a load.
 */
export async function compare(
  subjects: readonly Subject[],
  scenarios: readonly Scenario[],
  rounds: number,
  seconds: number,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const scenario of scenarios) {
    const serving = subjects.filter(({ name }) => !scenario.notOn?.includes(name));
    for (const subject of serving) await load(subject, scenario, 1);
    for (let round = 1; round <= rounds; round++) {
      // Each goes first in every other round.
      const order = round % 2 === 1 ? serving : serving.toReversed();
      for (const subject of order) {
        const { name: server, process } = subject;
        const before = await usage(process.pid);
        const figures = await load(subject, scenario, seconds);
        const { cpu, rss } = await usage(process.pid);
        const all = { ...figures, ...costs(scenario, figures, cpu - before.cpu, rss) };
        measurements.push({ scenario: scenario.name, server, round, figures: all });
        const shown = scenario.shown.map(({ figure, unit }) =>
          `${figures[figure]!.toPrecision(5)} ${unit}`
        );
        progress(
          `${scenario.name} ${round}/${rounds} ${server}: ${shown.join(", ")}` +
            ` (client at ${(figures["client load"]! * 100).toFixed(0)} % of a core` +
            `${figures.errors! > 0 ? `, ${figures.errors} ERRORS` : ""})`,
        );
      }
    }
  }
  return measurements;
}

function load(subject: Subject, scenario: Scenario, seconds: number): Promise<Figures> {
  const run = () => scenario.load(subject.clients, seconds);
  return subject.profile?.during(subject.process.pid, run) ?? run();
}
