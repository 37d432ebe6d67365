import type { Api } from '../../support/api.js';
import { until } from '../../support/until.js';
import type { Watched } from './aftermath.js';
import type { Sent } from './crowd.js';
import { Watcher } from './watcher.js';

/** Opens the stream of each reply, as its person's client does. */
export const watch = (sent: readonly Sent[], apis: readonly Api[], dropAfter?: () => number): Watched[] =>
  sent.map((one) => ({
    sent: one,
    watcher: new Watcher(
      apis.map(({ url }) => url),
      one.streamUrl,
      dropAfter,
    ),
  }));

/** Waits until that many replies are being written before people's eyes. */
export const untilShown = (watchers: readonly Watched[], count: number): Promise<unknown> =>
  until(
    `${count} replies are shown`,
    () => watchers.filter(({ watcher }) => watcher.text !== '').length >= count,
  );
