// Readers of a topic that leave while they follow it: that is how a follower ends, and nothing to log. (Each of them was
// logged as an error: the body that the reader had cancelled was closed once more.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBroker } from '@throughline/broker';
import { systemClock, utf8, type Logger } from '@throughline/event';
import { logApi } from '@throughline/gateway';
import { embedded } from '@throughline/log';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const query of ['follow=true', 'follow=true&limit=5', 'waitMs=60000&offset=latest']) {
  test(`a reader that leaves is nothing to log: ${query}`, { timeout: 30_000 }, async (t) => {
    const log = embedded({ broker: await openBroker({ memory: true }) });
    t.after(() => log.close());
    await log.admin.createTopic('left', { partitions: 2 });
    await log.append('left', [{ key: null, value: utf8('one') }]);
    const said: string[] = [];
    const say = (_fields: object, message: string): void => void said.push(message);
    const logger: Logger = { debug: () => {}, info: say, warn: say, error: say };
    const closing = new AbortController();
    const context = { log, bodyBytesMax: 1e6, longPollMs: 60_000, clock: systemClock, logger, closing: closing.signal };
    const response = await logApi(context, new Request(`http://log/v1/topics/left/records?${query}`));
    const reader = response.body!.getReader();
    if (query.startsWith('follow')) assert.equal((await reader.read()).done, false);
    // The body asks for its next page, which does not come.
    for (let turns = 0; turns < 5; turns++) await turn();
    await reader.cancel();
    for (let turns = 0; turns < 5; turns++) await turn();
    assert.deepEqual(said, []);
  });
}
