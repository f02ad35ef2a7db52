import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../src/engine/report.ts';
import { htmlReport } from '../src/reporters/html/page.ts';
import { waitedFor } from '../src/reporters/html/timeline.ts';
import { findBrowser, launchBrowser, noBrowser } from './support/browser.ts';
import { goReport, hostile, sampleHistory, sampleReport, settingFor } from './support/sample-report.ts';

const executable = findBrowser();
if (!executable) console.warn(noBrowser);

const phone = { viewport: { width: 390, height: 844 } };
const desk = { viewport: { width: 1280, height: 900 } };
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'preflight-html-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function pageOf(report: Report): string {
  return htmlReport(report, settingFor(report, { history: sampleHistory() }));
}

test('nothing that a check says becomes markup, and the policy names exactly the script and the style', () => {
  const text = pageOf(sampleReport());
  expect(text.match(/<script/g)).toHaveLength(1);
  expect(text.match(/<style/g)).toHaveLength(1);
  expect(text).not.toMatch(/<(img|iframe|object|embed|form|base|video|audio|link rel="stylesheet)/i);
  expect(text).not.toMatch(/[^\n\t\P{Cc}]|\p{Bidi_Control}/u);
  expect(text).toContain('a\\u{202e}gnp.exe');
  const hashes = text.match(/sha256-[\w+/]{43}=/g);
  expect(hashes).toHaveLength(2);
});

test('it does not grow without bound', () => {
  expect(pageOf(sampleReport()).length).toBeLessThan(200_000);
});

test('without a past nothing is said of it', () => {
  const report = goReport();
  const text = htmlReport(report, settingFor(report));
  expect(text).not.toContain('Past runs');
  expect(text).not.toContain('class="spark"');
});

test('who waited for whom: the last to end before', () => {
  const [template] = goReport().results;
  const at = (id: string, startedAtMs: number, durationMs: number) => ({
    ...(template ?? unreachable()),
    id,
    startedAtMs,
    durationMs,
  });
  const results = [at('a', 0, 100), at('b', 0, 300), at('c', 100, 400), at('d', 500, 10)];
  expect(results.map((result) => waitedFor(result, results))).toEqual([undefined, undefined, 'a', 'c']);
});

function unreachable(): never {
  throw new Error('a sample report has results');
}

describe.skipIf(!executable)('in a real browser', () => {
  let browser: Browser;
  let page: Page;
  let requests: string[];
  let complaints: string[];
  beforeAll(async () => {
    browser = await launchBrowser(executable ?? '');
  });
  afterAll(() => browser.close());
  afterEach(() => page.context().close());

  async function open(report: Report, options: BrowserContextOptions = desk): Promise<void> {
    const file = join(directory, 'report.html');
    writeFileSync(file, pageOf(report));
    [requests, complaints] = [[], []];
    page = await (await browser.newContext(options)).newPage();
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    await page.goto(pathToFileURL(file).href);
  }

  const shown = () => page.locator('.check:visible').count();

  test('no request leaves the page, and no script fails', async () => {
    await open(sampleReport());
    await page.getByRole('button', { name: 'Open all' }).click();
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([
      pathToFileURL(join(directory, 'report.html')).href,
    ]);
    expect(complaints).toEqual([]);
    expect(await page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")).toBe('refused');
    expect(complaints.join()).toContain('Content Security Policy');
  });

  test('hostile texts are inert, and are read as they were written', async () => {
    await open(sampleReport());
    await page.getByRole('button', { name: 'Open all' }).click();
    await page.mouse.move(300, 300);
    expect(await page.evaluate('globalThis.pwned')).toBeUndefined();
    expect(await page.locator('img, iframe, object').count()).toBe(0);
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    const text = await page.locator('.message').nth(1).textContent();
    expect(text).toContain(hostile.split('\n')[0]);
    expect(text).toContain('a\\u{202e}gnp.exe\\u{2066}');
  });

  test('even a script that got into the page would not run', async () => {
    const file = join(directory, 'report.html');
    writeFileSync(
      file,
      pageOf(sampleReport()).replace(
        '</body>',
        '<script>globalThis.pwned = 1</script><img src=x onerror="globalThis.pwned = 2"></body>',
      ),
    );
    page = await (await browser.newContext(desk)).newPage();
    await page.goto(pathToFileURL(file).href);
    expect(await page.evaluate('globalThis.pwned')).toBeUndefined();
  });

  test('the verdict comes first, then what is not ready, open with its fix', async () => {
    await open(sampleReport());
    expect(await page.title()).toContain('NO-GO');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('NO-GO');
    const outcomes = await page.locator('.check').evaluateAll((cards) => cards.map((card) => card.dataset.outcome));
    expect(outcomes).toEqual(['fail', 'fail', 'fail', 'error', 'not-run', 'not-run', 'waived', 'pass', 'pass']);
    expect(await page.locator('.check[open]').count()).toBe(6);
    expect(await page.locator('.check').first().locator('.fix').first().isVisible()).toBe(true);
  });

  test('the filter narrows by text and by outcome, and says how many are left', async () => {
    await open(sampleReport());
    const status = page.getByRole('status');
    expect(await status.textContent()).toBe('9 of 9 shown');
    await page.keyboard.press('/');
    await page.keyboard.type('HTTP_REQ');
    expect([await shown(), await status.textContent()]).toEqual([1, '1 of 9 shown']);
    await page.getByRole('searchbox').fill('');
    await page.getByRole('checkbox', { name: 'pass' }).uncheck();
    await page.getByRole('checkbox', { name: 'fail' }).uncheck();
    expect([await shown(), await status.textContent()]).toEqual([4, '4 of 9 shown']);
  });

  test('the keyboard reaches everything, beginning with the way past the header', async () => {
    await open(goReport());
    const names: string[] = [];
    for (let press = 0; press < 9; press += 1) {
      await page.keyboard.press('Tab');
      names.push(
        await page.evaluate<string>(
          'document.activeElement.textContent.trim().slice(0, 40) || document.activeElement.name || document.activeElement.id',
        ),
      );
    }
    expect(names.slice(0, 5)).toEqual(['Skip to the checks', 'Checks', 'Timeline', 'Past runs', 'This run']);
    expect(names.slice(5, 8)).toEqual(['filter-text', 'outcome', 'Open all']);
    expect(names[8]).toContain('code/types-check');
    await page.keyboard.press('Enter');
    expect(await page.locator('.check[open]').count()).toBe(1);
  });

  test('a link of the timeline opens the check that it names', async () => {
    await open(goReport());
    await page.locator('.timeline a').first().click();
    expect(await page.locator('.check[open] h3').textContent()).toBe('code/types-check');
  });

  test("what was taken up from an earlier run says so, and has no place in this one's time", async () => {
    await open(sampleReport());
    await page.getByRole('button', { name: 'Open all' }).click();
    const drill = page.locator('.check', { hasText: 'drills/backend-killed-mid-order' });
    expect(await drill.locator('.about').textContent()).toContain('in an earlier run, 2026-06-14 09:00 UTC');
    expect(await page.locator('.timeline').textContent()).not.toContain('drills/');
  });

  test('without JavaScript all is there, and what would do nothing is not', async () => {
    await open(sampleReport(), { ...desk, javaScriptEnabled: false });
    expect(await page.locator('#filter').isVisible()).toBe(false);
    expect(await page.locator('.check').count()).toBe(9);
    expect(await page.locator('.check').first().locator('.fix').first().isVisible()).toBe(true);
  });

  test('charts, past runs and waiting are drawn, with the same as text', async () => {
    await open(sampleReport());
    const load = page.locator('.check', { hasText: 'load/placement-meets-its-latency' });
    expect(await load.locator('figure').count()).toBe(2);
    expect(await load.locator('figure').first().textContent()).toMatch(/p\(95\)\s+24\.6 beyond 20/);
    expect(await load.locator('polyline').count()).toBe(1);
    expect(await page.locator('.timeline').textContent()).toContain('3.1 s of it for the stack');
    expect(await page.locator('.timeline rect.waiting').count()).toBe(1);
    expect(await page.locator('.spark .hidden').first().textContent()).toMatch(/^Last 13 runs: \d+ fail, \d+ pass\.$/);
    expect(await page.locator('.history tbody tr').count()).toBe(13);
  });

  const [noGo, go, unknown] = [sampleReport(), goReport(), sampleReport({ verdict: 'UNKNOWN', exitCode: 3 })];
  const looks = [
    ['a phone, light', { ...phone, colorScheme: 'light' }, [noGo, unknown]],
    ['a phone, dark', { ...phone, colorScheme: 'dark' }, [noGo, go]],
    ['a desk, light', { ...desk, colorScheme: 'light' }, [noGo, go]],
    ['a desk, dark', { ...desk, colorScheme: 'dark' }, [noGo, unknown]],
  ] as const;

  describe.each(looks)('on %s', (look, options, reports) => {
    test.each(reports)(
      '$verdict: no violation of accessibility, and nothing is wider than the screen',
      async (report) => {
        await open(report, options);
        await keepScreenshot(`${report.verdict} ${look}`);
        await page.getByRole('button', { name: 'Open all' }).click();
        await page.locator('details:not([open])').evaluateAll((all) => {
          for (const each of all) each.setAttribute('open', '');
        });
        const width = await page.evaluate<number>('document.documentElement.scrollWidth');
        expect(width).toBeLessThanOrEqual(options.viewport.width);
        await page.evaluate(axeSource);
        const { violations, passes } = await page.evaluate<AxeResults>('axe.run()');
        expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
        expect(passes.length).toBeGreaterThan(20);
      },
    );
  });

  /** To look at them: SCREENSHOTS=directory npx vitest run checks/test/html-report.test.ts */
  async function keepScreenshot(name: string): Promise<void> {
    const target = process.env.SCREENSHOTS;
    if (!target) return;
    mkdirSync(target, { recursive: true });
    await page.screenshot({ path: join(target, `${name.replaceAll(/\W+/g, '-')}.png`), fullPage: true });
  }
});
