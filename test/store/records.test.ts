// The records on disk: fast to read, written whole, and broken ones that stop nobody.
import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { identifySelf } from '../../server/platform/process.ts';
import { PROTOCOL } from '../../server/protocol/version.ts';
import { acquireLock } from '../../server/store/lock.ts';
import { sandboxPaths } from '../../server/store/paths.ts';
import type { OwnerRecord } from '../../server/store/records.ts';
import {
  addRecord,
  type Entry,
  findEntry,
  listRecords,
  readEntry,
  removeFolder,
  updateRecord,
} from '../../server/store/sandboxes.ts';
import { exitOf, firstWordOf, newStore, recordOf, startFixture } from './support.ts';

const makePipe = async (path: string): Promise<void> => {
  await promisify(execFile)('mkfifo', [path]);
};

describe('the records of sandboxes', () => {
  let store: ReturnType<typeof newStore>;
  beforeEach(() => {
    store = newStore();
  });
  afterEach(() => store.dispose());

  const ownerOf = (number: number, change: Partial<OwnerRecord> = {}): OwnerRecord => {
    const files = sandboxPaths(store.paths, recordOf(number).id);
    return {
      ...identifySelf(),
      guest_ip: null,
      ssh_port: null,
      started_at: new Date().toISOString(),
      state: 'running',
      attached: false,
      protocol: PROTOCOL,
      build: 'b',
      control_socket: files.controlSocket,
      ssh_socket: files.sshSocket,
      ...change,
    };
  };
  const fill = async (count: number): Promise<void> => {
    for (let number = 1; number <= count; number += 1) await addRecord(store.paths, recordOf(number));
  };
  const recordFile = (number: number): string => sandboxPaths(store.paths, recordOf(number).id).record;
  const ownerFile = (number: number): string => sandboxPaths(store.paths, recordOf(number).id).owner;

  it('are none in a store that does not exist', async () => {
    store.dispose();
    assert.deepEqual(await listRecords(store.paths), { entries: [], problems: [] });
    assert.equal(existsSync(store.paths.home), false);
  });

  it('come back as they were written, oldest first, for the eyes of one user', async () => {
    await addRecord(store.paths, recordOf(2));
    await addRecord(store.paths, recordOf(1));
    const { entries, problems } = await listRecords(store.paths);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      entries.map(entry => entry.record),
      [recordOf(1), recordOf(2)],
    );
    assert.equal(statSync(recordFile(1)).mode & 0o777, 0o600);
    assert.equal(statSync(sandboxPaths(store.paths, recordOf(1).id).folder).mode & 0o777, 0o700);
  });

  it('are found by id and by name, and a slip of the pen is forgiven with a hint', async () => {
    await fill(2);
    assert.equal((await findEntry(store.paths, recordOf(2).id)).record.name, 'box-2');
    assert.equal((await findEntry(store.paths, 'box-1')).record.id, recordOf(1).id);
    await assert.rejects(findEntry(store.paths, 'bax-1'), { code: 'sandbox-not-found', hint: /box-1/ });
  });

  const damages: readonly { what: string; content: string }[] = [
    { what: 'cut short', content: '{"version": 1, "id": "sb-0000' },
    { what: 'empty', content: '' },
    { what: 'of the wrong shape', content: '{"version": 1, "id": 5}' },
    { what: 'full of zeros', content: '\0'.repeat(300) },
    { what: 'a list', content: '[]' },
    { what: 'with a key that nobody knows', content: JSON.stringify({ ...recordOf(2), colour: 'red' }) },
  ];
  for (const { what, content } of damages) {
    it(`that are ${what} are set aside, reported, and stop no others`, async () => {
      await fill(3);
      writeFileSync(recordFile(2), content);
      for (const round of ['first', 'second']) {
        const { entries, problems } = await listRecords(store.paths);
        assert.deepEqual(
          entries.map(entry => entry.record.name),
          ['box-1', 'box-3'],
          round,
        );
        assert.equal(problems.length, 1, round);
        assert.match(problems[0]?.path ?? '', /sandbox\.yaml\.broken-/);
        assert.ok(problems[0]?.hint);
        assert.equal(readFileSync(problems[0]?.path ?? '', 'utf8'), content);
      }
      await assert.rejects(readEntry(store.paths, recordOf(2).id), { code: 'record-broken' });
      assert.equal((await findEntry(store.paths, 'box-1')).record.name, 'box-1');
    });
  }

  it('of a newer version are reported and not touched', async () => {
    await fill(2);
    const newer = JSON.stringify({ ...recordOf(2), version: 2, shape: 'unknown' });
    writeFileSync(recordFile(2), newer);
    const { entries, problems } = await listRecords(store.paths);
    assert.equal(entries.length, 1);
    assert.match(problems[0]?.message ?? '', /newer heyvm/);
    assert.equal(readFileSync(recordFile(2), 'utf8'), newer);
    await assert.rejects(readEntry(store.paths, recordOf(2).id), { code: 'record-newer', hint: /update/ });
  });

  it('that a person edited as YAML are read', async () => {
    await fill(1);
    const lines = Object.entries(recordOf(1, { name: 'edited' })).map(
      ([key, value]) => `${key}: ${JSON.stringify(value)} # a note`,
    );
    writeFileSync(recordFile(1), lines.join('\n'));
    assert.equal((await findEntry(store.paths, 'edited')).record.id, recordOf(1).id);
  });

  it('say that an owner lives only while its process does', async () => {
    await fill(4);
    writeFileSync(ownerFile(1), JSON.stringify(ownerOf(1)));
    writeFileSync(ownerFile(2), JSON.stringify(ownerOf(2, { pid: 2 ** 22 + 1 })));
    writeFileSync(ownerFile(3), JSON.stringify(ownerOf(3, { start_ticks: '1' })));
    const { entries } = await listRecords(store.paths);
    assert.deepEqual(
      entries.map(entry => [entry.owner !== undefined, entry.stale]),
      [
        [true, false],
        [false, true],
        [false, true],
        [false, false],
      ],
    );
  });

  const looks: readonly (readonly [string, () => Promise<Entry | undefined>])[] = [
    ['one is read', () => readEntry(store.paths, recordOf(1).id)],
    ['all are listed', async () => (await listRecords(store.paths)).entries[0]],
  ];
  for (const [when, look] of looks) {
    it(`do not take an owner for killed that ends in order while ${when}`, async () => {
      await fill(1);
      await makePipe(ownerFile(1));
      const content = JSON.stringify(ownerOf(1, { pid: 2 ** 22 + 1 }));
      const ended = exitOf(startFixture('ender', store.paths.home, recordOf(1).id, content));
      const entry = await look();
      assert.deepEqual([entry?.owner, entry?.stale], [undefined, false]);
      assert.equal(entry?.record.last_end?.reason, 'in order');
      assert.equal(await ended, 0);
    });
  }

  it('know a living owner by its lease when its file is broken', async () => {
    await fill(1);
    writeFileSync(ownerFile(1), '{"pid": ');
    const lease = await acquireLock(store.paths, `owner-${recordOf(1).id}`, { wait: 'fail' });
    const { entries, problems } = await listRecords(store.paths);
    assert.equal(entries[0]?.owner?.pid, process.pid);
    assert.equal(problems.length, 1);
    lease.release();
    const after = await listRecords(store.paths);
    assert.equal(after.entries[0]?.owner, undefined);
    assert.match(after.problems[0]?.path ?? '', /owner\.json\.broken-/);
  });

  it('lose no change when two change them at once', async () => {
    await fill(1);
    const { id } = recordOf(1);
    const changes = Array.from({ length: 20 }, (_, index) =>
      updateRecord(store.paths, id, known => ({ ...known, env: { ...known.env, [`V${index}`]: 'x' } })),
    );
    await Promise.all(changes);
    assert.equal(Object.keys((await readEntry(store.paths, id))?.record.env ?? {}).length, 20);
  });

  it('are gone at once when their folder is removed, with all that is in it', async () => {
    await fill(2);
    await removeFolder(store.paths, recordOf(1).id);
    assert.deepEqual(
      (await listRecords(store.paths)).entries.map(entry => entry.record.name),
      ['box-2'],
    );
    assert.deepEqual(readdirSync(store.paths.trash), []);
  });

  it('are never seen half written, although their writer is killed', async function () {
    this.timeout(60_000);
    const file = `${store.paths.home}/text`;
    for (let round = 0; round < 5; round += 1) {
      const writer = startFixture('writer', file);
      await firstWordOf(writer);
      for (let look = 0; look < 20; look += 1) {
        if (!existsSync(file)) continue;
        const text = readFileSync(file, 'latin1');
        assert.equal(text.length, 1024 * 1024);
        assert.ok(/^(a+|b+)$/.test(text));
        await new Promise(resolve => setImmediate(resolve));
      }
      writer.kill('SIGKILL');
      await exitOf(writer);
    }
  });
});
