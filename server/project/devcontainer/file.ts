// The parts of a devcontainer.json that mean something to heyvm, as they may be written there.
import * as z from 'zod/mini';
import { Variables } from '../../protocol/projectFile.ts';

const Text = z.string().check(z.minLength(1));
const Words = z.array(z.string()).check(z.minLength(1));

/** A line for the shell, the words of one program, or several of these by name. */
const Command = z.union([Text, Words, z.record(z.string(), z.union([Text, Words]))], {
  error: 'must be a line for the shell, a list of words, or an object of these',
});
export type Command = z.output<typeof Command>;

const Port = z.int().check(z.minimum(1), z.maximum(65_535));

const Build = z.looseObject({
  dockerfile: z.optional(Text),
  context: z.optional(Text),
  args: z.optional(z.record(z.string(), z.string())),
  target: z.optional(Text),
});

const Mount = z.union(
  [
    Text,
    z.looseObject({
      type: z.enum(['bind', 'volume', 'tmpfs']),
      source: z.optional(z.string()),
      target: z.string(),
    }),
  ],
  { error: 'must be "type=bind,source=…,target=…" or an object of these' },
);

const AppPort = z.union([Port, Text], { error: 'must be a port or "HOST:GUEST"' });

const VsCode = z.looseObject({ extensions: z.optional(z.array(z.string())) });

/** Other keys stay, so that each can be named. */
export const DevcontainerFile = z.looseObject({
  image: z.optional(Text),
  build: z.optional(Build),
  dockerFile: z.optional(Text),
  context: z.optional(Text),
  containerEnv: z.optional(Variables),
  remoteEnv: z.optional(z.record(z.string(), z.nullable(z.string()))),
  forwardPorts: z.optional(
    z.array(
      z.union([Port, z.string().check(z.regex(/^[a-z0-9.-]+:\d{1,5}$/, 'must be a port or "host:port"'))], {
        error: 'must be a port or "host:port"',
      }),
    ),
  ),
  appPort: z.optional(z.union([AppPort, z.array(AppPort)])),
  mounts: z.optional(z.array(Mount)),
  onCreateCommand: z.optional(Command),
  updateContentCommand: z.optional(Command),
  postCreateCommand: z.optional(Command),
  postStartCommand: z.optional(Command),
  workspaceFolder: z.optional(Text),
  workspaceMount: z.optional(z.string()),
  remoteUser: z.optional(Text),
  containerUser: z.optional(Text),
  customizations: z.optional(z.looseObject({ vscode: z.optional(VsCode) })),
  /** Where extensions stood before there were customizations. */
  extensions: z.optional(z.array(z.string())),
});
export type DevcontainerFile = z.output<typeof DevcontainerFile>;
