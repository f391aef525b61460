// Who a guest is inside: the user that files of the workspace belong to, with a name and a home.
import type { LaunchRequest } from '../../core/backend.ts';
import { fail } from '../../core/errors.ts';
import type { userOf } from '../../core/launch.ts';
import type { Traits } from './traits.ts';

export type Identity = {
  /** The numbers inside the container, which a rootless engine maps. */
  readonly uid: number;
  readonly gid: number;
  /** The engine's user namespace is left out for this container, so that numbers mean the same on both sides. */
  readonly userns: 'host' | undefined;
};

/** Files made inside have to belong to the owner of the workspace; where that is impossible the start is refused. */
export function identityOf(owner: LaunchRequest['owner'], traits: Traits, self: number): Identity {
  const { uid, gid } = owner;
  if (!traits.rootless) return { uid, gid, userns: traits.remapped ? 'host' : undefined };
  if (uid === self) return { uid: 0, gid: 0, userns: undefined };
  return fail('policy-unenforceable', `a rootless engine of user ${self} cannot make files of user ${uid}`, {
    hint: 'open a folder of your own, or use an engine that runs as root',
  });
}

export type Accounts = { readonly passwd: string; readonly group: string };

/** The accounts of the image with ours before them, because the first entry of a number gives its name. */
export function accountsFor(
  image: Accounts,
  { uid, gid }: Identity,
  { name: own, home, shell }: ReturnType<typeof userOf> & { readonly shell: string },
): Accounts {
  const others = (text: string): string[] =>
    text.split('\n').filter(line => line !== '' && !line.startsWith('#') && !line.startsWith(`${own}:`));
  const required = (lines: readonly string[], name: string, line: string): string[] =>
    lines.some(each => each.startsWith(`${name}:`)) ? [] : [line];
  const users = others(image.passwd);
  const groups = others(image.group);
  return {
    passwd: lines([
      `${own}:x:${uid}:${gid}:heyvm:${home}:${shell}`,
      ...users,
      ...required(users, 'root', 'root:x:0:0:root:/root:/bin/sh'),
      ...required(users, 'nobody', 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin'),
    ]),
    group: lines([`${own}:x:${gid}:`, ...groups, ...required(groups, 'root', 'root:x:0:')]),
  };
}

/** For a guest without a network, whose engine writes none. */
export function hostsFor(name: string): string {
  return lines(['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback', `127.0.1.1 ${name}`]);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
