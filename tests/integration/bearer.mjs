// Sends a token with whatever this process asks over HTTP: the conformance suite has no option for that.
import { createRequire } from "node:module";

const { Agent, setGlobalDispatcher } = createRequire(process.argv[1])("undici");
const authorization = `Bearer ${process.env.BEARER}`;
const plainFetch = globalThis.fetch;

globalThis.fetch = (resource, options = {}) => {
  const headers = new Headers(options.headers);
  headers.set("authorization", authorization);
  return plainFetch(resource, { ...options, headers });
};

const isPlain = (headers) => headers && Object.getPrototypeOf(headers) === Object.prototype;
const withToken = (dispatch) => (options, handler) =>
  dispatch(isPlain(options.headers) ? { ...options, headers: { authorization, ...options.headers } } : options, handler);
setGlobalDispatcher(new Agent().compose(withToken));
