// The files of a sandbox as a folder of the editor.
import { strict as assert } from 'node:assert';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { SandboxInfo } from '../../../server/protocol/sandbox.ts';
import { eventually } from '../../support/eventually.ts';
import { command, heyvmOk, removeAll } from '../support/product.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const { fs } = vscode.workspace;

describe('the files of a sandbox', () => {
  let repository: Repository;
  let sandbox: SandboxInfo;
  let root: vscode.Uri;
  let worktree: string;

  before(async () => {
    repository = makeRepository('feature/files');
    const argument = { repository: repository.path, branch: 'feature/files', open: 'none' };
    ({ sandbox } = await command<{ sandbox: SandboxInfo }>('heyvm.openBranch', argument));
    worktree = sandbox.worktree?.path ?? assert.fail('no worktree');
    root = await command<vscode.Uri>('heyvm.browseFiles', { sandbox: sandbox.id, open: 'none' });
  });

  after(async () => {
    await removeAll();
    repository.remove();
  });

  const at = (path: string): vscode.Uri => vscode.Uri.joinPath(root, path);
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const text = async (uri: vscode.Uri): Promise<string> => new TextDecoder().decode(await fs.readFile(uri));
  const named = async (path = ''): Promise<string[]> =>
    (await fs.readDirectory(at(path))).map(([name]) => name);

  it('are at the name of the sandbox', async () => {
    assert.equal(root.toString(), `heyvm://${sandbox.name}/workspace`);
    assert.ok((await named()).includes('file.txt'));
    assert.equal(await text(at('file.txt')), 'one\n');
  });

  it('are written, with the mode that they had', async () => {
    writeFileSync(join(worktree, 'run.sh'), 'old');
    chmodSync(join(worktree, 'run.sh'), 0o755);
    await fs.writeFile(at('run.sh'), bytes('echo new\n'));
    assert.equal(readFileSync(join(worktree, 'run.sh'), 'utf8'), 'echo new\n');
    assert.equal((await heyvmOk('exec', sandbox.id, '--', 'sh', '-c', './run.sh')).trim(), 'new');
    await fs.writeFile(at('empty'), new Uint8Array());
    assert.equal((await fs.readFile(at('empty'))).length, 0);
  });

  it('keep every byte, also of a file that takes several answers', async () => {
    const data = new Uint8Array(9 * 1024 * 1024 + 7);
    for (let index = 0; index < data.length; index += 1) data[index] = (index * 31) % 256;
    await fs.writeFile(at('data.bin'), data);
    const back = await fs.readFile(at('data.bin'));
    assert.equal(Buffer.compare(Buffer.from(back), Buffer.from(data)), 0);
    assert.equal((await fs.stat(at('data.bin'))).size, data.length);
  });

  it('are made, renamed and removed', async () => {
    await fs.createDirectory(at('folder'));
    await fs.writeFile(at('folder/a b ü'), bytes('x'));
    await fs.rename(at('folder/a b ü'), at('folder/c'));
    assert.deepEqual(await named('folder'), ['c']);
    await assert.rejects(async () => await fs.rename(at('folder/c'), at('run.sh'), { overwrite: false }), {
      code: 'FileExists',
    });
    await assert.rejects(async () => await fs.delete(at('folder'), { recursive: false }));
    await fs.delete(at('folder'), { recursive: true });
    assert.ok(!existsSync(join(worktree, 'folder')));
    await assert.rejects(async () => await fs.stat(at('folder')), { code: 'FileNotFound' });
    await assert.rejects(async () => await fs.readFile(at('folder/none')), { code: 'FileNotFound' });
  });

  it('that are links are told as links, and removing one leaves what it leads to', async () => {
    for (const [name, target] of [
      ['to-file', 'file.txt'],
      ['to-folder', '.'],
      ['to-nothing', 'nowhere'],
    ] as const)
      symlinkSync(target, join(worktree, name));
    const { SymbolicLink, File, Directory, Unknown } = vscode.FileType;
    const kinds = new Map(await fs.readDirectory(root));
    assert.equal(kinds.get('to-file'), SymbolicLink | File);
    assert.equal(kinds.get('to-folder'), SymbolicLink | Directory);
    assert.equal(kinds.get('to-nothing'), SymbolicLink | Unknown);
    await fs.delete(at('to-folder'), { recursive: true });
    assert.ok(existsSync(join(worktree, 'file.txt')) && !existsSync(join(worktree, 'to-folder')));
  });

  it('that cannot be written say so', async () => {
    const hosts = vscode.Uri.from({ ...root, path: '/etc/hosts' });
    await assert.rejects(async () => await fs.writeFile(hosts, bytes('no')), { code: 'NoPermissions' });
    chmodSync(join(worktree, 'to-file'), 0o444);
    assert.equal((await fs.stat(at('file.txt'))).permissions, vscode.FilePermission.Readonly);
    chmodSync(join(worktree, 'file.txt'), 0o644);
  });

  it('are seen to change, in every folder that was read', async () => {
    mkdirSync(join(worktree, 'deep'));
    await named('deep');
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(root, '**'));
    const seen: string[] = [];
    const hear = ({ path }: vscode.Uri): number => seen.push(path);
    const listening = [watcher.onDidChange(hear), watcher.onDidCreate(hear)];
    try {
      await eventually(
        async () => {
          const script = 'date +%N > seen.txt; rm -f deep/new; touch deep/new';
          await heyvmOk('exec', sandbox.id, '--', 'sh', '-c', script);
          return ['seen.txt', 'deep/new'].every(name => seen.includes(`/workspace/${name}`));
        },
        { what: 'the change' },
      );
    } finally {
      for (const each of listening) each.dispose();
      watcher.dispose();
    }
  });

  it('open in an editor and are saved from it', async () => {
    const document = await vscode.workspace.openTextDocument(at('file.txt'));
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(1, 0), 'two\n');
    assert.ok(await vscode.workspace.applyEdit(edit));
    assert.ok(await document.save());
    assert.equal(readFileSync(join(worktree, 'file.txt'), 'utf8'), 'one\ntwo\n');
  });

  it('of a folder with ten thousand of them are listed', async () => {
    mkdirSync(join(worktree, 'many'));
    for (let index = 0; index < 10_000; index += 1) writeFileSync(join(worktree, 'many', `${index}`), '');
    assert.equal((await named('many')).length, 10_000);
  });

  it('are copied in and out, folders with links and modes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hvr-copy-'));
    try {
      mkdirSync(join(folder, 'source'));
      writeFileSync(join(folder, 'source', 'tool'), 'x', { mode: 0o755 });
      symlinkSync('tool', join(folder, 'source', 'link'));
      const into = { sandbox: sandbox.id, from: join(folder, 'source'), to: '/tmp/copied' };
      const done = await command<{ files: number; links: number }>('heyvm.copyIn', into);
      assert.deepEqual([done.files, done.links], [1, 1]);
      await command('heyvm.copyOut', {
        sandbox: sandbox.id,
        from: '/tmp/copied',
        to: join(folder, 'back'),
      });
      assert.equal(readlinkSync(join(folder, 'back', 'link')), 'tool');
      const again = { sandbox: sandbox.id, from: '/tmp/none', to: join(folder, 'none') };
      await assert.rejects(command('heyvm.copyOut', again), /does not exist/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('cannot be reached when the sandbox is stopped, and again when it runs', async () => {
    await command('heyvm.stop', { sandbox: sandbox.id });
    await assert.rejects(async () => await fs.readFile(at('run.sh')), /not running|ended/);
    await command('heyvm.start', { sandbox: sandbox.id });
    assert.equal(await text(at('run.sh')), 'echo new\n');
  });
});
