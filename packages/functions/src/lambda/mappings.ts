// AWS's API of event source mappings: /2015-03-31/event-source-mappings/. Those of the configuration are listed, too; they are
// changed where they are written.
// Source: AWS Lambda API reference, the actions of that path.
import type { Hono } from 'hono';
import { mappingLimits } from '../defaults.ts';
import type { ListedMapping, Mappings } from '../triggers/mapping/mappings.ts';
import { AwsError, invalidParameter, notFound } from './aws-error.ts';
import type { Caller } from './function-url.ts';
import { arnOf, readFunctionName } from './function-name.ts';
import {
  changedConfig,
  mappingJson,
  newConfig,
  readMappingRequest,
  topicOfArn,
  type MappingRequest,
} from './mapping-shape.ts';
import { readFields } from './read-body.ts';

const path = '/2015-03-31/event-source-mappings';

export interface MappingServices {
  readonly mappings: Mappings;
  readonly bootstrapServers: string;
}

export function addMappingRoutes(
  hono: Hono<{ Bindings: Caller }>,
  { mappings, bootstrapServers }: MappingServices,
): void {
  const answer = (mapping: ListedMapping, status: 200 | 202): Response =>
    Response.json(mappingJson(mapping, bootstrapServers), { status });
  const find = async (uuid: string): Promise<ListedMapping> => {
    const found = await mappings.find(uuid);
    if (found === undefined) throw notFound(`The resource you requested does not exist: event source mapping ${uuid}`);
    return found;
  };
  const changeable = async (uuid: string): Promise<ListedMapping> => {
    const found = await find(uuid);
    if (found.isConfigured) {
      throw invalidParameter(`The event source mapping ${uuid} is in throughline.config.ts: change it there.`);
    }
    if (found.state === 'Deleting') {
      throw new AwsError('ResourceInUseException', 400, `The event source mapping ${uuid} is being deleted.`);
    }
    return found;
  };
  const nameOf = ({ FunctionName: text }: MappingRequest): string | undefined => {
    if (text === undefined) return undefined;
    const { name } = readFunctionName(text, undefined);
    if (!mappings.has(name)) throw notFound(`Function not found: ${arnOf(name)}`);
    return name;
  };

  const create = async (request: Request): Promise<Response> => {
    const asked = readMappingRequest(await readFields(request));
    const name = nameOf(asked);
    if (name === undefined) throw invalidParameter('FunctionName must be given');
    const config = newConfig(asked);
    const twin = await mappings.twin(name, config);
    if (twin !== undefined) {
      const message = `An event source mapping with ${config.type === 'kafka' ? 'topic' : 'stream'} ("${config.topic}") and function ("${name}") already exists. Please update or delete the existing mapping with UUID ${twin.uuid}`;
      throw new AwsError('ResourceConflictException', 409, message);
    }
    return answer(await mappings.create(name, config), 202);
  };

  hono.post(`${path}/`, ({ req }) => create(req.raw));
  hono.post(path, ({ req }) => create(req.raw));
  hono.get(`${path}/`, async ({ req }) =>
    listed(await mappings.list(), new URL(req.url).searchParams, bootstrapServers),
  );
  hono.get(path, async ({ req }) => listed(await mappings.list(), new URL(req.url).searchParams, bootstrapServers));
  hono.get(`${path}/:uuid`, async ({ req }) => answer(await find(req.param('uuid')), 200));
  hono.put(`${path}/:uuid`, async ({ req }) => {
    const before = await changeable(req.param('uuid'));
    const asked = readMappingRequest(await readFields(req.raw));
    const name = nameOf(asked) ?? before.functionName;
    return answer(await mappings.update(before, name, changedConfig(before.config, asked)), 202);
  });
  hono.delete(`${path}/:uuid`, async ({ req }) =>
    answer(await mappings.remove(await changeable(req.param('uuid'))), 202),
  );
}

function listed(all: readonly ListedMapping[], query: URLSearchParams, bootstrapServers: string): Response {
  const itemsMax = Number(query.get('MaxItems') ?? mappingLimits.listedMax);
  if (!Number.isInteger(itemsMax) || itemsMax < 1)
    throw invalidParameter('MaxItems: expected a number from 1 to 10000');
  const marker = query.get('Marker') ?? '';
  const functionName = query.get('FunctionName');
  const name = functionName === null ? undefined : readFunctionName(functionName, undefined).name;
  const arn = query.get('EventSourceArn');
  const topic = arn === null ? undefined : topicOfArn(arn);
  const wanted = all.filter(
    (one) =>
      one.uuid > marker &&
      (name === undefined || one.functionName === name) &&
      (arn === null || (one.config.type === 'stream' && one.config.topic === topic)),
  );
  const page = wanted.slice(0, Math.min(itemsMax, mappingLimits.listedMax));
  const last = wanted.length > page.length ? page.at(-1) : undefined;
  return Response.json({
    EventSourceMappings: page.map((mapping) => mappingJson(mapping, bootstrapServers)),
    ...(last === undefined ? {} : { NextMarker: last.uuid }),
  });
}
