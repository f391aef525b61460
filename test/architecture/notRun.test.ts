// The summary of a run says of each test that was not run why that is.
import { strict as assert } from 'node:assert';
import Mocha from 'mocha';
import { type Skipped, summaryOf } from '../../scripts/lib/report.ts';
import { followReasons } from '../../scripts/lib/whyNotRun.ts';

describe('a test that is not run', () => {
  it('has the reason that it printed, or that a hook of its suite printed, and no other one', async () => {
    const mocha = new Mocha({ reporter: class extends Mocha.reporters.Base {} });
    const suite = (title: string) => Mocha.Suite.create(mocha.suite, title);
    const skipping = (why?: string) =>
      function (this: Mocha.Context) {
        if (why !== undefined) console.log(`not run: ${why}`);
        this.skip();
      };
    const alone = suite('alone');
    alone.beforeEach(() => {});
    alone.addTest(new Mocha.Test('without a kettle', skipping('there is no kettle')));
    alone.addTest(new Mocha.Test('in silence', skipping()));
    const together = suite('together');
    together.beforeAll(skipping('there is no tea'));
    together.addTest(new Mocha.Test('one', () => {}));
    together.addTest(new Mocha.Test('two', () => {}));
    const { skipped, said } = await runIn(mocha);
    assert.deepEqual(skipped, [
      { title: 'alone without a kettle', why: 'there is no kettle' },
      { title: 'alone in silence', why: undefined },
      { title: 'together one', why: 'there is no tea' },
      { title: 'together two', why: 'there is no tea' },
    ]);
    assert.deepEqual(said, ['not run: there is no kettle', 'not run: there is no tea']);
  });

  it('stands in the summary with it, and what no test said stands alone', () => {
    const skipped = [{ title: 'pours', why: 'there is no kettle' }, { title: 'steeps' }];
    const report = { passed: 1, failed: [], skipped };
    const reasons = ['not run: there is no kettle', 'not run: as somebody else: no cup'];
    const summary = summaryOf([{ area: 'tea', report, reasons, seconds: 1 }]);
    assert.ok(
      summary.includes(
        '\n  tea: pours (there is no kettle)\n  tea: steeps\n  tea: not run: as somebody else: no cup\n',
      ),
      summary,
    );
  });
});

/** What its tests say is no part of what this test says. */
async function runIn(mocha: Mocha): Promise<{ skipped: Skipped[]; said: string[] }> {
  const skipped: Skipped[] = [];
  const said: string[] = [];
  const log = console.log;
  const listen = (line: string) => void said.push(line);
  console.log = listen;
  try {
    await new Promise<void>(resolve => {
      const runner = mocha.run(() => resolve());
      const whyNot = followReasons(runner);
      runner.on('pending', test => skipped.push({ title: test.fullTitle(), why: whyNot(test) }));
    });
    assert.equal(console.log, listen);
  } finally {
    console.log = log;
  }
  return { skipped, said };
}
