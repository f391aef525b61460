// A thread of the runtime: that of @wasmer/sdk for Node, and the function by which it asks for files.
import { parentPort } from 'node:worker_threads';
import { caller } from './fileCalls.ts';

Object.assign(globalThis, { __wasmerHostFileSystem: caller(call => parentPort?.postMessage(call)) });
await import('../../../../node_modules/@wasmer/sdk/dist/node-worker.js');
