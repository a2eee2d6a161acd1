// The page as a person uses it: what the tests press and read, by roles and labels and never by class names.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

/** Long enough for a busy two-core machine; a test that waits for it in vain fails with what it waited for. */
const withinMs = 20_000;

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: 'light' | 'dark';
  readonly context?: BrowserContext;
}

/** One tab. Whatever the page logs as an error is kept, for a test to look at. */
export class Tab {
  readonly page: Page;
  readonly errors: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(withinMs);
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      // A request that fails while the server is down is logged by the browser itself.
      if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text()))
        this.errors.push(message.text());
    });
  }

  static async open(browser: Browser, url: string, options: OpenOptions = {}): Promise<Tab> {
    const { width = 1280, height = 800, scheme = 'light' } = options;
    const context = options.context ?? (await browser.newContext({ viewport: { width, height }, colorScheme: scheme }));
    const tab = new Tab(await context.newPage());
    await tab.page.goto(url);
    await tab.composer.waitFor();
    return tab;
  }

  get composer(): Locator {
    return this.page.getByLabel('Your question');
  }

  get stopButton(): Locator {
    return this.page.getByRole('button', { name: 'Stop', exact: true });
  }

  /** The replies of the branch that is shown, in order. */
  get replies(): Locator {
    return this.page.getByRole('article', { name: 'Reply' });
  }

  get questions(): Locator {
    return this.page.getByRole('article', { name: 'Question' });
  }

  /** The text of a reply, the newest by default, without what stands around it. */
  async replyText(index = -1): Promise<string> {
    const text = await this.replies.nth(index).locator('[data-reply-text]').first().innerText({ timeout: withinMs });
    return text.replaceAll(/\s+/g, ' ').trim();
  }

  strip(index = -1): Locator {
    return this.replies.nth(index).getByRole('group', { name: 'How this reply was made' });
  }

  async ask(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Waits until the newest reply has at least `words` words: the middle of an answer. */
  async untilWords(words: number): Promise<string> {
    return await until(`a reply of ${words} words`, async () => {
      if ((await this.replies.count()) === 0) return undefined;
      const text = await this.replyText();
      return text.split(' ').length >= words ? text : undefined;
    });
  }

  /** Waits until the newest reply has ended, and returns how: the strip's first words. */
  async untilEnded(index = -1): Promise<string> {
    return await until('the end of the reply', async () => {
      if ((await this.replies.count()) === 0) return undefined;
      const text = await this.strip(index).innerText({ timeout: withinMs });
      return /^\s*Status\s+(Done|Stopped|Failed|Superseded)/.exec(text)?.[1];
    });
  }

  /** Resolves once `text` has been shown, however shortly: the page looks at every frame, not this process now and then. */
  async untilShown(text: string): Promise<void> {
    await this.page.waitForFunction((wanted) => document.body.innerText.includes(wanted), text, { polling: 'raf' });
  }

  async breakIt(entry: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Break it' }).click();
    await this.page.getByRole('menuitem', { name: entry }).click();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Polls until `probe` gives something else than undefined or false. */
export async function until<Value>(what: string, probe: () => Promise<Value | undefined | false>): Promise<Value> {
  const deadlineMs = performance.now() + withinMs;
  while (performance.now() < deadlineMs) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    await wait(25);
  }
  throw new assert.AssertionError({ message: `waited ${withinMs} ms in vain for ${what}` });
}
