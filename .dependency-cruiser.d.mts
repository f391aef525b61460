// Types of the import rules, for the test that applies them.
declare const config: { readonly forbidden: readonly object[]; readonly options: object };
export default config;
