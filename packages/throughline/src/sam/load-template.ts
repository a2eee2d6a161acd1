// A SAM template as an ordinary configuration, so that nothing else knows of SAM: its functions, with the triggers that their
// events are, and a line for everything that is not done (docs/decisions/0116-sam-templates-and-python-environments.md).
// Source: AWS SAM developer guide, "AWS SAM specification".
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import type { FunctionSettings, ThroughlineConfig } from '../config-schema.ts';
import { acceptFunction } from './accept.ts';
import { attachedEvents } from './attached.ts';
import { triggersOf, type EventContext } from './events.ts';
import { functionOf, type RawFunction } from './functions.ts';
import { Intrinsics } from './intrinsics.ts';
import { Notes } from './notes.ts';
import { functionTypes, LocalNames, resourcesOf, type Resource } from './resource-names.ts';
import { isRecord, readTemplate, textOf } from './template-text.ts';

export interface TemplateOptions {
  readonly dataDir: string;
  /** `--parameter-overrides`, by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface LoadedTemplate {
  readonly app: ThroughlineConfig;
  /** What the template says and Throughline does otherwise or not at all, a line each. */
  readonly notes: readonly string[];
  /** Folders that stand for buckets. */
  readonly folders: readonly string[];
  /** Code that the template has in itself. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** @throws ThroughlineError CONFIG_INVALID where it is no template, or none of its functions can run here */
export function loadTemplate(file: string, { dataDir, parameters }: TemplateOptions): LoadedTemplate {
  const template = readTemplate(readFileSync(file, 'utf8'), file);
  const notes = new Notes();
  const all = resourcesOf(template);
  const names = new LocalNames(all, dataDir);
  const intrinsics = new Intrinsics({ template, parameters, names, notes });
  names.computeWith(intrinsics);
  const conditionOf = (id: string): unknown =>
    (template['Resources'] as Record<string, Record<string, unknown>>)[id]?.['Condition'];
  const resources = new Map([...all].filter(([id]) => intrinsics.holds(conditionOf(id), `Resources.${id}.Condition`)));
  const files: { path: string; text: string }[] = [];
  const context = {
    names,
    resources,
    notes,
    templateDir: path.dirname(file),
    globals: globalsOf(template, notes),
    propertiesOf: ({ logicalId, properties }: Resource) =>
      intrinsics.resolve(properties, `Resources.${logicalId}.Properties`) as Record<string, unknown>,
    inline(logicalId: string, name: string, text: string): string {
      const place = path.join(dataDir, 'sam', logicalId, name);
      files.push({ path: place, text });
      return place;
    },
  };
  noteSections(template, notes);
  const raw = new Map<string, RawFunction>();
  for (const [id, resource] of resources) {
    const made = functionTypes.includes(resource.type) ? functionOf(resource, context) : undefined;
    if (made !== undefined) raw.set(id, made);
  }
  const folders: string[] = [];
  for (const resource of resources.values()) {
    attach(resource, raw, context);
    if (resource.type === 'AWS::S3::Bucket') folders.push(names.bucketDir(names.nameOf(resource.logicalId)));
    noteResource(resource, context);
  }
  const functions: Record<string, FunctionSettings> = {};
  for (const [id, one] of raw) {
    const accepted = acceptFunction(one, notes, `Resources.${id}`);
    if (accepted !== undefined) functions[id] = accepted;
  }
  if (Object.keys(functions).length === 0) {
    const why = notes.lines.find((line) => line.includes('left out')) ?? 'it has none';
    throw new ThroughlineError('CONFIG_INVALID', `${file}: no function of it can run here: ${why}`);
  }
  return { app: { functions }, notes: notes.lines, folders, files };
}

function globalsOf(template: Record<string, unknown>, notes: Notes): Record<string, unknown> {
  const globals = isRecord(template['Globals']) ? template['Globals'] : {};
  for (const name of Object.keys(globals)) {
    if (name !== 'Function') notes.add(`Globals.${name}`, 'it is not heeded');
  }
  return isRecord(globals['Function']) ? globals['Function'] : {};
}

/** Sections that are nothing here; descriptions, metadata and outputs say nothing that could be done. */
function noteSections(template: Record<string, unknown>, notes: Notes): void {
  const understood =
    /^(?:AWSTemplateFormatVersion|Transform|Description|Globals|Parameters|Mappings|Conditions|Resources|Outputs|Metadata)$/;
  for (const name of Object.keys(template)) if (!understood.test(name)) notes.add(name, 'the section is not heeded');
  for (const transform of [template['Transform'] ?? []].flat()) {
    if (transform !== 'AWS::Serverless-2016-10-31') notes.add('Transform', `${textOf(transform)} is not applied`);
  }
  for (const [id, value] of Object.entries(template['Resources'] as Record<string, unknown>)) {
    if (!isRecord(value)) notes.add(`Resources.${id}`, 'it is no resource, and is left out');
  }
}

/** Gives functions the events that other resources attach to them. */
function attach(resource: Resource, raw: Map<string, RawFunction>, context: EventContext): void {
  if (resource.type === 'AWS::Lambda::Url') {
    const { TargetFunctionArn: target, InvokeMode: responseMode } = context.propertiesOf(resource);
    const one = raw.get(context.names.nameIn(target));
    if (one === undefined || responseMode !== 'RESPONSE_STREAM') return;
    const others = one.triggers.filter(({ trigger }) => trigger.type !== 'url');
    const url = { path: `Resources.${resource.logicalId}`, trigger: { type: 'url', responseMode } };
    raw.set(context.names.nameIn(target), { ...one, triggers: [url, ...others] });
    return;
  }
  for (const { functionId, type, properties, path: at } of attachedEvents(resource, context) ?? []) {
    const one = raw.get(functionId);
    if (one === undefined) {
      context.notes.add(at, `there is no function ${functionId} for its events`);
      continue;
    }
    const bucket = type === 'S3' ? { Bucket: context.names.nameOf(resource.logicalId) } : {};
    const more = triggersOf(type, { ...properties, ...bucket }, context, at);
    raw.set(functionId, { ...one, triggers: [...one.triggers, ...more] });
  }
}

/** What a resource is here, for those who look for it. */
function noteResource({ logicalId, type }: Resource, { names, notes }: EventContext): void {
  const at = `Resources.${logicalId}`;
  const name = names.nameOf(logicalId);
  if (functionTypes.includes(type) || /^AWS::Lambda::(?:EventSourceMapping|Url)$/.test(type)) return;
  if (type === 'AWS::Serverless::Api' || type === 'AWS::Serverless::HttpApi') {
    return notes.add(at, `its routes are at /lambda-api/${logicalId}/; nothing else of it is heeded`);
  }
  if (type === 'AWS::SQS::Queue') return notes.add(at, `it is topic queue.${name}`);
  if (type === 'AWS::Kinesis::Stream') return notes.add(at, `it is topic ${name}`);
  if (type === 'AWS::Events::EventBus') return notes.add(at, `it is topic bus.${name}`);
  if (type === 'AWS::S3::Bucket') return notes.add(at, `its objects are the files in ${names.bucketDir(name)}`);
  if (type === 'AWS::Events::Rule') return;
  if (/^AWS::IAM::|^AWS::Lambda::Permission$|Policy$/.test(type)) {
    return notes.add(at, `${type}: nothing is asked for permissions here`);
  }
  notes.add(at, `${type} is not there; functions are told its name, ${name}`);
}
