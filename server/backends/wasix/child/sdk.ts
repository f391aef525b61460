// The runtime, with folders of the host at places of its guests.
//
// @wasmer/sdk can show folders of its host inside, and offers that to hosts other than Node: it asks for every file
// through one synchronous function, in its main thread and in each of its workers. What is not part of its documented
// interface is used in this file and in worker.ts alone. All calls are answered here, one after the other.
import { Wasmer } from '@wasmer/sdk/node';
import { type FileCall, isFileCall, replyTo } from './fileCalls.ts';
import type { HostFiles, HostMounts } from './hostFiles.ts';

export type RuntimeOptions = {
  readonly files: HostFiles;
  readonly mounts: HostMounts;
  /** The runtime itself, compiled to WebAssembly. */
  readonly wasm: Promise<object>;
  readonly urls: { readonly worker: URL; readonly sdk: URL };
  /** Where packages from the registry are kept. */
  readonly cache: string | false;
};

/** What the runtime makes its threads of, in the shape of a browser's. */
type Thread = { onmessage: ((event: { data: unknown }) => void) | null; postMessage(message: unknown): void };
type Threads = new (url: URL | string, options?: object) => Thread;

/** Node's own, whose types come only with those of browsers. */
export const { compile }: { readonly compile: (bytes: Uint8Array) => Promise<object> } = Reflect.get(
  globalThis,
  'WebAssembly',
);

export async function openRuntime(options: RuntimeOptions): Promise<Wasmer> {
  const { files, mounts, wasm, cache } = options;
  Object.assign(globalThis, { __wasmerHostFileSystem: files });
  const runtime = await new (runtimeWith(mounts))({
    wasm,
    cache: cache === false ? false : { directory: cache },
  }).ready();
  const given = Reflect.get(globalThis, 'Worker') as Threads;
  Object.defineProperty(globalThis, 'Worker', { configurable: true, value: threadsOf(given, options) });
  return runtime;
}

function runtimeWith(mounts: HostMounts): typeof Wasmer {
  return class extends Wasmer {
    protected static override async initializeCore(
      options: ConstructorParameters<typeof Wasmer>[0] & object,
    ) {
      const core = await Wasmer.initializeCore(options);
      const plain = core.sandbox.bind(core);
      core.sandbox = () => {
        const builder = plain();
        for (const [id, place] of mounts) {
          if (place === '/workspace') builder.storageHost(id);
          else builder.mountHost(place, id, false);
        }
        return builder;
      };
      return core;
    }
  };
}

function threadsOf(Given: Threads, { files, urls }: RuntimeOptions): Threads {
  return class extends Given {
    constructor(_url: URL | string, options?: object) {
      super(urls.worker, options);
      let listener: Thread['onmessage'] = null;
      Object.defineProperty(this, 'onmessage', {
        get: () => (event: { data: unknown }) => {
          if (isFileCall(event.data)) answer(files, event.data);
          else listener?.(event);
        },
        set: (given: Thread['onmessage']) => {
          listener = given;
        },
      });
    }

    override postMessage(message: unknown): void {
      super.postMessage(isInit(message) ? { ...message, sdkUrl: urls.sdk.href } : message);
    }
  };
}

function isInit(message: unknown): message is object {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'init';
}

/** Of those that the runtime knows; what may not be written is not permitted to it. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
  return ['EROFS', 'EBADF', 'EBUSY', 'EINVAL'].includes(code) ? 'EACCES' : code;
}

/** Whatever happens, the thread that asked stands still until it has an answer. */
function answer(files: HostFiles, call: FileCall): void {
  try {
    replyTo(call, { value: files(call.mount, call.method, call.args) });
  } catch (error) {
    replyTo(call, { error: codeOf(error) });
  }
}
