// Octant's client: the HTTP API as docs/openapi.json describes it, and the live feed.
import createClient, { type Client, type ClientOptions } from "openapi-fetch";
import type { components, paths } from "./generated/openapi.js";

export { Feed, FeedError, type FeedOptions, type Update } from "./feed.js";
export type { paths };

/** Bodies and answers by name: `Schemas["EpochInfo"]`. */
export type Schemas = components["schemas"];

/** `const { data, error } = await octant(url).GET("/epochs/current")`. */
export function octant(baseUrl: string, options: Omit<ClientOptions, "baseUrl"> = {}): Client<paths> {
  return createClient<paths>({ ...options, baseUrl });
}
