import { cpuSeconds, cpuSecondsOfTree, forgetPeak, HAS_PROC, memory } from './proc.js';

/** Who shares the machine in a run, by pid. */
export interface Processes {
  server: number;
  postgres: number;
  redis: number;
  client: number;
  /** The simulated model, where a case has one. */
  model?: number;
}

export type Part = keyof Processes;

export interface Measured {
  seconds: number;
  /** CPU of each part as a share of one core: 1 is a core that did nothing else. */
  cpu: Partial<Record<Part, number>>;
  /** Of the server, MB; NaN where the system does not say. */
  peakMb: number;
}

/** Looks on while the measured part of a run goes on. */
export class Meter {
  measured: Measured | undefined;

  constructor(private readonly processes: Processes) {}

  /** For subjects that start their process anew in each run. */
  follow(server: number): void {
    this.processes.server = server;
  }

  /** @returns what `work` does, and the seconds it took */
  async during<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
    const { server } = this.processes;
    if (server > 0) forgetPeak(server);
    const before = this.cpu();
    const began = performance.now();
    const result = await work();
    const seconds = (performance.now() - began) / 1000;
    const after = this.cpu();
    this.measured = {
      seconds,
      cpu: Object.fromEntries(
        Object.entries(after).map(([part, at]) => [part, (at - (before[part] ?? 0)) / seconds]),
      ),
      peakMb: HAS_PROC && server > 0 ? memory(server).peak / 1024 ** 2 : NaN,
    };
    return { result, seconds };
  }

  /** CPU that the server spent on each of so many, µs: says the same however busy the machine is with other things. */
  serverMicros(count: number): number {
    const { cpu, seconds } = this.measured ?? { cpu: {}, seconds: 0 };
    return ((cpu.server ?? NaN) * seconds * 1e6) / count;
  }

  private cpu(): Record<string, number> {
    if (!HAS_PROC) return {};
    return Object.fromEntries(
      Object.entries(this.processes)
        .filter(([, pid]: [string, number]) => pid > 0)
        .map(([part, pid]: [string, number]) => [
          part,
          part === 'postgres' ? cpuSecondsOfTree(pid) : cpuSeconds(pid),
        ]),
    );
  }
}
