// The event of an object that was created or removed, in S3's shape. `object.path` is ours: where the file is on this machine.
// Source: Amazon S3 user guide, "Event message structure", version 2.1.
import path from 'node:path';

export type BucketEventName = 'ObjectCreated:Put' | 'ObjectRemoved:Delete';

export interface BucketChange {
  readonly name: BucketEventName;
  /** Absolute path of the folder. */
  readonly folder: string;
  /** Path of the file in it, with slashes. */
  readonly key: string;
  readonly timeMs: number;
  /** Of the file that was created. */
  readonly file?: { readonly size: number; readonly eTag: string };
  /** A number that grows with the changes of a key. */
  readonly sequence: number;
  readonly id: string;
}

export function bucketEvent({ name, folder, key, timeMs, file, sequence, id }: BucketChange): string {
  const bucket = path.basename(folder);
  const principalId = 'throughline';
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: 'us-east-1',
        eventTime: new Date(timeMs).toISOString(),
        eventName: name,
        userIdentity: { principalId },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: { 'x-amz-request-id': id.slice(0, 16).toUpperCase(), 'x-amz-id-2': id },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'throughline',
          bucket: { name: bucket, ownerIdentity: { principalId }, arn: `arn:aws:s3:::${bucket}` },
          object: {
            key: encodedKey(key),
            ...file,
            sequencer: Math.max(0, Math.round(sequence)).toString(16).toUpperCase().padStart(16, '0'),
            path: path.join(folder, key),
          },
        },
      },
    ],
  });
}

/** As S3 encodes keys in events: like a form, slashes as they are. */
export function encodedKey(key: string): string {
  return encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
}
