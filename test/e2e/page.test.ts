// The page in a real browser, over a real `throughline dev` with an application whose answers can be predicted: ask, stream,
// reload, second tab, stop, retry, branches, kills. What is shown is compared with the whole answer, word by word.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser } from 'playwright-core';
import { answerText } from '../support/app/answer-text.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { startBrowser } from './support/browser.ts';
import { Tab, until } from './support/page.ts';

const started = await startBrowser();
if (started.skip !== false) process.stderr.write(`page tests skipped: ${started.skip}\n`);

/** Skipped one by one where there is no browser, so that they are counted. */
const check = (name: string, body: (t: TestContext) => Promise<void>): void =>
  void test(name, { skip: started.skip }, body);

describe('the page', { concurrency: 1 }, () => {
  let browser: Browser;
  let server: TestServer;
  let tab: Tab;
  const tabs: Tab[] = [];

  before(async () => {
    if (started.browser === undefined) return;
    browser = started.browser;
    server = await startServer();
  });
  after(async () => {
    await browser?.close();
    await server?.dispose();
  });

  async function open(path = '/'): Promise<Tab> {
    tab = await Tab.open(browser, server.url + path);
    tabs.push(tab);
    return tab;
  }
  async function closeQuietly(...opened: Tab[]): Promise<void> {
    for (const each of opened) {
      assert.deepEqual(each.errors, [], 'the page logged an error');
      await each.close();
    }
  }

  check('a question from the empty page gets an address of its own and its answer, word by word', async () => {
    const tab = await open();
    const question = 'tokens=60 paceMs=10 name=first';
    await tab.ask(question);
    await until('an address of its own', () => Promise.resolve(/\/c\/\w+$/.test(tab.page.url())));
    const early = await tab.untilWords(5);
    assert.ok(answerText(question).startsWith(early), 'what is shown is the beginning of the answer');
    assert.equal(await tab.untilEnded(), 'Done');
    assert.equal(await tab.replyText(), answerText(question).trim());
    const strip = await tab.strip().innerText();
    assert.match(strip, /1 attempt/);
    assert.match(strip, /conversations-\d@\d+–\d+/);
    assert.match(strip, /1 in, 2 out/);
    await closeQuietly(tab);
  });

  check('an example question asks with one click', async () => {
    const tab = await open();
    await tab.page.getByRole('button', { name: 'How does Throughline survive a crash?' }).click();
    await tab.untilWords(3);
    assert.equal(await tab.questions.first().locator('.question').innerText(), 'How does Throughline survive a crash?');
    await tab.untilEnded();
    await closeQuietly(tab);
  });

  check('a reload in mid-answer goes on with the same answer', async () => {
    const tab = await open();
    const question = 'tokens=80 paceMs=20 name=reload';
    await tab.ask(question);
    const shown = await tab.untilWords(15);
    await tab.page.reload();
    const again = await tab.untilWords(15);
    assert.ok(again.startsWith(shown), 'nothing that was shown is gone');
    assert.equal(await tab.untilEnded(), 'Done');
    assert.equal(await tab.replyText(), answerText(question).trim());
    await closeQuietly(tab);
  });

  check('a second tab shows the same conversation live, and what it asks appears in the first', async () => {
    const first = await open();
    const question = 'tokens=80 paceMs=20 name=tabs';
    await first.ask(question);
    await first.untilWords(5);
    const second = await open(new URL(first.page.url()).pathname);
    await second.untilWords(10);
    assert.equal(await second.untilEnded(), 'Done');
    assert.equal(await second.replyText(), answerText(question).trim());
    assert.equal(await first.untilEnded(), 'Done');
    await second.ask('tokens=5 name=back');
    await until('the second answer in the first tab', async () => (await first.replies.count()) === 2);
    assert.equal(await first.untilEnded(), 'Done');
    assert.equal(await first.replyText(), answerText('tokens=5 name=back').trim());
    await closeQuietly(first, second);
  });

  check('Stop ends the reply, and the text so far stays', async () => {
    const tab = await open();
    await tab.ask('tokens=400 paceMs=20 name=stop');
    const shown = await tab.untilWords(10);
    await tab.stopButton.click();
    assert.equal(await tab.untilEnded(), 'Stopped');
    const left = await tab.replyText();
    assert.ok(left.startsWith(shown), 'what was shown is still there');
    assert.ok(left.split(' ').length < 400, 'the rest never came');
    assert.ok(answerText('tokens=400 name=stop').startsWith(left));
    await tab.page.reload();
    await tab.untilEnded();
    assert.equal(await tab.replyText(), left);
    await closeQuietly(tab);
  });

  check('Retry makes a sibling, ‹ and › go between the versions, and an edited question is a sibling too', async () => {
    const tab = await open();
    await tab.ask('tokens=8 name=branch');
    await tab.untilEnded();
    await tab.replies.nth(0).getByRole('button', { name: 'Retry' }).click();
    const versions = tab.replies.nth(0).getByRole('group', { name: 'Versions of this reply' });
    await versions.getByText('2/2').waitFor();
    await tab.untilEnded();
    await versions.getByRole('button', { name: 'Previous reply' }).click();
    await versions.getByText('1/2').waitFor();
    assert.equal(await tab.replyText(), answerText('tokens=8 name=branch').trim());

    await tab.questions.nth(0).hover();
    await tab.questions.nth(0).getByRole('button', { name: 'Edit question' }).click();
    await tab.page.getByLabel('Edited question').fill('tokens=6 name=edited');
    await tab.page.getByRole('button', { name: 'Ask this instead' }).click();
    await tab.questions.nth(0).getByText('2/2').waitFor();
    assert.equal(await tab.untilEnded(), 'Done');
    assert.equal(await tab.replyText(), answerText('tokens=6 name=edited').trim());
    await tab.questions.nth(0).getByRole('button', { name: 'Previous question' }).click();
    await until('the first answer again', async () => (await tab.replyText()).startsWith('branch:0'));
    await closeQuietly(tab);
  });

  check(
    'a killed function costs a moment: the reply goes on with the next word, and the strip says what it cost',
    async () => {
      const tab = await open();
      const question = 'tokens=150 paceMs=20 name=kill';
      await tab.ask(question);
      const shown = await tab.untilWords(20);
      await tab.breakIt('Kill the function');
      await tab.strip().getByText('2 attempts').waitFor();
      assert.equal(await tab.untilEnded(), 'Done');
      const text = await tab.replyText();
      assert.ok(text.startsWith(shown));
      assert.equal(text, answerText(question).trim());
      const strip = await tab.strip().innerText();
      assert.match(strip, /kept \d+ chunks/);
      assert.match(strip, /went on after [\d.]+ m?s/);
      await closeQuietly(tab);
    },
  );

  check('an attempt that says something else becomes a version of its own, and what was shown stays', async () => {
    const tab = await open();
    // With stamp=yes every token is the time of its writing: no two attempts agree.
    await tab.ask('tokens=120 paceMs=25 stamp=yes');
    const shown = await tab.untilWords(20);
    await tab.breakIt('Kill the function');
    const versions = tab.replies.nth(-1).getByRole('group', { name: 'Versions of this reply' });
    await versions.getByText('2/2').waitFor();
    assert.equal(await tab.untilEnded(), 'Done');
    assert.ok(!(await tab.replyText()).startsWith(shown));
    await tab.strip().getByRole('button', { name: 'Show the version before' }).click();
    await versions.getByText('1/2').waitFor();
    assert.equal(await tab.untilEnded(), 'Superseded');
    assert.ok((await tab.replyText()).startsWith(shown), 'nothing that was shown is gone');
    await tab.strip().getByRole('button', { name: 'Show the version that took over' }).click();
    await versions.getByText('2/2').waitFor();
    await closeQuietly(tab);
  });

  check('a cut connection is said, comes back by itself, and misses nothing', async () => {
    const tab = await open();
    const question = 'tokens=200 paceMs=25 name=cut';
    await tab.ask(question);
    await tab.untilWords(10);
    // Both are shown for a moment only: the page itself watches for them, from before the cut.
    const said = Promise.all([tab.untilShown('Connection lost.'), tab.untilShown('Connected again.')]);
    await tab.breakIt('Cut this tab’s connection');
    await said;
    assert.equal(await tab.untilEnded(), 'Done');
    assert.equal(await tab.replyText(), answerText(question).trim());
    await closeQuietly(tab);
  });

  check('kill -9 of the server in mid-answer loses nothing shown: the reply goes on or says why not', async () => {
    const tab = await open();
    const question = 'tokens=200 paceMs=25 name=crash';
    await tab.ask(question);
    const shown = await tab.untilWords(20);
    await server.kill9();
    await tab.page.getByText(/Connection lost|does not answer/).waitFor();
    assert.ok((await tab.replyText()).startsWith(shown), 'the text stays in sight while the server is away');
    await server.start();
    await tab.page.getByText('Connected again.').waitFor();
    const outcome = await tab.untilEnded();
    const text = await tab.replyText();
    assert.ok(text.startsWith(shown));
    if (outcome === 'Done') assert.equal(text, answerText(question).trim());
    else await tab.replies.nth(-1).getByRole('alert').waitFor();
    await closeQuietly(tab);
  });

  check(
    'a question that was sent while the server was away is shown at once and answered when it is back',
    async () => {
      const tab = await open();
      await tab.ask('tokens=5 name=before');
      await tab.untilEnded();
      await server.kill9();
      await tab.page.getByText(/Connection lost|does not answer/).waitFor();
      await tab.ask('tokens=5 name=after');
      await tab.questions.nth(1).getByText('tokens=5 name=after').waitFor();
      await server.start();
      await until('the second answer', async () => (await tab.replies.count()) === 2);
      await tab.untilEnded();
      assert.equal(await tab.replyText(), answerText('tokens=5 name=after').trim());
      assert.equal(await tab.questions.count(), 2, 'sent once, however often it was tried');
      await closeQuietly(tab);
    },
  );

  check('the server crashes from the menu and comes back by its launcher', async () => {
    const tab = await open();
    const question = 'tokens=150 paceMs=25 name=menu';
    await tab.ask(question);
    const shown = await tab.untilWords(10);
    await tab.breakIt('Crash the server');
    await tab.page.getByText('Connected again.').waitFor();
    await tab.untilEnded();
    assert.ok((await tab.replyText()).startsWith(shown));
    await closeQuietly(tab);
  });

  check('the tables page names the record that each row came from and leads to its conversation', async () => {
    const tab = await open();
    await tab.ask('tokens=5 name=row');
    await tab.untilEnded();
    const address = new URL(tab.page.url()).pathname;
    await tab.page.getByRole('link', { name: 'Tables' }).click();
    const rows = tab.page.getByRole('region', { name: 'Rows of turns' });
    await rows.waitFor();
    const row = rows.getByRole('row').filter({ hasText: 'name=row' }).first();
    await until('the row', async () => {
      if ((await row.count()) > 0) return true;
      await tab.page.getByRole('button', { name: 'Read again' }).click();
      return false;
    });
    assert.match(await row.innerText(), /conversations-\d@\d+/);
    await tab.page.getByLabel('SQL statement').fill('select count(*) as runs from turns');
    await tab.page.getByRole('button', { name: 'Run', exact: true }).click();
    await tab.page.getByRole('region', { name: 'Result' }).waitFor();
    await tab.page.getByLabel('SQL statement').fill('delete from turns');
    await tab.page.getByRole('button', { name: 'Run', exact: true }).click();
    await tab.page.getByText('SQL_INVALID').waitFor();
    await row.getByRole('link', { name: 'open' }).click();
    await until('the conversation', () => Promise.resolve(new URL(tab.page.url()).pathname === address));
    await tab.untilWords(5);
    await closeQuietly(tab);
  });
});
