// The import rules of .dependency-cruiser.mjs hold, and the checker really read the code.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { cruise, type ICruiseOptions, type ICruiseResult } from 'dependency-cruiser';
import config from '../../.dependency-cruiser.mjs';
import { root } from '../../scripts/lib/places.ts';

describe('imports between folders', function () {
  this.timeout(180_000);
  let result: ICruiseResult;

  before(async () => {
    const options = {
      ...config.options,
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: config.forbidden },
    };
    const cruised = await cruise(['server', 'extension'], options as unknown as ICruiseOptions);
    if (typeof cruised.output === 'string') throw new Error('the import checker gave text');
    result = cruised.output;
  });

  it('were read: many modules, and an edge that is known to exist', () => {
    console.log(
      `      looked at ${result.modules.length} modules, ${result.summary.totalDependenciesCruised} imports`,
    );
    assert.ok(result.summary.totalCruised > 120, `only ${result.summary.totalCruised} modules were read`);
    const errors = result.modules.find(module => module.source === 'server/core/errors.ts');
    assert.ok(errors?.dependencies.some(edge => edge.resolved === 'server/protocol/errors.ts'));
  });

  it('follow the rules', () => {
    const violations = result.summary.violations.map(
      ({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`,
    );
    assert.deepEqual(violations, []);
  });

  it('are checked: a rule that forbids a known edge finds it', async () => {
    const forbidden = [
      {
        name: 'seeded',
        severity: 'error',
        from: { path: '^server/core/' },
        to: { path: '^server/protocol/' },
      },
    ];
    const options = { ...config.options, baseDir: root, validate: true, ruleSet: { forbidden } };
    const cruised = await cruise([join('server', 'core')], options as unknown as ICruiseOptions);
    if (typeof cruised.output === 'string') throw new Error('the import checker gave text');
    assert.ok(cruised.output.summary.violations.length > 0);
  });
});
