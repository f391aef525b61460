// A part of the library that it ships without types, imported for its effect alone.
declare module '*/worker-thread.bundle.js';
