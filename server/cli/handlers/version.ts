// heyvm version: prints the version.
import { bundle } from '../../platform/bundle.ts';
import { PROTOCOL } from '../../protocol/version.ts';
import type { Context } from '../command.ts';

export async function run({ out }: Context): Promise<undefined> {
  const answer = {
    build: bundle.build,
    protocol: `${PROTOCOL.major}.${PROTOCOL.minor}`,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
  out.result(answer, () => `heyvm ${answer.build}`);
}
