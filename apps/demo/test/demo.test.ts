import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onnxruntimeNode } from '@pocketlens/backend-onnxruntime-node';
import { modelDirectory } from '@pocketlens/model-tiny';
import { openModel } from '@pocketlens/runtime';
import type { VisionLanguageModel } from '@pocketlens/runtime';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { chromiumPath } from './chromium.js';
import { buildSite, serveSite } from './site.js';
import type { Site } from './site.js';

const root = path.resolve(import.meta.dirname, '../../..');
const screenshots = path.join(import.meta.dirname, '../.cache/screenshots');
const PHONE = { width: 360, height: 740 };
const DESK = { width: 1280, height: 800 };

/** A camera that shows a test picture. */
const BROWSER_ARGUMENTS = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

const CASES = [
  { example: 'Receipt', file: 'examples/receipt.png', question: 'What is the total?' },
  { example: 'Street sign', file: 'apps/demo/public/examples/sign.png', question: 'What does the sign say?' },
  { example: 'Notice', file: 'apps/demo/public/examples/note.png', question: 'Read the text.' },
  { example: 'Dialog', file: 'apps/demo/public/examples/screen.png', question: 'What does the right button say?' },
] as const;

// Each opens models in a browser; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 });

if (chromiumPath === undefined)
  console.warn('apps/demo: no Chromium here, its tests are skipped (apt-get install chromium)');

describe.skipIf(chromiumPath === undefined)('the demo in Chromium', () => {
  let browser: Browser;
  let site: Site;
  let context: BrowserContext | undefined;
  let node: VisionLanguageModel;
  /** Addresses outside the page's origin that anything asked for. */
  let foreign: string[] = [];

  beforeAll(async () => {
    await mkdir(screenshots, { recursive: true });
    await buildSite();
    site = await serveSite({ isolated: true });
    browser = await chromium.launch({ executablePath: chromiumPath!, args: BROWSER_ARGUMENTS });
    node = await openModel(modelDirectory, { backend: onnxruntimeNode({ worker: false }) });
  }, 240_000);

  afterEach(async () => {
    await context?.close();
    context = undefined;
    expect(foreign).toEqual([]);
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await node?.dispose();
  });

  async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    foreign = [];
    context = await browser.newContext({ viewport: DESK, locale: 'en-GB', reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(60_000);
    context.on('request', (request) => {
      const asked = new URL(request.url());
      if (asked.protocol !== 'blob:' && asked.origin !== new URL(url).origin) foreign.push(asked.href);
    });
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  /** Opens an example, asks, and gives the ids of the answer as the page shows them. */
  async function askExample(
    page: Page,
    { example, question }: { example: string; question: string },
  ): Promise<number[]> {
    await page.getByRole('button', { name: example, exact: true }).click();
    await page.getByRole('button', { name: question, exact: true }).click();
    return lastIds(page, 1);
  }

  async function lastIds(page: Page, turns: number): Promise<number[]> {
    const ids = page.locator('.token-ids code');
    await expect.poll(() => ids.count(), { timeout: 60_000 }).toBe(turns);
    const text = await ids.last().textContent();
    return (text ?? '').split(' ').map(Number);
  }

  async function nodeAnswer(file: string, question: string): Promise<{ text: string; tokenIds: number[] }> {
    const content = [
      { type: 'image', image: path.join(root, file) },
      { type: 'text', text: question },
    ] as const;
    const { text, tokenIds } = await node.generate([{ role: 'user', content }], { maxNewTokens: 512 });
    return { text, tokenIds: [...tokenIds] };
  }

  it('answers about every example with the same ids as Node, with threads', async () => {
    const page = await open(site.url);
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    for (const { example, file, question } of CASES) {
      const expected = await nodeAnswer(file, question);
      expect(await askExample(page, { example, question }), example).toEqual(expected.tokenIds);
      expect(await page.locator('.answer').innerText()).toContain(expected.text);
      expect(await page.locator('.measurements summary').innerText()).toMatch(/first token[\s\S]*tokens\/s/);
      await page.getByRole('button', { name: 'New conversation' }).click();
    }
  });

  it('answers with the same ids on one thread, from a host without headers', async () => {
    const plain = await serveSite({ isolated: false });
    try {
      const page = await open(plain.url, { serviceWorkers: 'block' });
      expect(await page.evaluate('crossOriginIsolated')).toBe(false);
      const [first] = CASES;
      expect(await askExample(page, first)).toEqual((await nodeAnswer(first.file, first.question)).tokenIds);
    } finally {
      await plain.close();
    }
  });

  it('gets threads from a host without headers, at once or, where it is in use, at the next visit', async () => {
    const plain = await serveSite({ isolated: false });
    try {
      const used = await open(plain.url);
      await used.getByRole('button', { name: 'Receipt', exact: true }).waitFor();
      await used.keyboard.press('Tab');
      await used.getByText('Works offline').waitFor();
      expect(await used.evaluate('crossOriginIsolated')).toBe(false);
      await used.reload();
      expect(await used.evaluate('crossOriginIsolated')).toBe(true);
      await context!.close();

      const page = await open(plain.url);
      const isIsolated = (): Promise<unknown> => page.evaluate('crossOriginIsolated');
      await expect.poll(isIsolated, { timeout: 120_000, interval: 500 }).toBe(true);
      const [first] = CASES;
      expect(await askExample(page, first)).toEqual((await nodeAnswer(first.file, first.question)).tokenIds);
      expect(await page.locator('.model').innerText()).toMatch(/wasm × \d/);
    } finally {
      await plain.close();
    }
  });

  it('opens and answers without a network after the first visit', async () => {
    const own = await serveSite({ isolated: true });
    const page = await open(own.url);
    await page.getByText('Works offline').waitFor();
    await own.close();
    await context!.setOffline(true);
    await page.reload();
    const [first] = CASES;
    expect(await askExample(page, first)).toEqual((await nodeAnswer(first.file, first.question)).tokenIds);
  });

  it('can be installed', async () => {
    const page = await open(site.url);
    const href = await page.locator('link[rel=manifest]').getAttribute('href');
    const address = new URL(href!, site.url);
    const manifest = (await (await fetch(address)).json()) as {
      icons: { src: string }[];
      start_url: string;
      display: string;
    };
    expect(manifest).toMatchObject({ start_url: './', display: 'standalone' });
    for (const { src } of manifest.icons)
      expect((await fetch(new URL(src, address))).headers.get('content-type')).toBe('image/png');
  });

  it('takes a chosen picture and a typed question, and several turns', async () => {
    const page = await open(site.url);
    await page.locator('input[type=file][multiple]').setInputFiles(path.join(root, 'examples/receipt.png'));
    const field = page.getByRole('textbox', { name: 'Question' });
    await field.fill('What is the name of the shop?');
    await field.press('Enter');
    await lastIds(page, 1);
    await field.fill('What is the date?');
    await field.press('Enter');
    expect(await lastIds(page, 2)).toEqual((await nodeAnswer('examples/receipt.png', 'What is the date?')).tokenIds);
  });

  it('takes pictures by paste, drop and camera', async () => {
    const page = await open(site.url, { permissions: ['camera'] });
    await page.evaluate(`fetch('./examples/sign.png').then((response) => response.blob()).then((blob) => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([blob], 'sign.png', { type: 'image/png' }));
      dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
      dispatchEvent(new DragEvent('drop', { dataTransfer: clipboardData, cancelable: true }));
    })`);
    const thumbnails = page.locator('.thumbnail');
    await expect.poll(() => thumbnails.count(), { timeout: 30_000 }).toBe(2);
    await page.getByRole('button', { name: 'Photograph' }).click();
    await page.getByRole('button', { name: 'Take the picture' }).click();
    await expect.poll(() => thumbnails.count(), { timeout: 30_000 }).toBe(3);
    await page.getByRole('button', { name: 'Remove sign.png' }).first().click();
    expect(await thumbnails.count()).toBe(2);
    await page.getByRole('button', { name: 'New conversation' }).click();
    expect(await thumbnails.count()).toBe(0);
  });

  it('says why a file is no picture, and goes on', async () => {
    const page = await open(site.url);
    const file = { name: 'notes.txt', mimeType: 'image/png', buffer: Buffer.from('no picture') };
    await page.locator('input[type=file][multiple]').setInputFiles(file);
    expect(await page.getByRole('alert').innerText()).toContain('not a picture');
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.getByRole('button', { name: 'Receipt', exact: true }).click();
    await page.getByText('384 tokens').waitFor();
  });

  it('opens a model folder from disk and draws its slices', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pocketlens-demo-'));
    try {
      await cp(modelDirectory, folder, { recursive: true });
      const settings = path.join(folder, 'preprocessor_config.json');
      const text = await readFile(settings, 'utf8');
      await writeFile(settings, text.replace('"max_slice_nums": 1,', '"max_slice_nums": 9,'));
      const page = await open(site.url);
      await page.getByRole('button', { name: 'Settings' }).click();
      await page.locator('input[webkitdirectory]').setInputFiles(folder);
      await page.locator('.model-name').getByText(path.basename(folder)).waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      const picture = path.join(root, 'packages/evaluation/pocketread/images/page-01.jpg');
      await page.locator('input[type=file][multiple]').setInputFiles(picture);
      const slices = page.locator('rect.slice');
      await expect.poll(() => slices.count(), { timeout: 60_000 }).toBeGreaterThan(3);
      await page.getByRole('button', { name: 'Read the first line.' }).click();
      await page.locator('rect.slice.lit').nth(2).waitFor({ state: 'attached' });
      await page.screenshot({ path: path.join(screenshots, 'slices.png') });
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('Stopped.', { exact: true }).first().waitFor();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is there in Chinese', async () => {
    const page = await open(site.url, { locale: 'zh-CN' });
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hans');
    await page.getByRole('button', { name: '收据' }).click();
    await page.getByRole('button', { name: 'What is the total?' }).click();
    await lastIds(page, 1);
    await page.getByRole('button', { name: '设置' }).click();
    await page.getByLabel('语言').selectOption('English');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await page.reload();
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
  });

  it('works by keyboard alone', async () => {
    const page = await open(site.url);
    await page.getByRole('button', { name: 'Receipt', exact: true }).waitFor();
    await page.keyboard.press('Tab');
    await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('Skip to the question');
    await page.getByRole('button', { name: 'Receipt', exact: true }).press('Enter');
    await page.getByRole('button', { name: 'What is the total?' }).press('Space');
    await lastIds(page, 1);
    await page.getByRole('button', { name: 'Settings' }).press('Enter');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  });

  it('has no accessibility violations and fits, on desk and phone, light and dark', async () => {
    const looks = [
      { name: 'desk-light', viewport: DESK, colorScheme: 'light' },
      { name: 'desk-dark', viewport: DESK, colorScheme: 'dark' },
      { name: 'phone-light', viewport: PHONE, colorScheme: 'light' },
      { name: 'phone-dark', viewport: PHONE, colorScheme: 'dark' },
    ] as const;
    const page = await open(site.url);
    const look = async (state: string): Promise<void> => {
      for (const { name, viewport, colorScheme } of looks) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        const view = `${name}-${state}`;
        await page.screenshot({ path: path.join(screenshots, `${view}.png`) });
        expect(await violations(page), view).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBeLessThanOrEqual(viewport.width);
      }
      await page.setViewportSize(DESK);
    };
    await page.getByText('Works offline').waitFor();
    await look('empty');
    await askExample(page, CASES[0]);
    await look('answered');
    await page.locator('.measurements summary').click();
    await look('details');
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Sampling').selectOption('sampled');
    await look('settings');
  });
});

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe-core finds wrong with the page as it is, by rule and element. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(await readFile(axeSource, 'utf8'));
  const found = (await page.evaluate('axe.run()')) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}
