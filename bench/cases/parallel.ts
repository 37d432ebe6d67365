import type { Case } from '../harness/case.js';
import { Bursts } from '../support/replies.js';

const PROMPTS = 1000;

export const parallel: Case = {
  name: 'parallel',
  about: `${PROMPTS.toLocaleString('en-US')} prompts in as many rooms, model 1 s: until all are answered`,
  load: `closed loop, 50 connections; one process accepts and answers, REPLY_CONCURRENCY=${PROMPTS} (200 is the default)`,
  async prepare(bench) {
    const bursts = await Bursts.prepare(bench, {
      ...{ prompts: PROMPTS, model: { firstTokenMs: 1000, chunkMs: 0 } },
      settings: { REPLY_CONCURRENCY: String(PROMPTS) },
    });
    return [bursts.application('from the first prompt'), bursts.byHand('from the first prompt')];
  },
  judge: (results) => [
    {
      ...{ what: 'all answered after', unit: ' s', better: 'lower', must: 3, aim: 1.5 },
      value: results.median('application', 'all after s'),
    },
    {
      ...{ what: 'times as long as the limit', unit: '', better: 'lower' },
      value: results.ratio('application', 'limit', 'all after s'),
    },
  ],
};
