// Users and places of a devcontainer.json that are followed in part, or not at all, with the reason.
import { strict as assert } from 'node:assert';
import type { DevcontainerFile } from './file.ts';
import { translate } from './translate.ts';

const place = { path: '.devcontainer.json', machine: { folder: '/home/me/shop', variable: () => undefined } };

describe('users and places of a devcontainer.json', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
  const OWN = '${localWorkspaceFolder}';
  const places: readonly (readonly [said: DevcontainerFile, left: RegExp, mounts?: readonly string[]])[] = [
    [{ workspaceFolder: '/workspace/packages/a' }, /workspaceFolder: .* lies in the project itself/],
    [{ workspaceFolder: '/' }, /workspaceFolder: \/ belongs to the system/],
    [
      { workspaceFolder: '/workspaces/shop/packages/a' },
      /workspaceFolder: programs inside begin at \/workspace; the project is at \/workspaces\/shop as well/,
      ['/workspaces/shop'],
    ],
    [{ workspaceMount: '', workspaceFolder: '/app' }, /workspaceMount: without type=bind/, ['/app']],
    [{ workspaceMount: 'type=volume,source=v,target=/app' }, /workspaceMount: a volume is of one engine/],
    [{ workspaceMount: 'type=bind,source=/srv,target=/app' }, /workspaceMount: .* not \/srv/],
    [{ workspaceMount: `type=bind,source=${OWN}/a,target=/app` }, /workspaceMount: .* not .*\/a/],
    [{ workspaceMount: `type=bind,source=${OWN},target=/etc/app` }, /workspaceMount: .* the system inside/],
    [{ remoteUser: 'root' }, /remoteUser: .* without the powers of root/],
    [{ remoteUser: '1000:1000' }, /remoteUser: 1000:1000 is no name/],
    [{ remoteUser: 'node', containerUser: 'app' }, /containerUser: .* the remoteUser/],
  ];
  for (const [said, reason, mounts = []] of places) {
    it(`says why it does not do all of ${JSON.stringify(said)}`, () => {
      const { unfollowed, file } = translate(said, place);
      assert.deepEqual(file.mounts?.map(({ target }) => target) ?? [], mounts);
      assert.equal(unfollowed.length, 1);
      assert.match(unfollowed.map(({ what, why }) => `${what}: ${why}`).join('\n'), reason);
    });
  }
});
