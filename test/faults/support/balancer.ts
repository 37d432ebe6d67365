import { Api } from '../../support/api.js';

const LOOK_MS = 50;

/** What sends traffic to those APIs that say that they are ready, as a load balancer does. */
export class Balancer {
  /** Those that are ready; changes as time goes by. */
  readonly ready: Api[];
  private readonly timers: NodeJS.Timeout[];

  /** @param all ready when this begins */
  constructor(all: readonly Api[]) {
    this.ready = [...all];
    this.timers = all.map((api) =>
      setInterval(() => {
        void this.look(api);
      }, LOOK_MS),
    );
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  private async look(api: Api): Promise<void> {
    // On a connection of its own each time: one to the process that was there before says nothing.
    const isReady = await api.get('/health/ready', { headers: { connection: 'close' } }).then(
      ({ status }) => status === 200,
      () => false,
    );
    const index = this.ready.indexOf(api);
    if (isReady && index === -1) this.ready.push(api);
    if (!isReady && index !== -1) this.ready.splice(index, 1);
  }
}
