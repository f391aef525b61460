// How a contract between two processes is declared: methods with schemas, from which both sides' types follow.
import type * as z from 'zod/mini';

export type MethodSpec = {
  /** One sentence for the reader of the protocol. */
  readonly about: string;
  readonly params: z.ZodMiniType;
  readonly result: z.ZodMiniType;
};

export type Contract = Readonly<Record<string, MethodSpec>>;

/** Each method's schemas are made when they are first asked for, because one run of a program needs few of them. */
export function lazily<T extends Readonly<Record<string, () => MethodSpec>>>(
  makers: T,
): { readonly [M in keyof T]: ReturnType<T[M]> } {
  const made = new Map<string, MethodSpec>();
  const contract = {};
  for (const [method, make] of Object.entries(makers)) {
    const get = (): MethodSpec => {
      const spec = made.get(method) ?? make();
      made.set(method, spec);
      return spec;
    };
    Object.defineProperty(contract, method, { enumerable: true, get });
  }
  return contract as { readonly [M in keyof T]: ReturnType<T[M]> };
}

export type Params<C extends Contract, M extends keyof C> = z.output<C[M]['params']>;
export type Result<C extends Contract, M extends keyof C> = z.output<C[M]['result']>;

/** Progress of long work; `percent` only where it is known. */
export type Progress = { phase: string; detail?: string | undefined; percent?: number | undefined };

/** The two members of AbortSignal that a handler needs, so that this folder needs no Node types. */
export type CancelSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
};

export type CallOptions<Signal extends CancelSignal = CancelSignal> = {
  signal?: Signal;
  progress?: (progress: Progress) => void;
};

/** A typed way to call every method of a contract, wherever its handlers run. */
export type Call<C extends Contract, Signal extends CancelSignal = CancelSignal> = <
  M extends keyof C & string,
>(
  method: M,
  params: Params<C, M>,
  options?: CallOptions<Signal>,
) => Promise<Result<C, M>>;

/** One handler for each method; a method without one does not compile. */
export type Handlers<C extends Contract, Context> = {
  readonly [M in keyof C & string]: (params: Params<C, M>, context: Context) => Promise<Result<C, M>>;
};
