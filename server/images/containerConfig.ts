// How container images say the way in which their programs are started, and what heyvm keeps of it.
import * as z from 'zod/mini';
import type { ImageConfig } from '../protocol/image.ts';

export const RawConfig = z.object({
  Env: z.nullish(z.array(z.string())),
  User: z.nullish(z.string()),
  WorkingDir: z.nullish(z.string()),
  Entrypoint: z.nullish(z.array(z.string())),
  Cmd: z.nullish(z.array(z.string())),
});

export function configOf(raw: Partial<z.output<typeof RawConfig>>): ImageConfig {
  const env = (raw.Env ?? []).flatMap((entry): [string, string][] => {
    const equals = entry.indexOf('=');
    return equals > 0 ? [[entry.slice(0, equals), entry.slice(equals + 1)]] : [];
  });
  const user = raw.User ?? '';
  const workdir = raw.WorkingDir ?? '';
  return {
    env: Object.fromEntries(env),
    ...(user === '' ? {} : { user }),
    ...(workdir === '' ? {} : { workdir }),
    entrypoint: raw.Entrypoint ?? [],
    cmd: raw.Cmd ?? [],
  };
}
