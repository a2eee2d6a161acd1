// `meta.properties`: whose folder this is, as Apache Kafka writes it (metadata/properties/MetaProperties.java), with one line
// of our own that says which of our formats the folder has. A folder without that line was written by Apache Kafka.
//
//   version=1
//   cluster.id=qwrDaUrcIe3Iv6YAilafzQ     16 bytes as base64url
//   node.id=1
//   directory.id=xiTW-fxKX6jiHRI_0_VAsg
//   throughline.format=2
//
// Being written last, it is also what makes a new folder count.
import { fromUtf8, ThroughlineError, utf8, type Random } from '@throughline/event';
import { replaceFile, type Disk } from '../disk/disk.ts';

export const metaPropertiesFile = 'meta.properties';
/** 1 was the one with topics.json. */
const format = 2;

export interface MetaProperties {
  /** As Kafka writes it: base64url. */
  readonly clusterId: string;
  readonly nodeId: number;
  /** 32 hexadecimal digits. */
  readonly directoryId: string;
  /** False for a folder that Apache Kafka has written and nobody has taken over. */
  readonly isOurs: boolean;
}

export function newMetaProperties(random: Random): MetaProperties {
  const clusterId = Buffer.from(random.bytes(16)).toString('base64url');
  return { clusterId, nodeId: 1, directoryId: Buffer.from(random.bytes(16)).toString('hex'), isOurs: true };
}

/**
 * Reads the file; undefined when there is none.
 *
 * @throws ThroughlineError DATA_FORMAT_UNSUPPORTED
 */
export async function readMetaProperties(disk: Disk, folder: string): Promise<MetaProperties | undefined> {
  const bytes = await disk.readFile(`${folder}/${metaPropertiesFile}`);
  if (bytes === undefined) return undefined;
  const values = new Map(
    fromUtf8(bytes)
      .split(/\r?\n/)
      .filter((line) => line.includes('=') && !/^\s*[#!]/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]),
  );
  const value = (name: string, pattern: RegExp): string => {
    const found = values.get(name) ?? '';
    if (!pattern.test(found)) throw unsupported(folder, `${name} in ${metaPropertiesFile} is ${JSON.stringify(found)}`);
    return found;
  };
  value('version', /^1$/);
  const ours = values.get('throughline.format');
  if (ours !== undefined && ours !== String(format)) {
    throw unsupported(folder, `it has format ${ours}, this version reads ${format}`);
  }
  return {
    clusterId: value('cluster.id', /^\S+$/),
    nodeId: Number(value('node.id', /^\d{1,9}$/)),
    directoryId: Buffer.from(value('directory.id', /^[\w-]{22}$/), 'base64url').toString('hex'),
    isOurs: ours !== undefined,
  };
}

export function storeMetaProperties(disk: Disk, folder: string, properties: MetaProperties): Promise<void> {
  const lines = [
    'version=1',
    `cluster.id=${properties.clusterId}`,
    `node.id=${properties.nodeId}`,
    `directory.id=${Buffer.from(properties.directoryId, 'hex').toString('base64url')}`,
    `throughline.format=${format}`,
  ];
  return replaceFile(disk, folder, metaPropertiesFile, utf8(`${lines.join('\n')}\n`));
}

function unsupported(folder: string, why: string): ThroughlineError {
  return new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${folder}: ${why}`, { details: { folder } });
}
