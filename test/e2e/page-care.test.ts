// The page with care: what an answer cannot do to it, what the keyboard and a screen reader can do with it, that nothing
// hides on a phone, in the dark or behind a long answer. Screenshots go to a temporary folder for a person to look at.
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { startServer, type TestServer } from '../support/server.ts';
import { startBrowser } from './support/browser.ts';
import { Tab, until } from './support/page.ts';

const started = await startBrowser();
if (started.skip !== false) process.stderr.write(`page tests skipped: ${started.skip}\n`);

/** Skipped one by one where there is no browser, so that they are counted. */
const check = (name: string, body: (t: TestContext) => Promise<void>): void =>
  void test(name, { skip: started.skip }, body);

describe('the page, with care', { concurrency: 1 }, () => {
  let browser: Browser;
  let server: TestServer;
  /** Its application answers with every kind of part, and ends in every way. */
  let every: TestServer;
  let folder = '';

  before(async () => {
    if (started.browser === undefined) return;
    browser = started.browser;
    folder = process.env['THROUGHLINE_SCREENSHOTS'] ?? (await mkdtemp(path.join(tmpdir(), 'throughline-page-')));
    server = await startServer();
    every = await startServer({ app: fileURLToPath(new URL('support/app', import.meta.url)) });
  });
  after(async () => {
    await browser?.close();
    await Promise.all([server?.dispose(), every?.dispose()]);
  });

  async function shoot(tab: Tab, name: string): Promise<void> {
    const isWider = await tab.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(isWider, false, `${name} scrolls sideways`);
    await tab.page.screenshot({ path: path.join(folder, `${name}.png`) });
  }

  const open = (where = '/', options = {}): Promise<Tab> => Tab.open(browser, server.url + where, options);

  async function assertAccessible(page: Page, what: string): Promise<void> {
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
    );
    assert.deepEqual(found, [], what);
  }

  check('nothing of a question or an answer runs, is loaded, or leaves the page unasked', async () => {
    const tab = await open();
    const foreign: string[] = [];
    tab.page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) foreign.push(request.url());
    });
    // The test application repeats `name=` at the head of every token of its answer.
    for (const name of [
      '<img/src=x/onerror=globalThis.ran=1>',
      '<script>globalThis.ran=1</script>',
      '<svg/onload=globalThis.ran=1>',
      '<iframe/srcdoc="<script>parent.ran=1</script>">',
      '[link](javascript:globalThis.ran=1)',
      '![picture](http://127.0.0.1:9/pixel.png)',
    ]) {
      const count = await tab.replies.count();
      await tab.ask(`tokens=2 name=${name}`);
      await until('the reply', async () => (await tab.replies.count()) === count + 1);
      await tab.untilEnded();
    }
    const log = tab.page.getByRole('log');
    assert.equal(await tab.page.evaluate(() => (globalThis as { ran?: number }).ran), undefined);
    assert.equal(await log.locator('img, script, iframe, svg[onload], a[href^="javascript" i]').count(), 0);
    assert.deepEqual(foreign, []);
    assert.match(await log.innerText(), /<img\/src=x/, 'HTML is shown as the characters it is made of');
    for (const link of await log.locator('[data-reply-text] a').all())
      assert.match((await link.getAttribute('rel')) ?? '', /noopener/);
    assert.deepEqual(tab.errors, []);
    await tab.close();
  });

  check('a reply that failed says what happened, by which code and what to do, and Retry makes another', async () => {
    const tab = await Tab.open(browser, every.url);
    await tab.ask('cut');
    assert.equal(await tab.untilEnded(), 'Failed');
    assert.equal(await tab.replyText(), 'Half an answer', 'the text so far stays');
    const alert = tab.replies.nth(-1).getByRole('alert');
    assert.match(await alert.innerText(), /MODEL_CUT[^]*after 3 chunks[^]*Press Retry; the text so far stays\./);
    await alert.getByRole('button', { name: 'Retry' }).click();
    await tab.replies.nth(0).getByText('2/2').waitFor();
    assert.equal(await tab.untilEnded(), 'Failed');
    await tab.ask('throw');
    await until('the second reply', async () => (await tab.replies.count()) === 2);
    assert.equal(await tab.untilEnded(), 'Failed');
    assert.match(await tab.replies.nth(1).getByRole('alert').innerText(), /FUNCTION_ERROR[^]*had enough/);
    await assertAccessible(tab.page, 'failed replies');
    await shoot(tab, 'failed');
    await tab.close();
  });

  check('every kind of part has its place: Markdown, reasoning, tools, sources', async () => {
    const tab = await Tab.open(browser, every.url);
    await tab.ask('rich');
    assert.equal(await tab.untilEnded(), 'Done');
    const reply = tab.replies.nth(0);
    for (const [role, name] of [
      ['heading', 'What follows'],
      ['link', 'link'],
      ['table', undefined],
      ['blockquote', undefined],
      ['button', 'Copy code'],
    ] as const)
      assert.equal(await reply.getByRole(role, name === undefined ? {} : { name, exact: true }).count(), 1, role);
    assert.match(await reply.innerText(), /Tool search has answered/);
    await reply.getByText('Reasoning').click();
    await reply.getByText('First I thought.').waitFor();
    const sources = reply.getByRole('list', { name: 'Sources' });
    assert.equal(await sources.getByRole('listitem').count(), 2);
    assert.equal(await sources.getByRole('link').count(), 1, 'a source whose address could run something is no link');
    await tab.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await reply.getByRole('button', { name: 'Copy code' }).click();
    await reply.getByText('Copied').waitFor();
    assert.match(await tab.page.evaluate(() => navigator.clipboard.readText()), /^const answer = await log\.read/);
    await reply.getByRole('button', { name: 'Copy reply' }).click();
    await until('the reply in the clipboard', () =>
      tab.page.evaluate(async () => (await navigator.clipboard.readText()).includes('## What follows')),
    );
    await assertAccessible(tab.page, 'every kind of part');
    await shoot(tab, 'rich');
    assert.deepEqual(tab.errors, []);
    await tab.close();
  });

  check('axe finds nothing to complain about, light and dark, wide and narrow', async () => {
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 360],
    ] as const) {
      const tab = await open('/', { scheme, width });
      await assertAccessible(tab.page, `empty page, ${scheme}`);
      await tab.ask('tokens=12 name=axe');
      await tab.untilEnded();
      await assertAccessible(tab.page, `conversation, ${scheme}`);
      await tab.page.getByRole('button', { name: 'Break it' }).click();
      await assertAccessible(tab.page, `open menu, ${scheme}`);
      await tab.page.keyboard.press('Escape');
      await tab.page.goto(`${server.url}/tables`);
      await tab.page.getByRole('region', { name: 'Rows of turns' }).waitFor();
      await assertAccessible(tab.page, `tables, ${scheme}`);
      await tab.close();
    }
  });

  check('a finished reply is announced once, and its tokens are not', async () => {
    const tab = await open();
    await tab.page.evaluate(() => {
      const said: string[] = [];
      Object.assign(globalThis, { said });
      new MutationObserver(() => {
        const text = document.querySelector('[data-announcer]')?.textContent ?? '';
        if (text !== '' && text !== said.at(-1)) said.push(text);
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await tab.ask('tokens=30 paceMs=10 name=said');
    await tab.untilEnded();
    const said = await until('the announcement', () =>
      tab.page.evaluate(() => {
        const { said } = globalThis as unknown as { said: string[] };
        return said.some((text) => text.includes('said:29')) ? said : undefined;
      }),
    );
    assert.equal(said.length, 2, `said: ${said.join(' / ')}`);
    assert.equal(await tab.page.getByRole('log').getAttribute('aria-live'), 'off');
    await tab.close();
  });

  check('the keyboard reaches everything', async () => {
    const tab = await open();
    const { page } = tab;
    await tab.ask('tokens=5 name=keys');
    await tab.untilEnded();
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'composer');
    await page.keyboard.type('one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('two ?n');
    assert.equal(await tab.composer.inputValue(), 'one\ntwo ?n', 'letters belong to whoever is writing');
    // An input method that composes keeps its Enter.
    await tab.composer.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true });
    assert.equal(await tab.composer.inputValue(), 'one\ntwo ?n');
    await page.reload();
    await tab.composer.waitFor();
    assert.equal(await tab.composer.inputValue(), 'one\ntwo ?n', 'a draft survives a reload');
    await tab.composer.fill('tokens=500 paceMs=20 name=esc');
    await page.keyboard.press('Enter');
    await until('the second reply', async () => (await tab.replies.count()) === 2);
    await tab.untilWords(5);
    await page.keyboard.press('Escape');
    assert.equal(await tab.untilEnded(), 'Stopped');
    await page.getByRole('heading', { level: 1 }).click();
    await page.keyboard.press('n');
    await page.getByText('Ask. Then try to make it forget.').waitFor();
    await tab.close();
  });

  check('a reader who has scrolled up stays where they are, and comes back with one press', async () => {
    const tab = await open('/', { height: 500 });
    const log = tab.page.getByRole('log');
    await tab.ask('tokens=2000 paceMs=2 name=scroll');
    await tab.untilWords(600);
    const distance = (): Promise<number> =>
      log.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight);
    await until('following the end', async () => (await distance()) < 60);
    await log.hover();
    await tab.page.mouse.wheel(0, -400);
    await until('having left the end', async () => (await distance()) > 200);
    const top = await log.evaluate((element) => element.scrollTop);
    const words = (await tab.replyText()).split(' ').length;
    await tab.untilWords(words + 300);
    assert.equal(await log.evaluate((element) => element.scrollTop), top, 'growing text does not move the reader');
    await tab.page.getByRole('button', { name: 'Jump to newest' }).click();
    await until('the end again', async () => (await distance()) < 60);
    await tab.untilEnded();
    assert.ok((await distance()) < 60);
    await tab.close();
  });

  check('a finished reply is left alone while the next one is written', async () => {
    const tab = await open();
    await tab.ask('tokens=40 name=finished');
    await tab.untilEnded();
    await tab.page.evaluate(() => {
      const finished = document.querySelector('[data-reply-text]');
      const changes = { count: 0 };
      Object.assign(globalThis, { changes });
      if (finished === null) throw new Error('no reply');
      new MutationObserver((records) => (changes.count += records.length)).observe(finished, {
        subtree: true,
        childList: true,
        characterData: true,
        attributes: true,
      });
    });
    await tab.ask('tokens=100 paceMs=5 name=next');
    await until('the second reply', async () => (await tab.replies.count()) === 2);
    await tab.untilEnded();
    assert.equal(
      await tab.page.evaluate(() => (globalThis as unknown as { changes: { count: number } }).changes.count),
      0,
    );
    await tab.close();
  });

  check('a chosen theme holds after a reload, against what the system says', async () => {
    const tab = await open('/', { scheme: 'light' });
    const background = (): Promise<string> =>
      tab.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await background();
    await tab.page.getByRole('button', { name: 'Theme: as the system' }).click();
    await tab.page.getByRole('button', { name: 'Theme: light' }).click();
    await tab.page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    const dark = await background();
    assert.notEqual(dark, light);
    await tab.page.reload();
    await tab.composer.waitFor();
    assert.equal(await background(), dark);
    await tab.close();
  });

  check('conversations are renamed, archived, deleted when that is confirmed, and filtered', async () => {
    const tab = await open();
    const { page } = tab;
    await tab.ask('tokens=2 name=zebra');
    await tab.untilEnded();
    const list = page.getByRole('navigation', { name: 'Conversations', exact: true });
    const act = async (title: string, entry: string): Promise<void> => {
      await list.getByRole('listitem').filter({ hasText: title }).hover();
      await page.getByRole('button', { name: `Actions for ${title}` }).click();
      await page.getByRole('menuitem', { name: entry }).click();
    };
    await act('tokens=2 name=zebra', 'Rename');
    await page.getByLabel('Title').fill('Stripes');
    await page.keyboard.press('Enter');
    await list.getByRole('link', { name: /Stripes/ }).waitFor();
    await page.getByLabel('Filter conversations').fill('stri');
    await until('one row', async () => (await list.getByRole('listitem').count()) === 1);
    await page.getByLabel('Filter conversations').fill('');
    await act('Stripes', 'Archive');
    await list.getByRole('link', { name: /Stripes/ }).waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: /archived conversation/i }).click();
    await page.getByRole('link', { name: /Stripes/ }).waitFor();
    await page.getByRole('button', { name: 'Actions for Stripes' }).click();
    await page.getByRole('menuitem', { name: 'Take out of the archive' }).click();
    await page.getByRole('button', { name: 'Back to all conversations' }).click();
    await act('Stripes', 'Delete');
    await page.getByRole('button', { name: 'Keep it' }).click();
    await act('Stripes', 'Delete');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await list.getByRole('link', { name: /Stripes/ }).waitFor({ state: 'hidden' });
    await page.getByText('Ask. Then try to make it forget.').waitFor();
    await page.reload();
    await tab.composer.waitFor();
    await list.getByRole('listitem').first().waitFor();
    assert.equal(await list.getByRole('link', { name: /Stripes/ }).count(), 0);
    assert.deepEqual(tab.errors, []);
    await tab.close();
  });

  check('on a phone of 360 px nothing is cut off, and pictures of every screen are kept for looking at', async (t) => {
    for (const [width, height] of [
      [360, 740],
      [1280, 860],
    ] as const) {
      for (const scheme of ['light', 'dark'] as const) {
        const tab = await open('/', { width, height, scheme });
        const shootAs = (name: string): Promise<void> => shoot(tab, `${width}-${scheme}-${name}`);
        await shootAs('empty');
        await tab.ask('tokens=120 paceMs=10 name=picture');
        await tab.untilWords(40);
        await shootAs('streaming');
        await tab.breakIt('Kill the function');
        await tab.untilEnded();
        await shootAs('killed');
        if (width === 360) {
          await tab.page.getByRole('button', { name: 'Conversations' }).click();
          await shootAs('drawer');
        }
        await tab.page.goto(`${server.url}/tables`);
        await tab.page.getByRole('region', { name: 'Rows of turns' }).waitFor();
        await shootAs('tables');
        await tab.close();
      }
    }
    t.diagnostic(`screenshots: ${folder}`);
  });
});
