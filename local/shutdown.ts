/** One of the things that run, in the order in which they stop: first who uses the others. */
export type PartName =
  | 'app'
  | 'migrations'
  | 'stand-in front end'
  | 'simulated Stripe'
  | 'simulated Gemini'
  | 'simulated SMS'
  | 'Redis'
  | 'PostgreSQL';

export interface Part {
  stop: (force?: boolean) => Promise<void>;
  /** Settles when the part ends, with how; absent for parts that live in this process. */
  exited?: Promise<string>;
  lastLines?: () => string;
}

const STOP_ORDER: PartName[] = [
  'app',
  'migrations',
  'stand-in front end',
  'simulated Stripe',
  'simulated Gemini',
  'simulated SMS',
  'Redis',
  'PostgreSQL',
];
/** npm passes on the SIGINT that the terminal has already sent to everyone: twice at once is one Ctrl-C. */
const SAME_KEY_PRESS_MS = 1_000;

/** Thrown where something would be started after the stop was asked for. */
export class Stopping extends Error {}

/** Knows everything that was started, when it has to stop, and why. */
export class Shutdown {
  /** Resolves when somebody asks for the stop. */
  readonly requested: Promise<void>;
  exitCode = 0;
  /** Which part failed, to be said again at the very end: others may have filled the screen with what followed from it. */
  reason: string | null = null;

  private readonly parts = new Map<PartName, Part>();
  private readonly starting = new Set<Promise<unknown>>();
  private requestedAt: number | null = null;
  private announce: () => void = () => undefined;

  constructor() {
    this.requested = new Promise((resolve) => (this.announce = resolve));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        this.onSignal(signal);
      });
    }
    // A terminal or a pipe that is gone must not cut the stop short.
    process.stdout.on('error', () => {
      this.request(0);
    });
    process.stderr.on('error', () => undefined);
  }

  /** Starts a part and answers for its end. A part that ends by itself takes all others with it. */
  async start<P extends Part>(name: PartName, launch: () => Promise<P>): Promise<P> {
    this.refuseWhenStopping();
    const launching = launch().then((part) => {
      this.parts.set(name, part);
      void part.exited?.then((how) => {
        this.onExit(name, part, how);
      });
      return part;
    });
    this.starting.add(launching);
    const part = await launching.finally(() => this.starting.delete(launching));
    this.refuseWhenStopping();
    return part;
  }

  /** For a part whose work is done: its end is no accident. */
  forget(name: PartName): void {
    this.parts.delete(name);
  }

  request(exitCode: number, message?: string): void {
    if (this.requestedAt !== null) return;
    this.requestedAt = Date.now();
    this.exitCode = exitCode;
    if (message) console.error(message);
    this.announce();
  }

  /** Waits for what is still starting, then stops everything in order. */
  async stopAll(): Promise<void> {
    this.requestedAt ??= Date.now();
    while (this.starting.size > 0) await Promise.allSettled(this.starting);
    for (const name of STOP_ORDER) {
      try {
        await this.parts.get(name)?.stop();
      } catch (error) {
        console.error(
          `${name} could not be stopped: ${error instanceof Error ? error.message : String(error)}`,
        );
        this.exitCode = 1;
      }
    }
  }

  private onSignal(signal: NodeJS.Signals): void {
    if (this.requestedAt === null) {
      this.request(0, `\n${signal === 'SIGINT' ? 'Ctrl-C' : signal}: stopping (once more: at once)`);
    } else if (Date.now() - this.requestedAt > SAME_KEY_PRESS_MS) {
      console.error('Stopping at once.');
      this.exitCode = 130;
      // The rest has nobody left to wait for and follows in milliseconds.
      for (const name of ['app', 'migrations'] as const) void this.parts.get(name)?.stop(true);
    }
  }

  private onExit(name: PartName, part: Part, how: string): void {
    if (this.requestedAt !== null || this.parts.get(name) !== part) return;
    // The app's own output is on the terminal already.
    const output = name === 'app' ? '' : (part.lastLines?.() ?? '');
    this.reason = `${name} ended by itself (${how})`;
    this.request(1, `${output}\n${this.reason}, stopping everything.`);
  }

  private refuseWhenStopping(): void {
    if (this.requestedAt !== null) throw new Stopping();
  }
}
