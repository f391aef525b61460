// The process in which components are made ready to run; it knows the compiler of bindings, which is large.
import { answer, takeOrders } from '../inside/line.ts';
import { ComponentError, PrepareOrders } from '../inside/orders.ts';
import { prepare } from '../inside/prepare.ts';

void obey();

async function obey(): Promise<void> {
  const orders = takeOrders(PrepareOrders);
  try {
    answer({ kind: 'prepared', prepared: await prepare(orders) });
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error;
    answer({ kind: 'failed', code: error.code, message: error.message });
  }
  process.exit(0);
}
