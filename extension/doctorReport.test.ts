// The doctor's report shows what is wrong first and never takes values for markup.
import { strict as assert } from 'node:assert';
import type { Check } from '../server/protocol/doctor.ts';
import { doctorReport } from './doctorReport.ts';

describe('the report of the doctor', () => {
  it('begins with what is broken and names what mends it', () => {
    const checks: Check[] = [
      { id: 'store', title: 'Store', state: 'ok', detail: 'fine' },
      {
        id: 'ssh-config',
        title: 'OpenSSH',
        state: 'error',
        detail: 'not installed',
        fix: 'heyvm ssh-config --install',
      },
    ];
    const report = doctorReport(checks);
    assert.ok(report.indexOf('## Broken') < report.indexOf('## In order'));
    assert.match(report, /Fix: ` heyvm ssh-config --install `/);
  });

  it('escapes markup in values', () => {
    const detail = '[click](command:evil) <img src=x> `code`';
    const report = doctorReport([{ id: 'x', title: 'T', state: 'ok', detail }]);
    assert.ok(report.includes('\\[click\\]\\(command:evil\\) \\<img src=x\\> \\`code\\`'), report);
  });

  it('keeps fixes verbatim, whatever quotes they contain', () => {
    const report = doctorReport([
      { id: 'x', title: 'T', state: 'error', detail: 'd', fix: 'run `a` or ``b``' },
    ]);
    assert.ok(report.includes('``` run `a` or ``b`` ```'), report);
  });
});
