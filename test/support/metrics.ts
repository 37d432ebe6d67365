/** One line of what a process tells Prometheus. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a process tells Prometheus, read as Prometheus does. */
export class Scrape {
  private constructor(
    readonly text: string,
    readonly samples: readonly Sample[],
    /** Names and label names of all metrics, of those without a value too. */
    readonly names: ReadonlySet<string>,
  ) {}

  static async of(url: string): Promise<Scrape> {
    const response = await fetch(`${url}/metrics`);
    if (response.status !== 200) throw new Error(`/metrics: ${response.status}`);
    const text = await response.text();
    const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(
      ([, name = '', labels = '', value]) => ({ name, labels: labelsOf(labels), value: Number(value) }),
    );
    const typed = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    );
    return new Scrape(text, samples, new Set(typed));
  }

  /** All samples of a metric that have these labels, among others. */
  all(name: string, labels: Record<string, string> = {}): Sample[] {
    return this.samples.filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
  }

  /** Their sum; undefined where there are none. */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const found = this.all(name, labels);
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }
}

const labelsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
