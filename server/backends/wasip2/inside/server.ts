// Serves a component that handles HTTP requests, on a socket of this machine.

import { trapOf } from './command.ts';
import { type Component, interfaceOf, loadComponent } from './component.ts';
import { type Imports, importsFor } from './imports.ts';
import type { ServeOrders } from './orders.ts';
import { http } from './shim.ts';

/** Answers when it can be asked. */
export function serve(orders: ServeOrders): void {
  const component = loadComponent(orders.prepared);
  const imports = importsFor(orders, ['component.wasm'], { exit: code => process.exit(code) });
  // The first one is made before anybody asks, so that one that cannot be made is known at the start.
  let ready: Handler | undefined = handlerOf(component, imports);
  const server = new http.HTTPServer({
    handle: (request, response) => {
      const handle = ready ?? handlerOf(component, imports);
      ready = undefined;
      try {
        handle(request, response);
      } catch (error) {
        // Nobody can answer this request any more. Its connection closes with this process, which is started again.
        console.error(trapOf(error));
        process.exit(1);
      }
      // The next request finds an instance that no other has used, and need not wait for it.
      setImmediate(() => {
        ready ??= handlerOf(component, imports);
      });
    },
  });
  server.listen(orders.socket);
}

type Handler = (request: unknown, response: unknown) => void;

function handlerOf(component: Component, imports: Imports): Handler {
  const exports = component.instantiate(imports);
  const handler = interfaceOf(exports, 'wasi:http/incoming-handler');
  const handle = handler?.['handle'];
  if (typeof handle !== 'function') throw new Error('it exports no wasi:http/incoming-handler');
  return (request, response) => void handle.call(handler, request, response);
}
