// A logger that keeps what the broker says of its own defects: requests that met an error which nobody foresaw.
import type { Logger } from '@throughline/event';

export class DefectRecorder implements Logger {
  readonly defects: string[] = [];

  debug(): void {}

  info(): void {}

  warn(): void {}

  error(fields: Parameters<Logger['error']>[0], message: string): void {
    if (!message.includes('defect')) return;
    const { error, ...others } = fields;
    // A disk that fails is no defect of the broker.
    if (error instanceof Error && /^E[A-Z]+:/.test(error.message)) return;
    this.defects.push(`${message}: ${error instanceof Error ? error.stack : String(error)} ${JSON.stringify(others)}`);
  }
}
