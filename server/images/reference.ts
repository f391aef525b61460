// Reads where an image is to go in a registry.
import { fail } from '../core/errors.ts';

export type Reference = {
  /** With its port. */
  readonly registry: string;
  /** Plain http only to this machine itself. */
  readonly scheme: 'http' | 'https';
  readonly repository: string;
  readonly tag: string;
};

const HUB = 'registry-1.docker.io';
const pattern =
  /^(?:([a-z0-9.-]+(?::[0-9]+)?|\[[0-9a-f:]+\](?::[0-9]+)?)\/)?([a-z0-9._/-]+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?$/;

/** As container engines do: a first part without a dot or port belongs to the name, and the hub is meant. */
export function parseReference(text: string): Reference {
  const [, host, path = '', tag = 'latest'] = pattern.exec(text) ?? [];
  if (path === '' || /(^|\/)(\/|$)/.test(path)) {
    fail('usage', `${JSON.stringify(text)} is no place in a registry`, {
      hint: 'for example docker://registry.example.com/team/my-base:1',
    });
  }
  const isHost = host !== undefined && (/[.:[]/.test(host) || host === 'localhost');
  const name = isHost || host === undefined ? path : `${host}/${path}`;
  if (isHost && host !== 'docker.io') {
    const local = /^(localhost|127\.[0-9.]+|\[::1\])(:|$)/.test(host);
    return { registry: host, scheme: local ? 'http' : 'https', repository: name, tag };
  }
  return { registry: HUB, scheme: 'https', repository: name.includes('/') ? name : `library/${name}`, tag };
}

/** Under which names configurations keep the credentials of a registry. */
export function credentialKeys({ registry }: Reference): readonly string[] {
  const own = [registry, `https://${registry}`, `http://${registry}`];
  return registry === HUB ? ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', ...own] : own;
}
