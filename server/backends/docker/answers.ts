// What engines answer, as far as it is looked at.
import * as z from 'zod/mini';

export const Info = z.object({
  ID: z._default(z.string(), ''),
  OSType: z._default(z.string(), 'linux'),
  Architecture: z._default(z.string(), ''),
  ServerVersion: z._default(z.string(), ''),
  OperatingSystem: z._default(z.string(), ''),
  MemoryLimit: z._default(z.boolean(), false),
  SwapLimit: z._default(z.boolean(), false),
  PidsLimit: z._default(z.boolean(), false),
  CpuCfsPeriod: z._default(z.boolean(), false),
  CpuCfsQuota: z._default(z.boolean(), false),
  CgroupDriver: z._default(z.string(), ''),
  LiveRestoreEnabled: z._default(z.boolean(), false),
  DefaultRuntime: z._default(z.string(), ''),
  Runtimes: z._default(z.nullable(z.record(z.string(), z.unknown())), {}),
  SecurityOptions: z._default(z.nullable(z.array(z.string())), []),
});
export type Info = z.output<typeof Info>;

export const Image = z.looseObject({
  Id: z.string(),
  Architecture: z._default(z.string(), ''),
  Os: z._default(z.string(), 'linux'),
  Config: z.nullish(z.looseObject({ Env: z.nullish(z.array(z.string())) })),
});
export type Image = z.output<typeof Image>;

const Labels = z.nullish(z.record(z.string(), z.string()));

export const Container = z.looseObject({
  Id: z.string(),
  Image: z._default(z.string(), ''),
  State: z.looseObject({
    Status: z.string(),
    Running: z._default(z.boolean(), false),
    Paused: z._default(z.boolean(), false),
    OOMKilled: z._default(z.boolean(), false),
    ExitCode: z._default(z.int(), 0),
    Error: z._default(z.string(), ''),
  }),
  Config: z.looseObject({ Labels }),
});
export type Container = z.output<typeof Container>;

export const ContainerList = z.array(
  z.looseObject({
    Id: z.string(),
    Created: z._default(z.number(), 0),
    Names: z.nullish(z.array(z.string())),
    Labels,
  }),
);

export const ImageList = z.array(
  z.looseObject({
    Id: z.string(),
    Created: z._default(z.number(), 0),
    RepoTags: z.nullish(z.array(z.string())),
    Labels,
  }),
);

export const Version = z.looseObject({ ApiVersion: z._default(z.string(), '0') });

export const Exit = z.looseObject({ StatusCode: z.int() });
