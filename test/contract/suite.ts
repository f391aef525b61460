// The contract that every backend keeps, as a suite: what it claims it does, and what it does not claim it refuses.
import type { Backend } from '../../server/core/backend.ts';
import type { Availability, Capabilities, Runtime } from '../../server/protocol/backend.ts';
import { groundOf } from '../support/grounds.ts';
import { type Bench, machineOf, makeBench } from './bench.ts';
import { attachingCases } from './cases/attaching.ts';
import { execCases } from './cases/exec.ts';
import { gitCases } from './cases/git.ts';
import { lifecycleCases } from './cases/lifecycle.ts';
import { limitCases } from './cases/limits.ts';
import { manifestCases } from './cases/manifest.ts';
import { momentCases } from './cases/moments.ts';
import { networkCases } from './cases/network.ts';
import { streamCases } from './cases/streams.ts';
import { terminalCases } from './cases/terminal.ts';
import { workspaceCases } from './cases/workspace.ts';

/** What the cases share; `here` holds what the probe found, which may be less than the manifest says. */
export type Subject = {
  readonly backend: Backend;
  here(): Capabilities;
  bench(): Bench;
};

export type Tally = { ran: string[]; notRun: { id: string; why: string }[] };

/** Declares the suite for one backend; where it cannot run here, only its manifest is looked at, and the reason printed. */
export function contractSuite(backend: Backend, tally: Tally): void {
  const { id } = backend.manifest;
  describe(`backend ${id}`, () => {
    let availability: Availability | undefined;
    let bench: Bench | undefined;
    /** Where guests have no system, what they can run is what their image can. */
    let offered: ((runtime: Runtime) => boolean) | undefined;
    const subject: Subject = {
      backend,
      here: () => {
        const found =
          availability?.kind === 'ready' ? availability.capabilities : backend.manifest.capabilities;
        return offered === undefined ? found : { ...found, runtimes: found.runtimes.filter(offered) };
      },
      bench: () => bench!,
    };

    before(async () => {
      const driver = await backend.load();
      availability = await driver.probe(await machineOf(backend, AbortSignal.timeout(20_000)));
    });

    manifestCases(subject);

    describe('with guests', () => {
      before(async function () {
        const ground = await groundOf(backend);
        if (ground.kind === 'not run') availability = { kind: 'unsupported', why: ground.why };
        if (ground.kind === 'ready' && ground.box !== undefined)
          offered = runtime => runtime === backend.manifest.capabilities.runtimes[0];
        if (availability?.kind === 'ready') {
          tally.ran.push(id);
          return;
        }
        const why = availability?.kind === 'missing' ? availability.what : (availability?.why ?? 'no answer');
        tally.notRun.push({ id, why });
        console.log(`not run: contract of ${id}: ${why}`);
        this.skip();
      });

      beforeEach(async () => {
        bench = await makeBench(backend);
      });

      afterEach(async () => {
        await bench?.dispose();
        bench = undefined;
      });

      lifecycleCases(subject);
      execCases(subject);
      streamCases(subject);
      terminalCases(subject);
      workspaceCases(subject);
      gitCases(subject);
      networkCases(subject);
      limitCases(subject);
      momentCases(subject);
      attachingCases(subject);
    });
  });
}
