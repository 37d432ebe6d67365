import type { Case, Subject } from '../harness/case.js';

const AT_ONCE = 16;

export const signups: Case = {
  name: 'signups',
  about: 'sign-ups with a one-time code (signup, send-otp, verify-otp; no password)',
  load: `closed loop, ${AT_ONCE} at once, every number new; limits on codes out of the way`,
  async prepare(bench) {
    const app = await bench.startApp({ PROCESS_ROLE: 'api', OTP_RESEND_SECONDS: '60' });
    const limit = await bench.startLimit('signups.ts', app);
    let firstNumber = 0;
    const subject = (name: string, pid: number, url: string, prefix: string): Subject => {
      const load = async (seconds: number) => {
        const result = await bench.client.call('signups', {
          ...{ url, connections: AT_ONCE, seconds, prefix, firstNumber },
        });
        firstNumber = result.lastNumber;
        return result;
      };
      return {
        name,
        pid,
        warmUp: () => load(bench.short(4, 0.5)),
        async run(meter) {
          await load(bench.short(0.5, 0.2));
          const { result } = await meter.during(() => load(bench.short(6, 1)));
          return {
            'flows/s': result['per s'],
            'p50 ms': result['p50 ms'],
            'p99 ms': result['p99 ms'],
            'server µs': meter.serverMicros(result.answers),
          };
        },
      };
    };
    // Each with numbers of its own: they share the table of accounts.
    return [
      subject('application', app.process.pid, app.api.url, '+49151'),
      subject('limit', limit.pid, limit.ready as string, '+49170'),
    ];
  },
  judge: (results) => [
    {
      ...{ what: 'flows a second', unit: '', better: 'higher', must: 300, aim: 1000 },
      value: results.median('application', 'flows/s'),
    },
    {
      ...{ what: 'of the limit', unit: '', better: 'higher' },
      value: results.ratio('application', 'limit', 'flows/s'),
    },
  ],
};
