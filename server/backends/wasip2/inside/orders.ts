// What the processes of this backend are told by their owner, and what they answer.
import * as z from 'zod/mini';
import { Mount } from '../../../protocol/sandbox.ts';

/** Numbers of the descriptors that they are given: the line to the owner, and the file to make ready. */
export const LINE = 3;
export const SOURCE = 4;

/** Who ends them when the owner dies: the kernel, or they themselves, when the line closes. */
const Watched = z.enum(['kernel', 'line']);
export type Watched = z.output<typeof Watched>;

const surroundings = {
  watch: Watched,
  mounts: z.array(Mount),
  /** Where relative paths begin. */
  cwd: z.string(),
  env: z.array(z.tuple([z.string(), z.string()])),
  network: z.enum(['none', 'open']),
  /** Whom new files belong to, where that is not the person who runs this. */
  owner: z.optional(z.strictObject({ uid: z.int(), gid: z.int() })),
  /** The folder with the bindings and the modules of a component. */
  prepared: z.string(),
};

const RunOrders = z.strictObject({ kind: z.literal('run'), argv: z.array(z.string()), ...surroundings });
export type RunOrders = z.output<typeof RunOrders>;

const ServeOrders = z.strictObject({ kind: z.literal('serve'), socket: z.string(), ...surroundings });
export type ServeOrders = z.output<typeof ServeOrders>;

export type Surroundings = Omit<RunOrders, 'kind' | 'argv'>;

export const Orders = z.discriminatedUnion('kind', [RunOrders, ServeOrders]);
export type Orders = z.output<typeof Orders>;

export const PrepareOrders = z.strictObject({
  watch: Watched,
  /** What the file is called, for whoever reads of it. */
  name: z.string(),
  /** The folder with all that was made ready. */
  shelf: z.string(),
});
export type PrepareOrders = z.output<typeof PrepareOrders>;

export const Prepared = z.strictObject({
  /** What it exports: a program, a handler of HTTP requests, or neither. */
  world: z.enum(['command', 'http', 'other']),
  kind: z.enum(['core', 'component']),
  digest: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});
export type Prepared = z.output<typeof Prepared>;

/** Ways to fail that are told to a person, with the codes that the owner has for them. */
const ComponentErrorCode = z.enum(['image-broken', 'unsupported']);

export class ComponentError extends Error {
  readonly code: z.output<typeof ComponentErrorCode>;

  constructor(code: z.output<typeof ComponentErrorCode>, message: string) {
    super(message);
    this.code = code;
  }
}

export const Answer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('prepared'), prepared: Prepared }),
  z.strictObject({ kind: z.literal('failed'), code: ComponentErrorCode, message: z.string() }),
]);
export type Answer = z.output<typeof Answer>;
