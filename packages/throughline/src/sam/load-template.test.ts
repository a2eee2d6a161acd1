import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { loadTemplate, type LoadedTemplate } from './load-template.ts';

function load(t: TestContext, text: string, parameters: Record<string, string> = {}): LoadedTemplate {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-sam-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'template.yaml');
  writeFileSync(path.join(folder, 'app.js'), '');
  writeFileSync(file, text);
  return loadTemplate(file, { dataDir: '/data', parameters });
}

const oneFunction = `
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: nodejs22.x
`;

test('an event of Kafka is a trigger of the contract, with a topic for what fails', (t) => {
  const { app, notes } = load(
    t,
    `${oneFunction}
      Events:
        Jobs:
          Type: MSK
          Properties:
            Stream: arn:aws:kafka:us-east-1:123456789012:cluster/a/b
            Topics: [jobs]
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            MaximumBatchingWindowInSeconds: 2
            DestinationConfig: { OnFailure: { Destination: !GetAtt Dead.Arn } }
            Unheard: 1
  Dead:
    Type: AWS::SQS::Queue
`,
  );
  assert.deepEqual(app.functions['One']?.triggers, [
    { type: 'url', responseMode: 'BUFFERED' },
    {
      type: 'kafka',
      topic: 'jobs',
      batchSize: 10,
      batchWindowMs: 2000,
      startingPosition: 'TRIM_HORIZON',
      onFailure: 'kafka://queue.Dead',
    },
  ]);
  assert.deepEqual(notes, [
    'Resources.One.Properties.Events.Jobs.Unheard: it is not heeded',
    'Resources.Dead: it is topic queue.Dead',
  ]);
});

test('a queue brings its visibility time-out and its redrive policy along', (t) => {
  const { app } = load(
    t,
    `${oneFunction}
      Events:
        Mails:
          Type: SQS
          Properties:
            Queue: !GetAtt Mails.Arn
            BatchSize: 5
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 3 }
  Mails:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 4 }
  Dead:
    Type: AWS::SQS::Queue
`,
  );
  assert.deepEqual(app.functions['One']?.triggers?.[1], {
    type: 'queue',
    queue: 'Mails',
    batchSize: 5,
    reportBatchItemFailures: true,
    visibilityTimeoutMs: 60_000,
    redrive: { deadLetterQueue: 'Dead', maxReceiveCount: 4 },
    maximumConcurrency: 3,
  });
});

test('results and failures go to functions, queues and buses; what is no destination here is noted', (t) => {
  const { app, notes } = load(
    t,
    `${oneFunction}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig:
          OnSuccess: { Type: EventBridge, Destination: !GetAtt Bus.Arn }
          OnFailure: { Type: Lambda, Destination: !GetAtt One.Arn }
  Two:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: nodejs22.x
      EventInvokeConfig:
        DestinationConfig:
          OnSuccess: { Type: SNS, Destination: 'arn:aws:sns:us-east-1:123456789012:Told' }
  Bus: { Type: AWS::Events::EventBus }
`,
  );
  const { onFailure, onSuccess, maximumRetryAttempts } = app.functions['One'] ?? {};
  assert.deepEqual([onSuccess, onFailure, maximumRetryAttempts], ['bus:Bus', 'function:One', 1]);
  assert.equal(app.functions['Two']?.onSuccess, undefined);
  assert.match(
    notes.join('\n'),
    /Two.*DestinationConfig\.OnSuccess: arn:aws:sns:.* is no destination here, and is left out$/m,
  );
});

test('a setting that a trigger does not take is left out and named, and the trigger stays', (t) => {
  const { app, notes } = load(
    t,
    `${oneFunction}
      Events:
        Jobs:
          Type: SelfManagedKafka
          Properties: { Topics: [jobs], BatchSize: 999999 }
`,
  );
  assert.deepEqual(app.functions['One']?.triggers?.[1], { type: 'kafka', topic: 'jobs' });
  assert.match(notes[0] ?? '', /^Resources\.One\.Properties\.Events\.Jobs: batchSize is left out: batchSize: /);
});

test('Globals are merged, a function’s own values win, and what has no value is absent', (t) => {
  const { app } = load(
    t,
    `
Globals:
  Function: { Timeout: 7, Runtime: nodejs22.x, Environment: { Variables: { A: global, B: global } } }
${oneFunction}
      Timeout: 9
      Environment: { Variables: { A: own, C: !Ref AWS::NoValue, D: !Sub ['\${x}-\${!y}', { x: !Ref AWS::Region }] } }
`,
  );
  const { timeoutMs, environment } = app.functions['One'] ?? {};
  assert.equal(timeoutMs, 9000);
  assert.deepEqual(environment, {
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    A: 'own',
    B: 'global',
    D: 'us-east-1-${y}',
  });
});

test('what cannot be computed is noted where it stands, and a parameter without a value says how it gets one', (t) => {
  const { notes } = load(
    t,
    `
Parameters: { Name: { Type: String } }
${oneFunction}
      Environment: { Variables: { A: !ImportValue other, B: !Ref Name, C: '{{resolve:ssm:/a}}', D: !GetAtt Nobody.Arn } }
`,
  );
  const at = 'Resources.One.Properties.Environment.Variables';
  assert.deepEqual(
    notes.map((note) => note.split(': ')[0]),
    [`${at}.A`, 'Parameters.Name', `${at}.C`, `${at}.D`],
  );
});

test('a text that is no template, and one whose functions cannot run, are errors that say why', (t) => {
  for (const [text, message] of [
    ['a: [', /template\.yaml: /],
    ['a: 1', /it has no Resources/],
    ['Resources: { A: { Type: "AWS::Serverless::Function", Properties: { Runtime: go1.x } } }', /no runtime go1\.x/],
    ['Resources: { A: { Type: "AWS::SQS::Queue" } }', /no function of it can run here: it has none/],
    ['a: &a { b: *a }\nResources: {}', /levels deep|alias/i],
  ] as const) {
    assert.throws(
      () => load(t, text),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && message.test(error.message),
      text,
    );
  }
});
