import type { Case } from '../harness/case.js';
import { machineSpeed } from '../support/one-get.js';
import { Bursts } from '../support/replies.js';

const PROMPTS = 2000;

export const burst: Case = {
  name: 'burst',
  about: `${PROMPTS.toLocaleString('en-US')} prompts, each in a room of its own, model 0 ms: until all are answered`,
  load: 'closed loop, 50 connections; one process accepts and answers, REPLY_CONCURRENCY=200',
  async prepare(bench) {
    const bursts = await Bursts.prepare(bench, {
      ...{ prompts: PROMPTS, model: { firstTokenMs: 0, chunkMs: 0 }, settings: {} },
    });
    return [
      bursts.application('from the first prompt'),
      bursts.byHand('from the first prompt'),
      bursts.application('from the queue'),
      bursts.byHand('from the queue'),
      await bursts.oneGet(),
    ];
  },
  judge: (results) => [
    {
      ...{ what: 'replies a second, accepting included', unit: '', better: 'higher', must: 800, aim: 2000 },
      value: results.median('application', 'replies/s'),
    },
    {
      ...{
        what: 'the same on the machine of the reference, by limits of one GET',
        unit: '',
        better: 'higher',
      },
      ...{ must: 800, aim: 2000 },
      value: results.median('application', 'replies/s') / machineSpeed(results),
    },
    {
      ...{ what: 'of the limit', unit: '', better: 'higher' },
      value: results.ratio('application', 'limit', 'replies/s'),
    },
    {
      ...{ what: 'replies a second, all queued before', unit: '', better: 'higher', must: 800, aim: 2000 },
      value: results.median('application, queued before', 'replies/s'),
    },
    {
      ...{ what: 'the same, all queued before, on the machine of the reference', unit: '', better: 'higher' },
      ...{ must: 800, aim: 2000 },
      value: results.median('application, queued before', 'replies/s') / machineSpeed(results),
    },
    {
      ...{ what: 'of the limit, all queued before', unit: '', better: 'higher' },
      value: results.ratio('application, queued before', 'limit, queued before', 'replies/s'),
    },
  ],
};
