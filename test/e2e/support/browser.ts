// A real browser for the tests of the page: an installed Chromium where there is one (CHROMIUM_PATH names it, otherwise
// the usual places are looked at), else the one that npm brings (@sparticuz/chromium, unpacked on first use). Where none
// starts, the tests are skipped, and say why.
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

export type BrowserStart =
  | { readonly browser: Browser; readonly version: string; readonly skip: false }
  | { readonly browser?: undefined; readonly skip: string };

const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Unpacking 67 MB on a busy machine takes its time; a browser that is not up by then does not come. */
const launchWithinMs = 60_000;

/** Characters of a failed start that are kept: its first lines say which library is missing. */
const reasonLengthMax = 400;

/** The packaged browser's own arguments would switch the web's security off, which is part of what is tested. */
const browserArguments = ['--no-sandbox', '--disable-dev-shm-usage'];

/**
 * Starts a browser.
 *
 * @returns the browser, or `skip`, the reason why there is none: hand it to node:test
 * @example const started = await startBrowser(); test('…', { skip: started.skip }, …)
 */
export async function startBrowser(): Promise<BrowserStart> {
  const reasons: string[] = [];
  for (const executable of [installedBrowser, packagedBrowser]) {
    try {
      const executablePath = await executable();
      if (executablePath === undefined) continue;
      const browser = await chromium.launch({ executablePath, args: browserArguments, timeout: launchWithinMs });
      return { browser, version: browser.version(), skip: false };
    } catch (error) {
      reasons.push(String(error).replaceAll(/\s+/g, ' ').slice(0, reasonLengthMax));
    }
  }
  return { skip: `no browser starts here: ${reasons.join('; ') || 'none is installed'}` };
}

async function installedBrowser(): Promise<string | undefined> {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') return named;
  return usualPaths.find((path) => existsSync(path));
}

async function packagedBrowser(): Promise<string> {
  const { default: packaged } = await import('@sparticuz/chromium');
  return await packaged.executablePath();
}
