import { Child } from '../harness/child.js';
import type { Loads } from './client-process.js';

interface Reply {
  call: number;
  result?: unknown;
  error?: string;
}

/** The client, in a process of its own: what it costs is told apart, and no timer of the harness waits behind it. */
export class LoadClient {
  private calls = 0;

  private constructor(private readonly child: Child) {
    child.process.setMaxListeners(0);
  }

  static async start(): Promise<LoadClient> {
    return new LoadClient(await Child.start('load/client-process.ts'));
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Does that there, and resolves with what it returns. */
  async call<Name extends keyof Loads>(
    load: Name,
    options: Parameters<Loads[Name]>[0],
  ): Promise<Awaited<ReturnType<Loads[Name]>>> {
    const call = (this.calls += 1);
    const reply = await new Promise<Reply>((resolve) => {
      const onMessage = (message: Reply): void => {
        if (message.call !== call) return;
        this.child.process.off('message', onMessage);
        resolve(message);
      };
      this.child.process.on('message', onMessage).send({ call, load, options });
    });
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.result as Awaited<ReturnType<Loads[Name]>>;
  }

  stop(): Promise<void> {
    return this.child.stop();
  }
}
