// The helper as a language server for files of ours, spoken to by a real client of the protocol.
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type CodeAction,
  CodeActionRequest,
  CodeLensRequest,
  type CompletionItem,
  CompletionRequest,
  createProtocolConnection,
  DidChangeTextDocumentNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DocumentSymbolRequest,
  type Hover,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  type ProtocolConnection,
  PublishDiagnosticsNotification,
  type PublishDiagnosticsParams,
  type Range,
  StreamMessageReader,
  StreamMessageWriter,
  type TextEdit,
} from 'vscode-languageserver-protocol/node';
import { eventually } from '../support/eventually.ts';
import { type HelperProcess, initializeParams, spawnHelper } from './support/helperProcess.ts';

describe('the helper, for somebody who edits files of ours', function () {
  this.timeout(30_000);
  let home: string;
  let helper: Pick<HelperProcess, 'child' | 'ended'>;
  let client: ProtocolConnection;
  let published: PublishDiagnosticsParams[];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'hvl-'));
    helper = spawnHelper(home);
    const { stdout, stdin } = helper.child;
    client = createProtocolConnection(new StreamMessageReader(stdout), new StreamMessageWriter(stdin));
    published = [];
    client.onNotification(PublishDiagnosticsNotification.type, params => void published.push(params));
    client.listen();
    const { capabilities } = await client.sendRequest(InitializeRequest.type, initializeParams());
    assert.ok(capabilities.hoverProvider && capabilities.completionProvider);
    await client.sendNotification(InitializedNotification.type, {});
  });

  afterEach(async () => {
    client.dispose();
    helper.child.kill('SIGKILL');
    await helper.ended();
    rmSync(home, { recursive: true, force: true });
  });

  const project = pathToFileURL('/some/where/shop/.heyvm/sandbox.yaml').href;
  async function open(uri: string, text: string): Promise<void> {
    const textDocument = { uri, version: 1, languageId: 'any', text };
    await client.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
  }
  async function change(uri: string, version: number, text: string): Promise<void> {
    const params = { textDocument: { uri, version }, contentChanges: [{ text }] };
    await client.sendNotification(DidChangeTextDocumentNotification.type, params);
  }
  async function problemsOf(uri: string, version: number | undefined): Promise<string[]> {
    const found = await eventually(
      () => published.find(params => params.uri === uri && params.version === version),
      { what: `what is said about version ${version}` },
    );
    return found.diagnostics.map(({ message, range }) => `${placeOf(range)} ${message}`);
  }
  const placeOf = ({ start, end }: Range): string =>
    `${start.line}:${start.character}-${end.line}:${end.character}`;
  const on = (uri: string, line: number, character: number) => ({
    textDocument: { uri },
    position: { line, character },
  });

  it('says what is wrong and where, follows every change, and takes it back when the file is closed', async () => {
    await open(project, 'name: shop\nnetwrk: none\nlimits:\n  memory: lots\n');
    assert.deepEqual(await problemsOf(project, 1), [
      '3:10-3:14 limits.memory: must be a size such as 512m or 2g',
      '1:0-1:6 unknown key netwrk; did you mean network?',
    ]);
    await change(project, 2, 'name: shop\nnetwork: none\n');
    assert.deepEqual(await problemsOf(project, 2), []);
    await change(project, 3, 'name: [\n');
    assert.ok((await problemsOf(project, 3)).length > 0);
    await client.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri: project } });
    assert.deepEqual(await problemsOf(project, undefined), []);
  });

  it('offers to write what was meant, and only there', async () => {
    const text = 'netwrk: none\nruntime: nod\n';
    await open(project, text);
    const ask = async (line: number, character: number): Promise<CodeAction[]> => {
      const range = { start: { line, character }, end: { line, character } };
      const params = { textDocument: { uri: project }, range, context: { diagnostics: [] } };
      return ((await client.sendRequest(CodeActionRequest.type, params)) ?? []) as CodeAction[];
    };
    const editsOf = (action: CodeAction | undefined): TextEdit[] => action?.edit?.changes?.[project] ?? [];
    const [key, ...others] = await ask(0, 2);
    assert.deepEqual(others, []);
    assert.equal(key?.title, 'Change to network');
    const mended = applied(text, editsOf(key));
    assert.equal(mended, 'network: none\nruntime: nod\n');
    await change(project, 2, mended);
    assert.deepEqual(await ask(0, 2), []);
    const [word] = await ask(1, 10);
    assert.equal(applied(mended, editsOf(word)), 'network: none\nruntime: node\n');
  });

  it('completes, explains, outlines, and starts what is right', async () => {
    const text = 'name: shop\nnetwork: no\nli';
    await open(project, text);
    const items = (await client.sendRequest(CompletionRequest.type, on(project, 2, 2))) as CompletionItem[];
    const limits = items.find(({ label }) => label === 'limits') ?? assert.fail('no limits');
    assert.equal(applied(text, [limits.textEdit as TextEdit]), 'name: shop\nnetwork: no\nlimits:\n  ');
    const words = (await client.sendRequest(CompletionRequest.type, on(project, 1, 11))) as CompletionItem[];
    assert.deepEqual(
      words.map(({ label }) => label),
      ['none', 'allowlist', 'open'],
    );
    const hover = (await client.sendRequest(HoverRequest.type, on(project, 1, 3))) as Hover;
    assert.match(JSON.stringify(hover.contents), /programs inside may reach/);
    const lenses = () => client.sendRequest(CodeLensRequest.type, { textDocument: { uri: project } });
    assert.deepEqual(await lenses(), []);
    await change(project, 2, 'name: shop\nnetwork: none\n');
    const [lens] = (await lenses()) ?? [];
    assert.deepEqual(lens?.command?.arguments, [{ folder: '/some/where/shop' }]);
    const symbols = await client.sendRequest(DocumentSymbolRequest.type, { textDocument: { uri: project } });
    assert.deepEqual(
      symbols?.map(({ name }) => name),
      ['name', 'network'],
    );
  });

  it('knows the settings of its own store, comments included, and no other JSON', async () => {
    const path = join(home, 'settings.json');
    const text = '{\n  // mine\n  "backend_typ": "docker",\n}\n';
    writeFileSync(path, text);
    const settings = pathToFileURL(path).href;
    await open(settings, text);
    assert.deepEqual(await problemsOf(settings, 1), [
      '2:2-2:15 unknown key backend_typ; did you mean backend_type?',
    ]);
    const other = pathToFileURL('/tmp/settings.json').href;
    await open(other, '{ "anything": 1 }');
    assert.deepEqual(await problemsOf(other, 1), []);
  });

  it('knows what every backend may be told in the settings', async () => {
    const settings = pathToFileURL(join(home, 'settings.json')).href;
    const text = [
      '{',
      '  "backends": {',
      '    "dockr": {},',
      '    "docker": { "debg": true, "image": 5, "runtime": "run sc" },',
      '    "libvirt": { "accelerator": "kwm", "" }',
      '  },',
      '}',
    ].join('\n');
    await open(settings, text.replace(', ""', ''));
    assert.deepEqual((await problemsOf(settings, 1)).toSorted(), [
      '2:4-2:11 unknown key dockr in backends; did you mean docker?',
      '3:16-3:22 unknown key debg in backends.docker; did you mean debug?',
      '3:39-3:40 backends.docker.image: Invalid input: expected string, received number',
      '3:53-3:61 backends.docker.runtime: must be the name of a runtime',
      '4:32-4:37 backends.libvirt.accelerator: Invalid option: expected one of "kvm"|"tcg"; did you mean kvm?',
    ]);
    await change(settings, 2, text);
    const labels = async (line: number, character: number) =>
      (
        (await client.sendRequest(CompletionRequest.type, on(settings, line, character))) as CompletionItem[]
      ).map(({ label }) => label);
    assert.deepEqual(await labels(4, 40), ['connect', 'workspace', 'pool', 'templates_bytes', 'image']);
    assert.deepEqual(await labels(4, 34), ['kvm', 'tcg']);
    const hover = (await client.sendRequest(HoverRequest.type, on(settings, 4, 20))) as Hover;
    assert.match(
      JSON.stringify(hover.contents),
      /backends\.libvirt\.accelerator.*refuses to start without it/,
    );
  });

  it('knows the file inside of a sandbox too, which nothing starts from there', async () => {
    const inside = 'vscode-remote://ssh-remote%2Bheyvm-shop/workspace/.heyvm/sandbox.yaml';
    await open(inside, 'name: shop\n');
    assert.deepEqual(await problemsOf(inside, 1), []);
    const lenses = await client.sendRequest(CodeLensRequest.type, { textDocument: { uri: inside } });
    assert.deepEqual(lenses, []);
  });
});

/** From the last to the first, so that places stay right. */
function applied(text: string, edits: readonly TextEdit[]): string {
  const offsetOf = ({ line, character }: Range['start']): number =>
    text
      .split('\n')
      .slice(0, line)
      .reduce((sum, each) => sum + each.length + 1, 0) + character;
  return edits.reduceRight(
    (result, { range, newText }) =>
      result.slice(0, offsetOf(range.start)) + newText + result.slice(offsetOf(range.end)),
    text,
  );
}
