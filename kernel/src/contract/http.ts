/** How an operation is reached over HTTP. */

/** A method that an operation may be reached by. */
export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The HTTP binding of an operation. */
export interface HttpBinding {
  readonly method: HttpMethod;
  /** The path with `:name` for fields of the input. The other fields come from the query or the body. */
  readonly path: string;
  /** The status of success; 200 unless said, 204 when the output is empty. */
  readonly status?: number;
  /** The integer field of the output that becomes the `ETag`. */
  readonly etag?: string;
  /** The integer field of the input that is filled from `If-Match`. */
  readonly ifMatch?: string;
  /** Whether a client must send `Idempotency-Key`. Without it, a key is made for each request. */
  readonly idempotencyKey?: "required" | "optional";
  /** The text field of the input that gets the raw body, byte for byte: for signed webhooks. */
  readonly rawBody?: string;
  /** Fields of the input that come from headers: field to header name in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The text field of the input that gets the client's network address, as the gateway knows it: for throttling. */
  readonly clientAddress?: string;
  /** The `Cache-Control` max-age in seconds that an answer to an anonymous caller may carry. */
  readonly publicMaxAgeSeconds?: number;
  /** The type of the answer when it is not JSON: the output is then a text in the field `content`. */
  readonly contentType?: string;
  /** The most bytes of body accepted. The gateway's limit holds when absent. */
  readonly bodyBytesMax?: number;
}

const ROUTE = /^(GET|POST|PUT|PATCH|DELETE) (\/[\w\-./:]*)$/;

/** Reads `"GET /products/:id"` and adds the options. @throws {TypeError} when the route has another form. */
export function http(
  route: `${HttpMethod} /${string}`,
  options: Omit<HttpBinding, "method" | "path"> = {},
): HttpBinding {
  const match = ROUTE.exec(route);
  if (match === null) throw new TypeError(`"${route}" is not a route like "GET /products/:id".`);
  return { ...options, method: match[1] as HttpMethod, path: match[2] ?? "/" };
}

/** The names of the `:fields` in a path. */
export function pathFields(path: string): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? "");
}
