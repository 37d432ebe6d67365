import type { Env } from '../config/env.js';

type DeadlineName = 'GEMINI_TIMEOUT_MS' | 'GEMINI_FIRST_BYTE_TIMEOUT_MS' | 'GEMINI_IDLE_TIMEOUT_MS';

/** The deadlines of one call: the whole of it, its first frame, and the silence before each further one. */
export class CallDeadlines {
  private readonly whole: NodeJS.Timeout;
  private silence: NodeJS.Timeout;

  /** @param onMissed gets an error that names the setting */
  constructor(
    private readonly env: Env,
    private readonly onMissed: (reason: Error) => void,
  ) {
    this.whole = this.start('GEMINI_TIMEOUT_MS');
    this.silence = this.start('GEMINI_FIRST_BYTE_TIMEOUT_MS');
  }

  /** A frame came. What its reader does with it is not the model's silence. */
  rest(): void {
    clearTimeout(this.silence);
  }

  /** The next frame is waited for. */
  expectFrame(): void {
    clearTimeout(this.silence);
    this.silence = this.start('GEMINI_IDLE_TIMEOUT_MS');
  }

  end(): void {
    clearTimeout(this.whole);
    clearTimeout(this.silence);
  }

  private start(name: DeadlineName): NodeJS.Timeout {
    return setTimeout(() => {
      this.onMissed(new Error(`${name} is over`));
    }, this.env[name]);
  }
}
