// The thread that waits for a component's sockets, timers and inputs; jco's own, started when something is waited for.
import '../../../../node_modules/@bytecodealliance/preview2-shim/dist/io/worker-thread.bundle.js';
