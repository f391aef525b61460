// Contract: a manifest is complete and honest, and a probe answers whatever the machine is like.
import { strict as assert } from 'node:assert';
import { Availability, Capabilities } from '../../../server/protocol/backend.ts';
import { parse } from '../../../server/protocol/parse.ts';
import { machineContext } from '../bench.ts';
import type { Subject } from '../suite.ts';

export function manifestCases({ backend, here }: Subject): void {
  const { manifest } = backend;

  describe('manifest', () => {
    it('has an id and aliases that can be typed', () => {
      for (const name of [manifest.id, ...manifest.aliases]) assert.match(name, /^[a-z][a-z0-9_-]*$/);
    });

    it('says what it is in one line', () => {
      assert.ok(manifest.title.length > 0);
      assert.match(manifest.summary, /^[A-Z][^\n]{10,120}[^.]$/);
    });

    it('names the machines that it runs on', () => {
      assert.ok(manifest.hosts.length > 0);
      for (const host of manifest.hosts) assert.ok(host.arch.length > 0);
    });

    it('has capabilities that fit the protocol', () => {
      const parsed = parse(Capabilities, JSON.parse(JSON.stringify(manifest.capabilities)));
      assert.deepEqual(parsed, { ok: true, value: manifest.capabilities });
    });

    it('always has something to run and some network that it knows', () => {
      assert.ok(manifest.capabilities.runtimes.length > 0);
      assert.ok(manifest.capabilities.network.length > 0);
    });

    it('states its caveats as sentences without a full stop', () => {
      for (const caveat of manifest.capabilities.caveats) assert.match(caveat, /^[A-Z].*[^.]$/);
    });

    it('ranks itself with numbers that are not negative', () => {
      for (const rank of Object.values(manifest.rank)) assert.ok(rank >= 0);
    });

    it('takes no options as an answer, and refuses unknown ones', () => {
      assert.equal(parse(manifest.options(), {}).ok, true);
      assert.equal(parse(manifest.options(), { 'no-such-option': 1 }).ok, false);
    });
  });

  describe('probe', () => {
    it('answers with what fits the protocol and never claims more than the manifest', async () => {
      const driver = await backend.load();
      const context = machineContext(AbortSignal.timeout(20_000));
      const found = await driver.probe({ ...context, agent: '/no/such/program' });
      assert.equal(parse(Availability, found).ok, true);
      const ceiling = manifest.capabilities;
      const degrees = ['none', 'best-effort', 'hard'];
      for (const list of ['network', 'runtimes', 'git', 'dial'] as const) {
        const allowed: readonly string[] = ceiling[list];
        assert.deepEqual(
          here()[list].filter(entry => !allowed.includes(entry)),
          [],
        );
      }
      for (const [name, degree = 'none'] of Object.entries(here().resources)) {
        const most = ceiling.resources[name as keyof typeof ceiling.resources] ?? 'none';
        assert.ok(
          degrees.indexOf(degree) <= degrees.indexOf(most),
          `${name}: ${degree} is more than ${most}`,
        );
      }
    });
  });
}
